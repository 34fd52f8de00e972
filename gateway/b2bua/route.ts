/**
 * Outbound routing: which connection takes a dialled number (RTE-01 to RTE-08), and which stands in
 * when that one can't (AMB-02, X5).
 *
 * Pure. Connections are asked in the order (weight, id); the first whose pattern matches and that can
 * take a call gets it, or another of its failover group if the group's strategy says so. What was
 * skipped, and why, is kept for whoever asks.
 */
import { RE2JS } from "re2js";
import type { Connection, ConnectionId, DialPattern, UserId } from "../../schema/config.ts";
import type { Millis } from "../machine.ts";
import { load, type Usage } from "./capacity.ts";
import { DRAFT_ID } from "./test-caller.ts";

/** Why a connection that matches can't take the call now; undefined when it can. */
export type Ineligible =
  | { because: "not-permitted"; reason: string }
  | { because: "full"; reason: string }
  | { because: "down"; reason: string };

export interface RouteStep {
  readonly connection: string;
  readonly outcome: string;
}

export type RouteRefusal = {
  readonly status: 403 | 404 | 503;
  readonly reason: string;
  readonly isFull: boolean;
};

export type RouteDecision<Way> =
  | {
      found: true;
      trunk: Way;
      number: string;
      /** Another connection would be asked if this one failed. */
      hasStandIn: boolean;
      steps: RouteStep[];
    }
  | ({ found: false; steps: RouteStep[] } & RouteRefusal);

/** What routing asks of a way out; a trunk is one. */
export interface Routable {
  readonly connection: Connection;
  readonly usage: Usage;
  /** What is said of it beside, where its pattern matches. */
  readonly doubt?: string;
  /** Why it can't take a call at this moment; undefined when it can. */
  ineligible(now: Millis): Ineligible | undefined;
}

export interface RouteQuery {
  /** Normalised. */
  readonly number: string;
  /** Who calls out; absent where nobody's permission is in question. */
  readonly user?: UserId | undefined;
  /** The connections asked, whoever they are for; absent: all. */
  readonly only?: readonly ConnectionId[] | undefined;
  /** An emergency number: no limit and no permission holds it up. */
  readonly isEmergency?: boolean;
  /** Connections the call failed at already, in order. */
  readonly tried?: readonly ConnectionId[];
  /** How many calls a group was given before: whose turn it is (`round-robin`). */
  readonly turnOf?: (group: string) => number;
  /** 0 to 1, by chance: who is drawn (`weighted`). */
  readonly draw?: number;
}

interface Match<Way> {
  readonly way: Way;
  readonly number: string;
}

/** A pattern is compiled once per configuration snapshot; snapshots are immutable. */
const compiled = new WeakMap<DialPattern, RE2JS>();

/** Search semantics (RTE-01): `.` matches any number, `4[0-9]{3}` also matches inside `14000`. */
export function patternMatches(pattern: DialPattern, number: string): boolean {
  let expression = compiled.get(pattern);
  if (!expression) {
    expression = RE2JS.compile(pattern.pattern);
    compiled.set(pattern, expression);
  }
  return expression.matcher(number).find();
}

/** Decides for a call, or for one that failed elsewhere. */
export function route<Way extends Routable>(
  ways: readonly Way[],
  query: RouteQuery,
  now: Millis,
): RouteDecision<Way> {
  const search = new Search(ways, query, now);
  const tried = query.tried ?? [];
  const match = search.next(tried);
  const { steps } = search;
  if (!match) return { found: false, ...search.refusal(), steps };
  const { way: trunk, number } = match;
  const { id, failoverGroup, continueOnFailure } = trunk.connection;
  // Only these ever look further: most calls are decided by their first match.
  const goesOn = failoverGroup !== undefined || continueOnFailure === true;
  const hasStandIn = goesOn && search.next([...tried, id]) !== undefined;
  return { found: true, trunk, number, hasStandIn, steps };
}

/** What every connection says to the number, in the order they are asked (RTE-16). */
export function survey(ways: readonly Routable[], query: RouteQuery, now: Millis): RouteStep[] {
  const search = new Search(ways, query, now);
  search.examineAll();
  return search.steps;
}

class Search<Way extends Routable> {
  readonly steps: RouteStep[] = [];
  readonly #ways: readonly Way[];
  readonly #query: RouteQuery;
  readonly #now: Millis;
  readonly #examined = new Map<Way, Match<Way> | undefined>();
  readonly #obstacles: Ineligible[] = [];

  constructor(ways: readonly Way[], query: RouteQuery, now: Millis) {
    // What is tried unsaved is there for who tries it: for nobody else, and for no emergency.
    const isThere = ({ connection: { id } }: Way) => id !== DRAFT_ID || query.only?.includes(id);
    this.#ways = ways.filter(isThere).sort(byWeight);
    this.#query = query;
    this.#now = now;
  }

