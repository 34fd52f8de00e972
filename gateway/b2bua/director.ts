/**
 * Who is reached by an address, and for whom: local users before dial patterns, forwarding, and the
 * detours of a running call (transfer, redirect). It decides and invites nobody.
 */
import type { Config, Connection, ConnectionId, User, UserId } from "../../schema/config.ts";
import type { Settings } from "../../schema/settings.ts";
import { EMERGENCY_NUMBERS_DEFAULT } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { type Random, randomFraction } from "../random.ts";
import { parseUri } from "../sip/uri.ts";
import { momentOf, type Past } from "./back-then.ts";
import { deviceCandidate, trunkCandidates } from "./call-plan.ts";
import type { Destination, Journey, RouteAsk, StandIn } from "./destination.ts";
import { type Moment, routable } from "./moment.ts";
import { normaliseNumber } from "./number.ts";
import { international } from "./number-plan.ts";
import type { Registrar } from "./registrar.ts";
import { type RouteQuery, type RouteStep, route, survey } from "./route.ts";
import type { Explanation } from "./status.ts";
import type { Trunk } from "./trunk.ts";
import { refusalOf, type UserGuard } from "./user-guard.ts";

export type Directed =
  | {
      readonly ok: true;
      readonly destination: Destination;
      readonly callee: string;
      /** What connections said to the number, as far as they were asked. */
      readonly steps?: readonly RouteStep[];
      /** A country the user never called before (SEC-10). */
      readonly newCountry?: string;
    }
  | {
      readonly ok: false;
      readonly status: number;
      readonly reason: string;
      readonly steps?: readonly RouteStep[];
      /** A connection would have taken it, had it had a place. */
      readonly isFull?: boolean;
    };

/** How long a user's devices ring before a forward for no answer. */
const NO_ANSWER_SECONDS = 20;
/** Forwards in a row before they are taken for a circle. */
const FORWARDS_MAX = 5;
/** AMB-02: connections asked for one call, and for how long another one is begun. */
const CONNECTIONS_MAX = 3;
const FAILOVER_MS = 15_000;
/** A moment is the same whenever it is looked at. */
const WHENEVER: Millis = 0;

export interface DirectorOptions {
  readonly registrar: Registrar;
  readonly trunks: () => Iterable<Trunk>;
  readonly random: Random;
  readonly guard: UserGuard;
}

export class Director {
  readonly #registrar: Registrar;
  readonly #trunks: () => Iterable<Trunk>;
  readonly #random: Random;
  readonly #guard: UserGuard;
  #settings: Settings = {};
  #connections: readonly Connection[] = [];
  #emergencyNumbers: ReadonlySet<string> = new Set();
  /** Calls that failover groups were given, by name. */
  readonly #turns = new Map<string, number>();
  /** The enabled ones. */
  #byName: ReadonlyMap<string, User> = new Map();
  #byId: ReadonlyMap<UserId, User> = new Map();

  constructor(options: DirectorOptions) {
    this.#registrar = options.registrar;
    this.#trunks = options.trunks;
    this.#random = options.random;
    this.#guard = options.guard;
  }

  configure(config: Config): void {
    const enabled = config.users.filter((user) => user.enabled);
    this.#byName = new Map(enabled.map((user) => [user.name, user]));
    this.#byId = new Map(enabled.map((user) => [user.id, user]));
    this.#settings = config.settings ?? {};
    this.#connections = config.connections;
    const { emergencyNumbers = EMERGENCY_NUMBERS_DEFAULT } = this.#settings;
    this.#emergencyNumbers = new Set(emergencyNumbers);
    this.#guard.retain(new Set(enabled.map(({ id }) => id)));
  }

  /** A user dials: another user's name, or a number at a connection. */
  dialled(user: User, address: string, journey: Journey, now: Millis): Directed {
    const dialled = normaliseNumber(address);
    if (!dialled.ok) return refused(404, dialled.reason);
    return this.#number(user, dialled.number, journey, now, 0);
  }

  /** Users are called: one with all that user's forwards, several side by side. */
  users(ids: readonly UserId[], journey: Journey, now: Millis): Directed {
    const called = ids.flatMap((id) => this.enabledUser(id) ?? []);
    const [first] = called;
    if (!first) return refused(480, "nobody answers this connection");
    if (called.length === 1) return this.#user(first, journey, now, 0);
    const candidates = called.flatMap(({ id, holdMusic }) =>
      this.#registrar.devicesOf(id).map((device) => deviceCandidate(device, journey, holdMusic)),
    );
    const names = called.map(({ name }) => name).join(", ");
    if (candidates.length === 0) return refused(480, `none of ${names} has a softphone online`);
    return { ok: true, destination: { candidates }, callee: names };
  }

