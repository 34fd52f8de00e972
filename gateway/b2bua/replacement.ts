/** Which dialogs an INVITE with Replaces may take the place of, and its wait for media: RFC 3891 §3. */
import type { LegId } from "../media/protocol.ts";
import { CalleeLeg } from "./callee-leg.ts";
import type { CallerLeg } from "./caller-leg.ts";
import type { Leg } from "./leg.ts";
import type { Ending } from "./reason.ts";

/**
 * Why the leg's dialog can't be replaced; undefined where it can. Of early dialogs only those can
 * that we began: whoever answers in a callee's place picks the call up.
 */
export function replacementRefusal(leg: Leg, earlyOnly: boolean): Ending | undefined {
  if (leg.negotiation.isRelayed) {
    return {
      status: 488,
      reason: "that call passes DTLS-SRTP on undecrypted: it keeps its two parties",
    };
  }
  switch (leg.state) {
    case "answered":
    case "confirmed":
      return earlyOnly ? { status: 486, reason: "the call is answered already" } : undefined;
    case "inviting":
      if (leg instanceof CalleeLeg) return undefined;
      return { status: 481, reason: "an early dialog is replaced where it was called, not here" };
    default:
      return { status: 603, reason: "the call is over" };
  }
}

/** INVITEs that take a leg's place, while their media opens. */
export class Successors {
  readonly #waiting = new Map<LegId, { leg: CallerLeg; place: LegId }>();

  /** False where the newcomer had to be refused. */
  begin(leg: CallerLeg, place: Leg | undefined): boolean {
    const offer = leg.readOffer();
    if (offer.ok && place) {
      this.#waiting.set(leg.id, { leg, place: place.id });
      return true;
    }
    leg.refuse(offer.ok ? { status: 481, reason: "there is no such dialog" } : offer);
    return false;
  }

  /** The newcomer whose media this is; undefined where it is nobody's who waits. */
  opened(id: LegId): { leg: CallerLeg; place: LegId } | undefined {
    const successor = this.#waiting.get(id);
    this.#waiting.delete(id);
    return successor;
  }
}
