/**
 * Dial patterns looked at without a call: what a number becomes by them, and which of them no number
 * can ever get to (RTE-16). What is said here errs on the side of "reachable".
 */
import { RE2JS } from "re2js";
import type { Connection, DialPattern } from "./config.ts";
import { areMates } from "./stand-ins.ts";

export interface PatternTrial {
  readonly number: string;
  /** The place of the pattern that takes it; absent: none does. */
  readonly pattern?: number;
  /** What the PBX would be sent. */
  readonly sent?: string;
}

/** As `route` does it: the first pattern that is found in the number. Broken patterns take nothing. */
export function tryPatterns(
  patterns: readonly DialPattern[],
  numbers: readonly string[],
): PatternTrial[] {
  const compiled = patterns.map(({ pattern }) => compile(pattern));
  return numbers.map((number) => {
    const at = compiled.findIndex((it) => it?.matcher(number).find() === true);
    const taken = patterns[at];
    if (!taken) return { number };
    return { number, pattern: at, sent: taken.prepend + number.slice(taken.strip) };
  });
}

function compile(pattern: string): RE2JS | undefined {
  if (pattern === "") return undefined;
  try {
    return RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
}

export interface PlannedPattern {
  readonly connection: Connection;
  readonly pattern: DialPattern;
  /** Why no number gets there; absent where one may. */
  readonly unreachable?: string;
  /** Nothing stands in when this connection can't take its numbers (OPS-09). */
  readonly isAlone?: true;
}

/** All patterns in the order they are asked. */
export function dialPlanOf(connections: readonly Connection[]): PlannedPattern[] {
  const ordered = [...connections].sort((a, b) => a.weight - b.weight || a.id - b.id);
  const before: PlannedPattern[] = [];
  for (const connection of ordered) {
    for (const pattern of connection.patterns) {
      const unreachable = whyUnreachable(connection, pattern, before);
      before.push({ connection, pattern, ...(unreachable ? { unreachable } : {}) });
    }
  }
  return before.map((it) =>
    it.unreachable === undefined && !hasStandIn(it, before) ? { ...it, isAlone: true } : it,
  );
}

/** Whether another connection may get the numbers of this pattern: of its group, or behind it. */
function hasStandIn(
  { connection, pattern }: PlannedPattern,
  all: readonly PlannedPattern[],
): boolean {
  const { furtherHosts = [] } = connection;
  if (furtherHosts.length > 0) return true;
  return all.some(({ connection: other, pattern: its }) => {
    if (other === connection || !other.enabled || !other.allowOutbound) return false;
    // Which numbers two expressions have in common is unknown: what may be one is not denied.
    const isBehind = connection.continueOnFailure === true;
    return (
      areMates(connection, other) ||
      (isBehind && (its.pattern === pattern.pattern || isCatchAll(its.pattern)))
    );
  });
}

function whyUnreachable(
  connection: Connection,
  { pattern }: DialPattern,
  before: readonly PlannedPattern[],
): string | undefined {
  if (!connection.enabled) return `${connection.name} is switched off`;
  if (!connection.allowOutbound) return `${connection.name} takes no calls from here`;
  const taker = before.find(
    (it) => it.unreachable === undefined && isDecisive(it, connection) && covers(it, pattern),
  );
  if (!taker) return undefined;
  const isOwn = taker.connection === connection;
  return `${taker.pattern.pattern} ${isOwn ? "above" : `of ${taker.connection.name}`} takes all its numbers`;
}

/** Whether a number that matches there never gets to `connection`, whatever becomes of the call. */
function isDecisive(earlier: PlannedPattern, connection: Connection): boolean {
  const { connection: own } = earlier;
  if (own === connection) return true;
  return !areMates(own, connection) && own.continueOnFailure !== true && own.users === undefined;
}

const CATCH_ALL = /^(?:\^|\^?(?:\.|\\d)(?:[*+]\$?)?)$/;
/** Begins with these digits, and whatever follows. */
const OPEN_PREFIX = /^\^([0-9]+)(?:\.\*?|\\d\*)?\$?$/;

/** Whether it takes every number; only the usual spellings are known. */
export function isCatchAll(pattern: string): boolean {
  return CATCH_ALL.test(pattern);
}

/** Whether every number the later pattern takes is taken by the earlier one; false where unsure. */
function covers({ pattern: { pattern: earlier } }: PlannedPattern, later: string): boolean {
  if (earlier === later || isCatchAll(earlier)) return true;
  const prefix = OPEN_PREFIX.exec(earlier)?.[1];
  if (prefix === undefined || earlier === `^${prefix}$` || /\.$|\.\$$/.test(earlier)) return false;
  // What is optional or an alternative right after the digits could take the last of them away.
  const own = /^\^([0-9]+)(?![?*{|])/.exec(later)?.[1];
  return own?.startsWith(prefix) === true && !later.includes("|");
}