  /** Where a running call goes on. */
  detour(ask: RouteAsk, now: Millis): Directed {
    if (ask.standIn) return this.#outside(ask.standIn, now);
    const uri = parseUri(ask.uri);
    const dialled = normaliseNumber(uri?.user ?? "");
    if (!uri || !dialled.ok) return refused(404, "the new address names nobody to call");
    const { caller, maxForwards, diverted } = ask;
    const journey: Journey = { caller, maxForwards, ...(diverted ? { diverted } : {}) };
    if (maxForwards <= 0) return refused(483, "the call has passed too many hops");
    const user = this.enabledUser(ask.user);
    if (user) return this.#number(user, dialled.number, journey, now, 1);
    const trunk = [...this.#trunks()].find((it) => it.connection.id === ask.connection);
    if (!trunk) return refused(403, "nobody answers for this new address");
    return this.#onBehalfOf(trunk, ask.why, uri.host, dialled.number, journey, now);
  }

  /** A PBX sends the call on: to a user, or to another of its own numbers (S1). */
  #onBehalfOf(
    trunk: Trunk,
    why: RouteAsk["why"],
    host: string,
    number: string,
    journey: Journey,
    now: Millis,
  ): Directed {
    const { connection } = trunk;
    if (why === "redirect") {
      if (connection.followRedirects !== true) {
        return refused(
          502,
          `${connection.name} redirects the call; its redirects are not followed`,
        );
      }
      const own = [connection.host, connection.fromDomain, trunk.openFlow?.remote.address];
      if (!own.includes(host)) return refused(502, "the call was redirected to a foreign host");
    } else {
      const local = this.userNamed(number);
      if (local) return this.#user(local, journey, now, 1);
    }
    const obstacle = trunk.ineligible(now);
    if (obstacle) return refused(503, obstacle.reason);
    const candidates = trunkCandidates(trunk, number, undefined, journey);
    return { ok: true, destination: { candidates }, callee: number };
  }

  /** The connection an address leads to, and the number there; undefined where there is none. */
  way(address: string, now: Millis): { trunk: Trunk; number: string } | undefined {
    const dialled = normaliseNumber(address);
    if (!dialled.ok) return undefined;
    const decision = route([...this.#trunks()], { number: dialled.number }, now);
    return decision.found ? { trunk: decision.trunk, number: decision.number } : undefined;
  }

  #number(user: User, number: string, journey: Journey, now: Millis, depth: number): Directed {
    const local = this.userNamed(number);
    if (local) return this.#user(local, journey, now, depth);
    const asked = this.#asked(user, number);
    return this.#outside({ ...asked, journey, tried: [], until: now + FAILOVER_MS, user }, now);
  }

  /** A number as patterns see it (AMB-04); what saves lives is left as it is. */
  #asked(user: User, number: string): Pick<StandIn, "number" | "isEmergency"> {
    if (this.isEmergency(number)) return { number, isEmergency: true };
    const plan = user.numberPlan ?? this.#settings.numberPlan;
    return { number: international(number, plan), isEmergency: false };
  }

  /** Of a number as it was dialled: hyphens and parameters hide none. */
  isEmergency(address: string): boolean {
    const dialled = normaliseNumber(address);
    return dialled.ok && this.#emergencyNumbers.has(dialled.number);
  }

