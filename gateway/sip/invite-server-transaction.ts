/**
 * INVITE server transaction: RFC 3261 §17.2.1, as amended by RFC 6026 §8.7 (Accepted, timer L).
 *
 * The transaction user core's duty to repeat a 2xx until its ACK comes (§13.3.1.4) is kept here
 * too, as timers R (next repetition) and L (give up): in Accepted the two have the same life.
 */
import type { Millis } from "../machine.ts";
import { type Table, TableMachine } from "./table-machine.ts";
import { T1, T2, T4, TRANSACTION_TIMEOUT, TRYING_AFTER } from "./timers.ts";

type State = "proceeding" | "accepted" | "acknowledged" | "completed" | "confirmed" | "terminated";
type Timer = "trying" | "G" | "H" | "I" | "L" | "R";
type Event = "request" | "ack" | "provisional" | "success" | "failure" | "transportError";
type Action =
  | "sendTrying"
  | "sendResponse"
  | "repeatResponse"
  | "passAckUp"
  | "reportTimeout"
  | "reportUnacknowledged"
  | "reportTransportError";

/** RFC 6026 §8.7, Figure 7; `acknowledged` is Accepted after its ACK. */
export const inviteServerTable: Table<State, Event | `timer${Timer}`, Action> = {
  proceeding: {
    timertrying: ["proceeding", "sendTrying"],
    request: ["proceeding", "repeatResponse"],
    provisional: ["proceeding", "sendResponse"],
    success: ["accepted", "sendResponse"],
    failure: ["completed", "sendResponse"],
    transportError: ["terminated", "reportTransportError"],
  },
  accepted: {
    timerR: ["accepted", "repeatResponse"],
    success: ["accepted", "sendResponse"],
    ack: ["acknowledged", "passAckUp"],
    timerL: ["terminated", "reportUnacknowledged"],
  },
  acknowledged: { timerL: ["terminated"] },
  completed: {
    request: ["completed", "repeatResponse"],
    timerG: ["completed", "repeatResponse"],
    ack: ["confirmed"],
    timerH: ["terminated", "reportTimeout"],
    transportError: ["terminated", "reportTransportError"],
  },
  confirmed: { timerI: ["terminated"] },
  terminated: {},
};

export class InviteServerTransaction extends TableMachine<State, Timer, Event, Action> {
  readonly #reliable: boolean;
  #repeatAfter = T1;

  constructor(reliable: boolean, now: Millis) {
    super(inviteServerTable, "proceeding");
    this.#reliable = reliable;
    this.timers.arm("trying", now + TRYING_AFTER);
  }

  protected override entered(state: State, now: Millis): void {
    this.#repeatAfter = T1;
    switch (state) {
      case "accepted":
        // §13.3.1.4 repeats a 2xx on reliable transports too: the path behind may be unreliable.
        this.timers.arm("R", now + T1);
        this.timers.arm("L", now + TRANSACTION_TIMEOUT);
        break;
      case "acknowledged":
        this.timers.arm("L", now + TRANSACTION_TIMEOUT);
        break;
      case "completed":
        if (!this.#reliable) this.timers.arm("G", now + T1);
        this.timers.arm("H", now + TRANSACTION_TIMEOUT);
        break;
      case "confirmed":
        this.timers.arm("I", now + (this.#reliable ? 0 : T4));
        break;
      default:
    }
  }

  protected override acted(action: Action, now: Millis): void {
    if (action === "sendResponse") this.timers.cancel("trying");
    if (action !== "repeatResponse") return;
    this.#repeatAfter = Math.min(2 * this.#repeatAfter, T2);
    if (this.state === "accepted") this.timers.arm("R", now + this.#repeatAfter);
    else if (this.state === "completed" && this.timers.at("G") === undefined && !this.#reliable) {
      this.timers.arm("G", now + this.#repeatAfter);
    }
  }
}