  /** Who takes the call after those; undefined where nobody does. */
  next(tried: readonly ConnectionId[]): Match<Way> | undefined {
    const isUntried = ({ connection }: Way) => !tried.includes(connection.id);
    const latest = this.#ways.find(({ connection }) => connection.id === tried.at(-1));
    if (!latest) {
      const first = this.#firstOf(this.#ways.filter(isUntried));
      return tried.length === 0 && first ? this.#inGroup(first, isUntried) : undefined;
    }
    const { failoverGroup, continueOnFailure } = latest.connection;
    const inGroup =
      failoverGroup && continueOnFailure !== false ? this.#inGroup(latest, isUntried) : undefined;
    if (inGroup || continueOnFailure !== true) return inGroup;
    const first = this.#firstOf(this.#ways.filter(isUntried));
    return first && this.#inGroup(first, isUntried);
  }

  examineAll(): void {
    for (const way of this.#ways) this.#examine(way);
  }

  /** RTE-06: each cause has a status of its own; what may change soon is told before what won't. */
  refusal(): RouteRefusal {
    const passing = this.#obstacles.find(({ because }) => because !== "not-permitted");
    const obstacle = passing ?? this.#obstacles[0];
    if (!obstacle) {
      const reason = `no connection has a pattern for ${this.#query.number}`;
      return { status: 404, reason, isFull: false };
    }
    const { because, reason } = obstacle;
    return { status: passing ? 503 : 403, reason, isFull: because === "full" };
  }

  #firstOf(ways: readonly Way[]): Match<Way> | undefined {
    for (const way of ways) {
      const match = this.#examine(way);
      if (match) return match;
    }
    return undefined;
  }

  /** Of the group of `member`, the one its strategy chooses; itself where it has none (RTE-08). */
  #inGroup(member: Way | Match<Way>, isWanted: (way: Way) => boolean): Match<Way> | undefined {
    const way = "way" in member ? member.way : member;
    const group = way.connection.failoverGroup;
    if (!group) return "way" in member ? member : undefined;
    const mates = this.#ways.filter((it) => it.connection.failoverGroup?.name === group.name);
    const matches = mates.filter(isWanted).flatMap((it) => this.#examine(it) ?? []);
    return chosen(matches, group.strategy, group.name, this.#query);
  }

  #examine(way: Way): Match<Way> | undefined {
    if (this.#examined.has(way)) return this.#examined.get(way);
    const match = this.#judge(way);
    this.#examined.set(way, match);
    return match;
  }

  #judge(way: Way): Match<Way> | undefined {
    const { id, name: connection, patterns, users } = way.connection;
    const { number, user, only } = this.#query;
    const pattern = patterns.find((candidate) => patternMatches(candidate, number));
    if (!pattern) {
      this.steps.push({ connection, outcome: "no pattern matches" });
      return undefined;
    }
    const isUrgent = this.#query.isEmergency === true;
    const isForAll = users === undefined || user === undefined;
    const isPermitted = isUrgent || (only ? only.includes(id) : isForAll || users.includes(user));
    const obstacle: Ineligible | undefined = isPermitted
      ? way.ineligible(this.#now)
      : { because: "not-permitted", reason: `${connection} is not for this user` };
    if (obstacle && !(isUrgent && obstacle.because === "full")) {
      this.#obstacles.push(obstacle);
      this.steps.push({ connection, outcome: obstacle.reason });
      return undefined;
    }
    const { doubt } = way;
    const matches = `matches ${pattern.pattern}`;
    this.steps.push({ connection, outcome: doubt ? `${matches}; ${doubt}` : matches });
    return { way, number: rewrite(pattern, number) };
  }
}

function chosen<Way extends Routable>(
  matches: readonly Match<Way>[],
  strategy: NonNullable<Connection["failoverGroup"]>["strategy"],
  group: string,
  { turnOf, draw = 0 }: RouteQuery,
): Match<Way> | undefined {
  switch (strategy) {
    case "ordered":
      return matches[0];
    case "round-robin":
      return matches[(turnOf?.(group) ?? 0) % matches.length];
    case "least-busy": {
      const busy = ({ way: { connection, usage } }: Match<Way>) => load(connection, usage);
      return [...matches].sort((a, b) => busy(a) - busy(b))[0];
    }
    case "weighted": {
      const share = ({ way }: Match<Way>) => way.connection.failoverGroup?.share ?? 1;
      let left = draw * matches.reduce((sum, it) => sum + share(it), 0);
      for (const match of matches) {
        left -= share(match);
        if (left < 0) return match;
      }
      return matches.at(-1);
    }
  }
}

function byWeight({ connection: a }: Routable, { connection: b }: Routable): number {
  return a.weight - b.weight || a.id - b.id;
}

function rewrite(pattern: DialPattern, number: string): string {
  return pattern.prepend + number.slice(pattern.strip);
}
