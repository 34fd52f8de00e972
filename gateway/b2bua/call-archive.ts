/**
 * All that is known of each call, put together for whoever asks, and what its record says of it.
 * Above: the B2BUA. Below: the tracer, which gathers, and the table of causes, which explains.
 */
import type { Config } from "../../schema/config.ts";
import type { CallReport } from "./call-trace.ts";
import { findingsOf } from "./causes.ts";
import type { CallRecord, CallStatus } from "./status.ts";
import type { Tracer } from "./tracer.ts";

export class CallArchive {
  readonly #tracer: Tracer;
  readonly #live: () => readonly CallStatus[];
  #config: Config | undefined;

  constructor(tracer: Tracer, live: () => readonly CallStatus[]) {
    this.#tracer = tracer;
    this.#live = live;
  }

  configure(config: Config): void {
    this.#config = config;
    this.#tracer.configure(config);
  }

  /** Undefined where the call is over and made room for newer ones, or never was. */
  report(id: string): CallReport | undefined {
    const status = this.#live().find((it) => it.id === id);
    const record = status ? undefined : this.#tracer.recordOf(id);
    const call = status ?? record;
    if (!call) return undefined;
    const trace = this.#tracer.traceOf(id);
    return {
      ...(status ? { status } : {}),
      ...(record ? { record } : {}),
      findings: findingsOf(call, trace, this.#config?.connections ?? []),
      ...(trace ? { trace } : {}),
    };
  }

  /** The latest calls of strangers who were refused, newest first. */
  strangers(): CallRecord[] {
    const connections = this.#config?.connections ?? [];
    return this.#tracer.strangers.map((record) => {
      const [finding] = findingsOf(record, this.#tracer.traceOf(record.id), connections);
      return finding ? { ...record, finding } : record;
    });
  }

  /** The record of a call that is over, with the main thing its evidence says. */
  concluded(record: CallRecord): CallRecord {
    const trace = this.#tracer.traceOf(record.id);
    const [finding] = findingsOf(record, trace, this.#config?.connections ?? []);
    const whole = finding ? { ...record, finding } : record;
    this.#tracer.ended(whole);
    return whole;
  }
}
