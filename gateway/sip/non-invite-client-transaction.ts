/** Non-INVITE client transaction: RFC 3261 §17.1.2, Figure 6. */
import type { Millis } from "../machine.ts";
import { type Table, TableMachine } from "./table-machine.ts";
import { T1, T2, T4, TRANSACTION_TIMEOUT } from "./timers.ts";

type State = "trying" | "proceeding" | "completed" | "terminated";
type Timer = "E" | "F" | "K";
type Event = "provisional" | "final" | "transportError";
type Action = "sendRequest" | "passUp" | "reportTimeout" | "reportTransportError";

export const nonInviteClientTable: Table<State, Event | `timer${Timer}`, Action> = {
  trying: {
    timerE: ["trying", "sendRequest"],
    timerF: ["terminated", "reportTimeout"],
    provisional: ["proceeding", "passUp"],
    final: ["completed", "passUp"],
    transportError: ["terminated", "reportTransportError"],
  },
  proceeding: {
    timerE: ["proceeding", "sendRequest"],
    timerF: ["terminated", "reportTimeout"],
    provisional: ["proceeding", "passUp"],
    final: ["completed", "passUp"],
    transportError: ["terminated", "reportTransportError"],
  },
  completed: { timerK: ["terminated"] },
  terminated: {},
};

export class NonInviteClientTransaction extends TableMachine<State, Timer, Event, Action> {
  readonly #reliable: boolean;
  readonly #giveUpAt: Millis;
  #retransmitAfter = T1;

  /** `now` is when the request went out the first time. */
  constructor(reliable: boolean, now: Millis) {
    super(nonInviteClientTable, "trying");
    this.#reliable = reliable;
    this.#giveUpAt = now + TRANSACTION_TIMEOUT;
    if (!reliable) this.timers.arm("E", now + T1);
    this.timers.arm("F", this.#giveUpAt);
  }

  protected override entered(state: State, now: Millis): void {
    if (state === "proceeding") {
      // Timer F runs on from the start; E goes on at its slowest pace.
      this.timers.arm("F", this.#giveUpAt);
      if (!this.#reliable) this.timers.arm("E", now + T2);
    }
    if (state === "completed") this.timers.arm("K", now + (this.#reliable ? 0 : T4));
  }

  protected override acted(action: Action, now: Millis): void {
    if (action !== "sendRequest") return;
    const isProceeding = this.state === "proceeding";
    this.#retransmitAfter = isProceeding ? T2 : Math.min(2 * this.#retransmitAfter, T2);
    this.timers.arm("E", now + this.#retransmitAfter);
  }
}
