/** What a test tells as it goes on, for whoever reads it in their own time: lines of JSON. */
import type { Context } from "hono";
import { stream } from "hono/streaming";
import { refuse } from "../refusal.ts";
import type { AdminEnv, TestEvent } from "../services.ts";

/** Of a step. */
export type Outcome = Exclude<TestEvent, { readonly begun: string }>;

export class TestFeed {
  readonly done: Promise<void>;
  readonly #abort = new AbortController();
  readonly #events: TestEvent[] = [];
  #last: Outcome | undefined;
  #isOver = false;
  #wake: () => void = () => {};

  constructor(run: (tell: (event: TestEvent) => void, signal: AbortSignal) => Promise<void>) {
    const tell = (event: TestEvent) => {
      this.#events.push(event);
      if (event.begun === undefined) this.#last = event;
      this.#wake();
    };
    this.done = run(tell, this.#abort.signal).finally(() => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** The next event; undefined when nothing more comes. */
  async next(): Promise<TestEvent | undefined> {
    while (this.#events.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#events.shift();
  }

  /** What was told last of a step that is over. */
  get last(): Outcome | undefined {
    return this.#last;
  }

  stop(): void {
    this.#abort.abort();
  }
}

/** Everything it tells, one event a line (application/x-ndjson); who goes away stops it. */
export function linesOf(
  context: Context<AdminEnv>,
  feed: TestFeed,
  early: readonly TestEvent[] = [],
): Response {
  context.header("Content-Type", "application/x-ndjson");
  return stream(context, async (lines) => {
    lines.onAbort(() => feed.stop());
    for (const event of early) await lines.write(`${JSON.stringify(event)}\n`);
    for (let event = await feed.next(); event; event = await feed.next()) {
      await lines.write(`${JSON.stringify(event)}\n`);
    }
  });
}

/**
 * The same, once its first step is over. Where the address is forbidden nothing was asked: that is the
 * request's own fault (W8).
 */
export async function guardedLinesOf(
  context: Context<AdminEnv>,
  test: TestFeed,
): Promise<Response> {
  const early: TestEvent[] = [];
  for (let event = await test.next(); event; event = await test.next()) {
    early.push(event);
    if (event.begun === undefined) break;
  }
  const first = early.at(-1);
  if (first?.begun === undefined && first?.verdict === "forbidden-address") {
    const problem = { path: first.field ?? "host", message: first.sentence };
    return refuse(context, 422, "the connection can't be tested as it is", [problem]);
  }
  return linesOf(context, test, early);
}
