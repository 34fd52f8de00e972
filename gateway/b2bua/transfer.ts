/**
 * One transfer of a call: who wants somebody else in its place, what it is told meanwhile (RFC 3515
 * §2.4.4), and its leave-taking. It hangs up by itself once it knows the outcome (RFC 5589 §6.1);
 * where it does not, we do.
 */
import { type Millis, Timers } from "../machine.ts";
import { reasonPhrase } from "../sip/build.ts";
import type { Refer } from "../sip/refer.ts";
import type { Leg } from "./leg.ts";
import type { Parties } from "./parties.ts";

const DISMISS_MS = 4_000;
/** How it ends for whoever wanted somebody else in its place. */
export const TRANSFERRED = { status: 200, reason: "transferred" } as const;

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

  /** Ends the referrer where it has had its time, and says who that was. */
  dismiss(now: Millis): Leg | undefined {
    if (this.#timers.takeDue(now) === undefined) return undefined;
    this.referrer.end(TRANSFERRED);
    return this.referrer;
  }
}

/**
 * What the administrator wants, as if the party that leaves had referred the other one; a user of the
 * two answers for the number. Undefined where there are no two.
 */
export function handOver(
  parties: Parties,
  { leaves, number }: { leaves: "caller" | "callee"; number: string },
): { referrer: Leg; refer: Refer; user: Leg } | undefined {
  const [a, b] = parties.seated;
  if (!a || !b) return undefined;
  const referrer = parties.sideOf(a) === leaves ? a : b;
  const user = [a, b].find(({ owner }) => owner.user !== undefined) ?? referrer;
  const uri = `sip:${encodeURIComponent(number)}@transfer.invalid`;
  return { referrer, user, refer: { target: { uri, params: new Map() }, reports: false } };
}