  /** A number at a connection: the first one, or the next after those that failed. */
  #outside(asked: StandIn, now: Millis): Directed {
    const { number, journey, user, tried, isEmergency } = asked;
    const isFirst = tried.length === 0 && !isEmergency;
    const held = isFirst ? this.#guard.judge(user, number, now) : undefined;
    if (held) return { ok: false, ...held };
    const query = this.#queryOf(user, asked, tried);
    const decision = route([...this.#trunks()], query, now);
    if (!decision.found) return { ok: false, ...decision };
    const newCountry = isFirst ? this.#guard.begin(user, number, now) : undefined;
    const { trunk } = decision;
    const { id, failoverGroup } = trunk.connection;
    if (failoverGroup && tried.length === 0) {
      this.#turns.set(failoverGroup.name, this.#turnOf(failoverGroup.name) + 1);
    }
    const mayGoOn = decision.hasStandIn && tried.length + 1 < CONNECTIONS_MAX && now < asked.until;
    const standIn = { ...asked, tried: [...tried, id] };
    const candidates = trunkCandidates(trunk, decision.number, user, journey);
    const destination = { candidates, ...(mayGoOn ? { standIn } : {}) };
    const { steps } = decision;
    const told = newCountry === undefined ? {} : { newCountry };
    return { ok: true, destination, callee: number, steps, ...told };
  }

  readonly #turnOf = (group: string): number => this.#turns.get(group) ?? 0;

  #queryOf(
    user: User,
    { number, isEmergency }: Pick<StandIn, "number" | "isEmergency">,
    tried: readonly ConnectionId[],
  ): RouteQuery {
    const draw = randomFraction(this.#random);
    const who = { user: user.id, only: user.only };
    return { number, isEmergency, ...who, tried, turnOf: this.#turnOf, draw };
  }

  #user(user: User, journey: Journey, now: Millis, depth: number): Directed {
    if (depth > FORWARDS_MAX) return refused(482, "the call was forwarded in a circle");
    const { forward } = user;
    const devices = this.#registrar.devicesOf(user.id);
    const away = devices.length === 0 ? forward?.noAnswer : undefined;
    const elsewhere = forward?.always ?? away;
    if (elsewhere !== undefined) {
      const reason = forward?.always === undefined ? "no-answer" : "unconditional";
      const diverted = { by: user.name, reason };
      return this.#number(user, elsewhere, { ...journey, diverted }, now, depth + 1);
    }
    if (devices.length === 0) return refused(480, `${user.name} has no softphone online`);
    const seconds = forward?.noAnswerSeconds ?? NO_ANSWER_SECONDS;
    const destination: Destination = {
      candidates: devices.map((device) => deviceCandidate(device, journey, user.holdMusic)),
      user: user.id,
      ...(forward?.noAnswer === undefined ? {} : { ringForMs: seconds * 1_000 }),
      ...(forward ? { forward: forwardsOf(forward) } : {}),
    };
    return { ok: true, destination, callee: user.name };
  }

  /** How things stand now for that user, or stood then. */
  moment(user: User, when: Millis | Past): Moment {
    if (typeof when !== "number") return momentOf(when, this.#connections, user);
    const ways = [...this.#trunks()].map((trunk) => trunk.state(when));
    return { ways, allowance: this.#guard.allowance(user, when) };
  }

  /** What would happen if the user dialled that at that moment (RTE-16); nothing happens. */
  explain(user: User, address: string, { ways: states, allowance }: Moment): Explanation {
    const dialled = normaliseNumber(address);
    if (!dialled.ok) return { number: address, ways: [], steps: [], reason: dialled.reason };
    const local = this.userNamed(dialled.number);
    if (local) return { number: dialled.number, ways: [], steps: [], colleague: local.name };
    const asked = this.#asked(user, dialled.number);
    const { number, isEmergency } = asked;
    const held = isEmergency ? undefined : refusalOf(user, number, allowance);
    if (held) return { number, ways: [], steps: [], reason: held.reason };
    const routables = states.map(routable);
    const ways: Explanation["ways"][number][] = [];
    const tried: ConnectionId[] = [];
    for (;;) {
      const query = this.#queryOf(user, asked, tried);
      const decision = route(routables, query, WHENEVER);
      const steps = survey(routables, query, WHENEVER);
      if (!decision.found) return { number, ways, steps, reason: decision.reason };
      const { id, name } = decision.trunk.connection;
      ways.push({ connection: id, name, number: decision.number });
      tried.push(id);
      if (!decision.hasStandIn || ways.length === CONNECTIONS_MAX) return { number, ways, steps };
    }
  }

  /** The enabled user of that name. */
  userNamed(name: string): User | undefined {
    return this.#byName.get(name);
  }

  /** The user with that id, while it is enabled. */
  enabledUser(id: UserId | undefined): User | undefined {
    return id === undefined ? undefined : this.#byId.get(id);
  }
}

function forwardsOf({ busy, noAnswer }: NonNullable<User["forward"]>) {
  return {
    ...(busy === undefined ? {} : { busy }),
    ...(noAnswer === undefined ? {} : { noAnswer }),
  };
}

function refused(status: number, reason: string): Directed {
  return { ok: false, status, reason };
}
