/** What is asked of a connection that is not saved: as it is meant, what is wrong, and how often (W8). */
import type { Context } from "hono";
import { checkConfig } from "../../schema/check.ts";
import type { Config, Connection, ConnectionId, Problem } from "../../schema/config.ts";
import { refuse } from "../refusal.ts";
import type { connectionInput } from "../schemas.ts";

const EVERY_MS = 2_000;
/** People who ask at the same time are few. */
const ACTORS_MAX = 1_000;
/** What decides who is asked, and who reads it on the way. */
const PLACE = ["host", "port", "transport", "tls", "outboundProxy", "furtherHosts"] as const;

/** The stored password goes where it was stored for, and nowhere else. */
export function draftOf(
  input: ReturnType<typeof connectionInput>,
  stored: Connection | undefined,
): Connection {
  const base = { ...input, id: stored?.id ?? (0 as ConnectionId) };
  if (input.password !== undefined || stored?.password === undefined) return base;
  const isSamePlace = PLACE.every((field) => Bun.deepEquals(input[field], stored[field]));
  return isSamePlace ? { ...base, password: stored.password } : base;
}

/** What is wrong with the draft by itself, of the fields that are asked of it. */
export function problemsOfDraft(
  config: Config,
  connection: Connection,
  isAsked: (field: string) => boolean,
): Problem[] {
  const prefix = "connections[0].";
  return checkConfig({ ...config, connections: [connection] })
    .problems.filter(({ path }) => path.startsWith(prefix))
    .map(({ path, message }) => ({ path: path.slice(prefix.length), message }))
    .filter(({ path }) => isAsked(/^\w*/.exec(path)?.[0] ?? ""));
}

/** One test of a draft in two seconds for each who asks, whatever kind of test it is. */
export class TestPace {
  readonly #now: () => number;
  readonly #lastAt = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Undefined where it may be now; else how many milliseconds are to be waited. */
  begin(actor: string): number | undefined {
    const now = this.#now();
    const waitMs = EVERY_MS - (now - (this.#lastAt.get(actor) ?? -Infinity));
    if (waitMs > 0) return waitMs;
    this.#lastAt.delete(actor);
    this.#lastAt.set(actor, now);
    for (const oldest of this.#lastAt.keys()) {
      if (this.#lastAt.size <= ACTORS_MAX) break;
      this.#lastAt.delete(oldest);
    }
    return undefined;
  }
}

export function tooSoon(context: Context, waitMs: number): Response {
  context.header("Retry-After", String(Math.ceil(waitMs / 1_000)));
  return refuse(context, 429, "one test in two seconds: try again in a moment");
}
