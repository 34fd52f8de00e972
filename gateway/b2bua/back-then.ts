/**
 * A moment that is past, put together from the history of connections and the records of calls
 * (RTE-16). The configuration is today's: of another one nothing is asked.
 */
import type { Connection, ConnectionId, User } from "../../schema/config.ts";
import type { WallMillis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { Usage } from "./capacity.ts";
import type { Moment, WayState } from "./moment.ts";
import { Spending } from "./spending.ts";
import type { CallStatus } from "./status.ts";
import { UserGuard } from "./user-guard.ts";

/** What a connection's registration or reachability was then. */
export interface StateThen {
  readonly connection: number;
  readonly aspect: "registration" | "reachability";
  readonly state: string;
  readonly reason: string;
}

/** A call, over or not. */
export interface CallThen
  extends Pick<
    CallStatus,
    "id" | "direction" | "callee" | "connection" | "user" | "started" | "answered"
  > {
  readonly ended?: WallMillis;
}

/** What was kept of a time. */
export interface Past {
  readonly at: WallMillis;
  /** One for each connection and aspect at most. */
  readonly states: readonly StateThen[];
  /** Those that were up then, and those the user began in the day before. */
  readonly calls: readonly CallThen[];
}

/** How things stood for that user. */
export function momentOf(past: Past, connections: readonly Connection[], user: User): Moment {
  const enabled = connections.filter((connection) => connection.enabled);
  return {
    ways: enabled.map((connection) => wayOf(past, connection)),
    allowance: allowanceOf(past, user),
  };
}

function wayOf({ at, states, calls }: Past, connection: Connection): WayState {
  const stateOf = (wanted: StateThen["aspect"]) =>
    states.find((it) => it.connection === connection.id && it.aspect === wanted);
  const isRegistering = connection.type !== "outbound-trunk";
  const isProbed = connection.optionsInterval !== undefined;
  const registration = isRegistering ? stateOf("registration") : undefined;
  const reachability = isProbed ? stateOf("reachability") : undefined;
  const usage = usageOf(calls, connection.id, at);
  if (registration && registration.state !== "registered") {
    return { connection, usage, down: `is not registered: ${registration.reason}` };
  }
  if (reachability?.state === "down") {
    return { connection, usage, down: `is down: ${reachability.reason}` };
  }
  const isTold = (registration || !isRegistering) && (reachability || !isProbed);
  const isKnown = isTold && (isRegistering || isProbed);
  return { connection, usage, ...(isKnown ? {} : { doubt: "unknown then, taken as up" }) };
}

function usageOf(calls: readonly CallThen[], id: ConnectionId, at: WallMillis): Usage {
  const isUp = ({ connection, started, ended = Number.POSITIVE_INFINITY }: CallThen) =>
    connection === id && started <= at && at < ended;
  const up = calls.filter(isUp);
  const inbound = up.filter(({ direction }) => direction === "inbound").length;
  return { inbound, outbound: up.length - inbound };
}

/** The guard judges as it would have: it is told again what it was told then. */
function allowanceOf({ at, calls }: Past, user: User) {
  const spending = new Spending();
  const guard = new UserGuard((wall) => wall, spending);
  const own = calls.filter(
    (it) => it.user === user.id && it.connection !== undefined && it.direction !== "inbound",
  );
  const events = own.flatMap(({ id, callee, started, answered, ended }) => {
    const leg = id as LegId;
    return [
      { when: started, tell: () => guard.begin(user, callee, started) },
      ...(answered === undefined
        ? []
        : [{ when: answered, tell: () => spending.answered(leg, user.id, answered) }]),
      ...(ended === undefined ? [] : [{ when: ended, tell: () => spending.ended(leg, ended) }]),
    ];
  });
  const past = events.filter(({ when }) => when <= at).sort((a, b) => a.when - b.when);
  for (const { tell } of past) tell();
  return guard.allowance(user, at);
}
