/**
 * Outbound routing: which connection takes a dialled number (RTE-01 to RTE-06).
 *
 * Pure. Connections are tried in the order (weight, id); the first whose pattern matches and that
 * can take a call ends the search. What was skipped, and why, is kept for the call's record.
 */
import { RE2JS } from "re2js";
import type { Connection, DialPattern } from "../../schema/config.ts";
import type { Millis } from "../machine.ts";

/** Why a connection that matches can't take the call now; undefined when it can. */
export type Ineligible =
  | { because: "not-permitted"; reason: string }
  | { because: "full"; reason: string }
  | { because: "down"; reason: string };

export interface RouteStep {
  readonly connection: string;
  readonly outcome: string;
}

export type RouteDecision<Way> =
  | { found: true; trunk: Way; number: string; steps: RouteStep[] }
  | { found: false; status: 403 | 404 | 503; reason: string; steps: RouteStep[] };

/** What routing asks of a way out; a trunk is one. */
export interface Routable {
  readonly connection: Connection;
  /** Why it can't take a call at this moment; undefined when it can. */
  ineligible(now: Millis): Ineligible | undefined;
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

/** Decides for a normalised number. */
export function route<Way extends Routable>(
  ways: readonly Way[],
  number: string,
  now: Millis,
): RouteDecision<Way> {
  const steps: RouteStep[] = [];
  let worst: Ineligible | undefined;
  for (const trunk of [...ways].sort(byWeight)) {
    const { name, patterns } = trunk.connection;
    const pattern = patterns.find((candidate) => patternMatches(candidate, number));
    if (!pattern) {
      steps.push({ connection: name, outcome: "no pattern matches" });
      continue;
    }
    const obstacle = trunk.ineligible(now);
    if (obstacle) {
      steps.push({ connection: name, outcome: obstacle.reason });
      worst ??= obstacle;
      continue;
    }
    steps.push({ connection: name, outcome: `matches ${pattern.pattern}` });
    return { found: true, trunk, number: rewrite(pattern, number), steps };
  }
  return { found: false, ...refusal(number, worst), steps };
}

function byWeight({ connection: a }: Routable, { connection: b }: Routable): number {
  return a.weight - b.weight || a.id - b.id;
}

function rewrite(pattern: DialPattern, number: string): string {
  return pattern.prepend + number.slice(pattern.strip);
}

/** RTE-06: each cause has a status of its own. */
function refusal(
  number: string,
  obstacle: Ineligible | undefined,
): { status: 403 | 404 | 503; reason: string } {
  if (!obstacle) return { status: 404, reason: `no connection has a pattern for ${number}` };
  return { status: obstacle.because === "not-permitted" ? 403 : 503, reason: obstacle.reason };
}
