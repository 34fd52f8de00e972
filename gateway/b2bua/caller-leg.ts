/**
 * The caller's leg: the server side of an INVITE (RFC 3261 §13.3), then the dialog it made.
 *
 *   inviting ─200─► answered ─ACK─► confirmed ─BYE─► leaving ─► over
 *       └─refused, cancelled─► over
 */

import type { Result } from "../sdp/offer-answer.ts";
import { dialogFromRequest } from "../sip/dialog.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import { Leg, type LegOptions, sdpOf } from "./leg.ts";

export class CallerLeg extends Leg {
  readonly #invite: SipRequest;
  readonly #transaction: TransactionId;
  #progress = 0;
  /** Asked to leave before the ACK came: RFC 3261 §15 forbids BYE until then. */
  #leaveWith: string | undefined;

  constructor(options: LegOptions, flow: Flow, invite: SipRequest, transaction: TransactionId) {
    super(options);
    this.#invite = invite;
    this.#transaction = transaction;
    this.useFlow(flow);
    this.enter("inviting");
  }

  /** Reads the INVITE's offer. */
  readOffer(): Result<unknown> {
    const sdp = sdpOf(this.#invite);
    if (sdp === undefined) {
      return { ok: false, status: 488, reason: "the INVITE carries no session description" };
    }
    return this.negotiation.receiveOffer(sdp);
  }

  /** 180, or 183 with our answer once there is audio to hear. Neither is sent twice. */
  progress(status: 180 | 183): void {
    if (this.state !== "inviting" || status <= this.#progress) return;
    this.#progress = status;
    const sdp = status === 183 ? this.negotiation.answer() : undefined;
    this.respond(this.#invite, this.#transaction, status, sdp === undefined ? {} : { sdp });
  }

  accept(): void {
    const sdp = this.negotiation.answer();
    if (this.state !== "inviting" || sdp === undefined) return;
    this.dialog = dialogFromRequest(this.#invite, this.localTag);
    this.enter("answered");
    this.respond(this.#invite, this.#transaction, 200, { sdp });
  }

  /** The final refusal of the INVITE. */
  refuse(status: number, reason: string): void {
    if (this.state !== "inviting") return;
    this.enter("over");
    this.respond(this.#invite, this.#transaction, status, { reason });
  }

  acknowledged(): void {
    if (this.state !== "answered") return;
    this.enter("confirmed");
    if (this.#leaveWith !== undefined) this.sendBye(this.#leaveWith);
  }

  override end(status: number, reason: string): void {
    switch (this.state) {
      case "inviting":
        this.refuse(status, reason);
        break;
      case "answered":
        this.#leaveWith ??= reason;
        break;
      case "confirmed":
        this.sendBye(reason);
        break;
      default:
    }
  }
}
