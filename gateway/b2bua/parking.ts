/**
 * Legs whose softphone lost its connection (X1). Their audio goes its own way and is not touched;
 * what must be said waits until the softphone is back on another flow, for a minute at most.
 */
import { type Millis, Timers } from "../machine.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { Leg } from "./leg.ts";

const PARKED_MS = 60_000;

export class Parking {
  readonly #timers = new Timers<"patience">();

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** Parks the legs on the flow. */
  park(legs: readonly Leg[], flow: FlowId, now: Millis): void {
    for (const leg of legs) {
      if (leg.flow?.id !== flow || leg.state === "inviting" || leg.state === "over") continue;
      leg.park();
      this.#timers.arm("patience", now + PARKED_MS);
    }
  }

  /** They go on over `to`; from another address with new ICE, for their network changed. */
  unpark(legs: readonly Leg[], flow: FlowId, to: Flow): void {
    for (const leg of legs) {
      if (leg.flow?.id === flow) leg.unpark(to, leg.flow.remote.address !== to.remote.address);
    }
    if (!legs.some((leg) => leg.isParked)) this.#timers.cancelAll();
  }

  /** True when somebody stayed away too long: those legs are over, there is nobody to tell. */
  timeout(legs: readonly Leg[], now: Millis): boolean {
    if (!this.#timers.takeDue(now)) return false;
    for (const leg of legs) if (leg.isParked) leg.giveUp();
    return true;
  }

  stop(): void {
    this.#timers.cancelAll();
  }
}
