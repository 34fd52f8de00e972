/**
 * The test phone's place among the softphones: its thread, its flow to the B2BUA, and the user it
 * calls as, who is there for one call alone. One call at a time.
 */
import type { B2buaInput } from "../b2bua/border.ts";
import type { TestCaller } from "../b2bua/test-caller.ts";
import type { TestStep } from "../b2bua/test-verdicts.ts";
import type { FromPhone, PhoneStep, ToPhone } from "../phone/protocol.ts";
import type { Random } from "../random.ts";
import { randomToken } from "../random.ts";
import type { Flow, FlowId } from "../sip/flow.ts";

/** A step that begins, or its outcome and the call's id. */
export type TestCallEvent =
  | { readonly begun: TestStep["step"] }
  | ({ readonly begun?: never; readonly call?: string } & TestStep);

export interface TestPhoneOptions {
  readonly spawn: () => Worker;
  readonly random: Random;
  /** The address of ours media is bound to. */
  readonly address: string;
  readonly feed: (input: B2buaInput) => void;
  /** Takes the caller into the configuration, or out of it. */
  readonly introduce: (caller: TestCaller | undefined) => void;
  readonly callerOf: (name: string, password: string, only: TestCaller["only"]) => TestCaller;
  /** What a step comes to; `connection` took the call. */
  readonly stepOf: (
    step: Extract<PhoneStep, { tookMs: number }>,
    connection: number | undefined,
  ) => TestStep;
}

/** What the B2BUA knows of a call, while it is there and at its end. */
interface Seen {
  readonly id: string;
  readonly caller: string;
  readonly connection?: number;
}

interface Running {
  readonly worker: Worker;
  readonly flow: Flow;
  readonly name: string;
  seen: Seen | undefined;
  /** Resolves when it is. */
  readonly isSeen: PromiseWithResolvers<void>;
}

/** The record of a call that is refused comes a little later than its refusal. */
const RECORD_MS = 1_000;
/** Ringing, talking and hanging up take less; whatever hangs is ended. */
const PATIENCE_MS = 90_000;
const HOST = "phone.invalid";

export class TestPhone {
  readonly #options: TestPhoneOptions;
  #running: Running | undefined;
  #count = 0;

  constructor(options: TestPhoneOptions) {
    this.#options = options;
  }

  /**
   * Calls `number` by one of the connections. Resolves when the call is over; rejects when another one
   * is under way, and where the phone itself is at fault.
   */
  async call(
    { connections, number }: { connections: TestCaller["only"]; number: string },
    tell: (event: TestCallEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#running) throw new Error("a test call is under way");
    const { spawn, random, address, feed, introduce, callerOf } = this.#options;
    this.#count += 1;
    const name = `test-call-${randomToken(random, 3)}`;
    const password = randomToken(random, 16);
    const flow: Flow = {
      id: `test ${this.#count}` as FlowId,
      transport: "ws",
      sentBy: HOST,
      remote: { address: "127.0.0.1", port: 1 },
      local: { address: "127.0.0.1", port: 1 },
    };
    const worker = spawn();
    const isSeen = Promise.withResolvers<void>();
    const running: Running = { worker, flow, name, seen: undefined, isSeen };
    this.#running = running;
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(() => over.resolve(), PATIENCE_MS);
    const stop = () => this.#post({ type: "stop" });
    signal.addEventListener("abort", stop);
    worker.onerror = ({ message }) => over.reject(new Error(`the test phone: ${message}`));
    let told = Promise.resolve();
    worker.onmessage = ({ data }: MessageEvent<FromPhone>) => {
      if (data.type === "send") feed({ type: "received", flow, bytes: data.bytes });
      else if (data.type === "fault") over.reject(new Error(`the test phone: ${data.reason}`));
      else if (data.type === "over") over.resolve(told);
      else told = told.then(() => this.#tell(running, data.step, tell));
    };
    try {
      introduce(callerOf(name, password, connections));
      feed({ type: "opened", flow });
      const identity = {
        aor: `sip:${name}@${HOST}`,
        contact: `<sip:${name}@${HOST};transport=ws>`,
        ...{ username: name, password },
      };
      this.#post({ type: "call", identity, target: `sip:${number}@${HOST}`, address });
      await over.promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      this.#running = undefined;
      feed({ type: "closed", flow: flow.id, reason: "the test call is over" });
      introduce(undefined);
      worker.terminate();
    }
  }

  /** The B2BUA knows of a call. */
  saw(call: Seen): void {
    if (this.#running?.name !== call.caller) return;
    this.#running.seen = call;
    this.#running.isSeen.resolve();
  }

  send(flow: FlowId, bytes: Uint8Array): boolean {
    if (this.#running?.flow.id !== flow) return false;
    this.#post({ type: "received", bytes });
    return true;
  }

  close(flow: FlowId): boolean {
    return this.#running?.flow.id === flow;
  }

  async #tell(
    running: Running,
    step: PhoneStep,
    tell: (event: TestCallEvent) => void,
  ): Promise<void> {
    if (step.begun) {
      tell({ begun: step.step });
      return;
    }
    await Promise.race([running.isSeen.promise, Bun.sleep(RECORD_MS)]);
    const { seen } = running;
    const told = this.#options.stepOf(step, seen?.connection);
    tell({ ...told, ...(seen ? { call: seen.id } : {}) });
  }

  #post(message: ToPhone): void {
    this.#running?.worker.postMessage(message);
  }
}
