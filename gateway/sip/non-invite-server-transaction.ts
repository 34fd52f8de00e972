/** Non-INVITE server transaction: RFC 3261 §17.2.2, Figure 8. */
import type { Millis } from "../machine.ts";
import { type Table, TableMachine } from "./table-machine.ts";
import { TRANSACTION_TIMEOUT } from "./timers.ts";

type State = "trying" | "proceeding" | "completed" | "terminated";
type Timer = "J";
type Event = "request" | "provisional" | "final" | "transportError";
type Action = "sendResponse" | "repeatResponse" | "reportTransportError";

export const nonInviteServerTable: Table<State, Event | `timer${Timer}`, Action> = {
  trying: {
    provisional: ["proceeding", "sendResponse"],
    final: ["completed", "sendResponse"],
    transportError: ["terminated", "reportTransportError"],
  },
  proceeding: {
    request: ["proceeding", "repeatResponse"],
    provisional: ["proceeding", "sendResponse"],
    final: ["completed", "sendResponse"],
    transportError: ["terminated", "reportTransportError"],
  },
  completed: { request: ["completed", "repeatResponse"], timerJ: ["terminated"] },
  terminated: {},
};

export class NonInviteServerTransaction extends TableMachine<State, Timer, Event, Action> {
  readonly #reliable: boolean;

  constructor(reliable: boolean) {
    super(nonInviteServerTable, "trying");
    this.#reliable = reliable;
  }

  protected override entered(state: State, now: Millis): void {
    if (state !== "completed") return;
    this.timers.arm("J", now + (this.#reliable ? 0 : TRANSACTION_TIMEOUT));
  }

  protected override acted(): void {
    // Its only timer belongs to a state, not to an action.
  }
}
