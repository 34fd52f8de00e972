/**
 * The shell around the B2BUA: feeds it inputs one at a time, carries its outputs to sockets,
 * workers, log and records, and wakes it at its deadline. An exception out of the B2BUA is our bug:
 * it is logged, the input is lost, the process goes on.
 */
import type { B2bua } from "../b2bua/b2bua.ts";
import type { B2buaInput, B2buaOutput } from "../b2bua/border.ts";
import type { StandingCall } from "../b2bua/standing.ts";
import type { CallRecord, OwnStatus } from "../b2bua/status.ts";
import type { Millis } from "../machine.ts";
import type { Command } from "../media/protocol.ts";
import type { FlowId, Target } from "../sip/flow.ts";
import { monotonicNow } from "./clock.ts";
import type { Log } from "./log.ts";

/**
 * Deadlines ring together, this many times a second at most: under load most of them are the ends
 * of transactions, and each by itself would wake the thread. RFC 3261's shortest timer is 500 ms.
 */
const TICK_MS = 10;

export interface Ports {
  send(flow: FlowId, bytes: Uint8Array): void;
  open(flow: FlowId, target: Target, instead?: FlowId): void;
  close(flow: FlowId, reason: string, unanswered?: boolean): void;
  media(command: Command): void;
  record(record: CallRecord): void;
  stands(call: StandingCall): void;
}

export class Runtime {
  readonly #b2bua: B2bua;
  readonly #log: Log;
  readonly #queue: B2buaInput[] = [];
  readonly #listeners = new Set<() => void>();
  #ports: Ports | undefined;
  #running = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wakeAt: number | undefined;
  #handledAt: Millis = 0;

  constructor(b2bua: B2bua, log: Log) {
    this.#b2bua = b2bua;
    this.#log = log;
  }

  /** Connects the outputs; inputs fed before wait. */
  start(ports: Ports): void {
    this.#ports = ports;
    this.#run();
  }

  /** May be called from inside an output: inputs are handled one after the other. */
  readonly feed = (input: B2buaInput): void => {
    this.#queue.push(input);
    if (!this.#running) this.#run();
  };

  status(): OwnStatus {
    return this.#b2bua.status(monotonicNow());
  }

  /** `listener` is called after each change of what `status` shows. Returns the way out. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For what the shell adds to the status. */
  readonly changed = (): void => {
    for (const listener of this.#listeners) listener();
  };

  stop(): void {
    clearTimeout(this.#timer);
    this.#ports = undefined;
  }

  #run(): void {
    if (!this.#ports) return;
    this.#running = true;
    let changed = false;
    for (let input = this.#queue.shift(); input; input = this.#queue.shift()) {
      for (const output of this.#handle(input)) {
        if (output.type === "changed" || output.type === "measured") changed = true;
        else this.#carrySafely(output);
      }
    }
    this.#running = false;
    this.#schedule();
    if (changed) this.changed();
  }

  #handle(input: B2buaInput): B2buaOutput[] {
    try {
      this.#handledAt = monotonicNow();
      return this.#b2bua.handle(input, this.#handledAt);
    } catch (error) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#log("error", "fault", { input: input.type, detail });
      return [];
    }
  }

  /** A port that throws costs its own output, never the loop. */
  #carrySafely(output: Exclude<B2buaOutput, { type: "changed" | "measured" }>): void {
    try {
      this.#carry(output);
    } catch (error) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#log("error", "fault", { output: output.type, detail });
    }
  }

  #carry(output: Exclude<B2buaOutput, { type: "changed" | "measured" }>): void {
    const ports = this.#ports;
    if (!ports) return;
    switch (output.type) {
      case "send":
        ports.send(output.flow, output.bytes);
        break;
      case "open":
        ports.open(output.flow, output.target, output.instead);
        break;
      case "close":
        ports.close(output.flow, output.reason, output.unanswered);
        break;
      case "media":
        ports.media(output.command);
        break;
      case "record":
        ports.record(output.record);
        break;
      case "stands":
        ports.stands(output.call);
        break;
      case "log":
        this.#log(output.level, output.event, output.fields);
        break;
    }
  }

  #schedule(): void {
    const at = this.#b2bua.deadline();
    // A timer that rings too early does no harm: nothing is due, and the next one is set.
    if (at === undefined || (this.#wakeAt !== undefined && this.#wakeAt <= at)) return;
    this.#wakeAt = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#wakeAt = undefined;
        this.feed({ type: "timeout" });
      },
      at <= this.#handledAt ? 0 : waitFor(at - monotonicNow()),
    );
  }
}

/**
 * Up to the next tick, in whole milliseconds, for timers drop the rest. What fell due since the last
 * input was handled waits for it too: else a busy machine would ring for each deadline by itself.
 */
function waitFor(ms: number): number {
  return Math.ceil(Math.max(ms, TICK_MS));
}
