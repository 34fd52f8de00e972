/**
 * Waits for a call that comes in by a connection, and says what became of it by its record (TST-08):
 * people call from outside, and hang up when they have talked for some seconds. It answers nothing
 * itself and touches no call.
 */
import type { CallRecord, CallStatus } from "../b2bua/status.ts";
import type { TestStep, Verdict } from "../b2bua/test-verdicts.ts";

/** A step that begins, or its outcome and the call's id. */
export type ReceivedCallEvent =
  | { readonly begun: TestStep["step"] }
  | ({ readonly begun?: never; readonly call?: string } & TestStep);

export interface ReceivedCallsOptions {
  readonly now: () => number;
  readonly verdictOf: (
    step: TestStep["step"],
    verdict: Verdict,
    more: Pick<TestStep, "tookMs" | "facts">,
  ) => TestStep;
  /** How long somebody may take to call, and then to talk. */
  readonly comeMs?: number;
  readonly talkMs?: number;
}

type Seen = Pick<CallStatus, "id" | "connection" | "direction" | "started">;

interface Waiting {
  readonly cameIn: PromiseWithResolvers<Seen | undefined>;
  readonly isOver: PromiseWithResolvers<CallRecord | undefined>;
  call: string | undefined;
}

const COME_MS = 60_000;
const TALK_MS = 120_000;

export class ReceivedCalls {
  readonly #options: ReceivedCallsOptions;
  /** By connection. */
  readonly #waiting = new Map<number, Waiting>();

  constructor(options: ReceivedCallsOptions) {
    this.#options = options;
  }

  /** Resolves when it is told what came; rejects where one is waited for already. */
  async wait(
    connection: number,
    tell: (event: ReceivedCallEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#waiting.has(connection)) throw new Error("a call is waited for already");
    const { comeMs = COME_MS, talkMs = TALK_MS, now, verdictOf } = this.#options;
    const waiting: Waiting = {
      cameIn: Promise.withResolvers(),
      isOver: Promise.withResolvers(),
      call: undefined,
    };
    const stop = () => {
      waiting.cameIn.resolve(undefined);
      waiting.isOver.resolve(undefined);
    };
    const step = (name: TestStep["step"]) => {
      const began = now();
      tell({ begun: name });
      return (verdict: Verdict, call?: string) => {
        const tookMs = Math.round(now() - began);
        const outcome = verdictOf(name, verdict, { tookMs, facts: [] });
        tell({ ...outcome, ...(call === undefined ? {} : { call }) });
      };
    };
    this.#waiting.set(connection, waiting);
    signal.addEventListener("abort", stop);
    let timer = setTimeout(stop, comeMs);
    try {
      const came = step("incoming");
      const call = await waiting.cameIn.promise;
      if (signal.aborted) return;
      came(call ? "came-in" : "none-came-in", call?.id);
      if (!call) return;
      clearTimeout(timer);
      timer = setTimeout(stop, talkMs);
      const talked = step("talk");
      const record = await waiting.isOver.promise;
      if (!signal.aborted) talked(verdictOn(record), call.id);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      this.#waiting.delete(connection);
    }
  }

  /** A call is up. */
  saw(call: Seen): void {
    if (call.direction !== "inbound" || call.connection === undefined) return;
    const waiting = this.#waiting.get(call.connection);
    if (!waiting || waiting.call !== undefined) return;
    waiting.call = call.id;
    waiting.cameIn.resolve(call);
  }

  /** A call is over, or was refused. */
  ended(record: CallRecord): void {
    this.saw(record);
    const waiting = this.#waiting.get(record.connection ?? -1);
    if (waiting?.call === record.id) waiting.isOver.resolve(record);
  }
}

function verdictOn(record: CallRecord | undefined): Verdict {
  if (!record) return "received-goes-on";
  if (record.answered === undefined) return "received-unanswered";
  const isHeard = (party: "caller" | "callee") =>
    record.quality?.some((it) => it.party === party && it.received !== undefined) === true;
  const [caller, callee] = [isHeard("caller"), isHeard("callee")];
  if (caller && callee) return "received-heard";
  return caller || callee ? "received-one-way" : "received-unheard";
}
