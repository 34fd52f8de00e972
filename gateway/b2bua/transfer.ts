/**
 * One transfer of a call: who wants somebody else in its place, what it is told meanwhile (RFC 3515
 * §2.4.4), and its leave-taking. It hangs up by itself once it knows the outcome (RFC 5589 §6.1);
 * where it does not, we do.
 */
import { type Millis, Timers } from "../machine.ts";
import { reasonPhrase } from "../sip/build.ts";
import type { Leg } from "./leg.ts";

const DISMISS_MS = 4_000;

export class Transfer {
  readonly referrer: Leg;
  readonly #timers = new Timers<"dismiss">();

  constructor(referrer: Leg) {
    this.referrer = referrer;
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  ringing(): void {
    this.referrer.report(180, reasonPhrase(180));
  }

  succeeded(now: Millis): void {
    this.referrer.report(200, reasonPhrase(200));
    this.#timers.arm("dismiss", now + DISMISS_MS);
  }

  /** Nobody to transfer now; or one whose keys are its own, with this one peer (AMB-07). */
  refused(): void {
    this.failed(this.referrer.negotiation.isRelayed ? 488 : 480);
  }

  /** How going over to the other call went; false where it did not, and the transfer is over. */
  merged(status: number, now: Millis): boolean {
    if (status < 300) this.succeeded(now);
    else this.failed(status);
    return status < 300;
  }

  /** `status` as the new callee gave it; what is no failure becomes one. */
  failed(status: number): void {
    const told = Math.max(status, 400);
    this.referrer.report(told, reasonPhrase(told));
  }

  /** True when the referrer has had its time. */
  timeout(now: Millis): boolean {
    return this.#timers.takeDue(now) !== undefined;
  }
}
