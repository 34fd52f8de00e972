/**
 * The caller's leg: the server side of an INVITE (RFC 3261 §13.3), then the dialog it made.
 *
 *   inviting ─200─► answered ─ACK─► confirmed ─BYE─► leaving ─► over
 *       └─refused, cancelled─► over
 *
 * An INVITE without an offer gets ours in the 200 and answers it in its ACK (§13.2.1). Where it
 * requires reliable provisional responses they are sent so (RFC 3262), and the 200 waits for them.
 */
import { earliest, type Millis } from "../machine.ts";
import { randomUint32 } from "../random.ts";
import type { Result } from "../sdp/offer-answer.ts";
import { cseq, tokens } from "../sip/accessors.ts";
import { dialogFromRequest } from "../sip/dialog.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { ReliableProvisionals, rackOf } from "../sip/reliable-provisional.ts";
import { SESSION_INTERVAL_MIN } from "../sip/session-timer.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import { Leg } from "./leg.ts";
import type { LegEvent, LegOptions } from "./leg-contract.ts";
import { openingOf, toldAddress } from "./place.ts";
import { type Ending, INCOMPATIBLE } from "./reason.ts";
import { sdpOf } from "./session-body.ts";

export type Progress = 180 | 181 | 183;

export class CallerLeg extends Leg {
  readonly invite: SipRequest;
  readonly #transaction: TransactionId;
  readonly #reliable: ReliableProvisionals<SipResponse> | undefined;
  #progress = 0;
  #hasOffer = false;
  #acceptWaits = false;
  /** Asked to leave before the ACK came: RFC 3261 §15 forbids BYE until then. */
  #leaveWith: Ending | undefined;

  constructor(options: LegOptions, flow: Flow, invite: SipRequest, transaction: TransactionId) {
    super(options, false);
    this.invite = invite;
    this.#transaction = transaction;
    this.dialog = dialogFromRequest(invite, this.localTag);
    this.useFlow(flow);
    this.negotiation.tell(toldAddress(this.options.place, flow));
    this.learn(invite);
    if (tokens(invite, "Require").includes("100rel")) {
      // RFC 3262 §3: the first RSeq is a number up to 2**31 - 1.
      const first = (randomUint32(options.random) >>> 2) + 1;
      this.#reliable = new ReliableProvisionals(cseq(invite).number, first);
    }
    this.enter("inviting");
  }

  /** What it hears and says comes in from now on. */
  openMedia(): void {
    this.orders.push({ type: "media", order: openingOf(this) });
  }

  /** Reads the INVITE's offer; one without is well too. */
  readOffer(): Result<unknown> | { ok: false; status: 422; reason: string } {
    if (this.session.isTooShort(this.invite)) {
      const reason = `a session interval below ${SESSION_INTERVAL_MIN} s is not served`;
      return { ok: false, status: 422, reason };
    }
    const sdp = sdpOf(this.invite);
    if (sdp === undefined) return { ok: true, value: undefined };
    this.#hasOffer = true;
    return this.negotiation.receiveOffer(sdp);
  }

  /** True where early media can reach the caller: it made an offer we can answer. */
  get takesEarlyMedia(): boolean {
    return this.#hasOffer;
  }

  /** 180 and 181, or 183 with our answer once there is audio to hear; 180 never after 183 (X6). */
  progress(status: Progress, now: Millis): void {
    if (this.state !== "inviting" || this.#progress === 183 || status === this.#progress) return;
    if (status === 183 && !this.#hasOffer) return;
    this.#progress = status;
    const sdp = status === 183 ? this.negotiation.answer() : undefined;
    const extra = sdp === undefined ? {} : { sdp };
    if (!this.#reliable) {
      this.respond(this.invite, this.#transaction, status, extra);
      return;
    }
    const make = (sequence: number) =>
      this.makeResponse(this.invite, status, {
        ...extra,
        headers: [
          ["Require", "100rel"],
          ["RSeq", String(sequence)],
        ],
      });
    this.#send(this.#reliable.send(make, now));
  }

  accept(now: Millis): void {
    if (this.state !== "inviting") return;
    if (this.#reliable?.isPending) {
      this.#acceptWaits = true;
      return;
    }
    this.#acceptWaits = false;
    const sdp = this.#hasOffer ? this.negotiation.answer() : this.negotiation.offer();
    if (sdp === undefined) return;
    this.enter("answered");
    const headers = this.session.answer(this.invite, now);
    this.respond(this.invite, this.#transaction, 200, { sdp, headers });
  }

  /** The final refusal of the INVITE. */
  refuse(ending: Ending): void {
    if (this.state !== "inviting") return;
    this.#reliable?.stop();
    this.enter("over");
    const { status, reason, q850 } = ending;
    const why = { reason, ...(q850 === undefined ? {} : { q850 }) };
    const headers: [string, string][] =
      status === 422 ? [["Min-SE", String(SESSION_INTERVAL_MIN)]] : [];
    this.respond(this.invite, this.#transaction, status, { ...why, headers });
  }

  override acknowledged(ack: SipRequest, now: Millis): LegEvent | undefined {
    if (this.state !== "answered") return super.acknowledged(ack, now);
    this.confirmed();
    if (this.#leaveWith !== undefined) {
      this.sendBye(this.#leaveWith);
      return undefined;
    }
    if (this.#hasOffer) {
      this.offers.advance();
      return undefined;
    }
    const sdp = sdpOf(ack);
    const read = sdp === undefined ? undefined : this.negotiation.receiveAnswer(sdp);
    if (read?.ok) {
      this.offers.advance();
      return { type: "described" };
    }
    const reason = read ? read.reason : "the ACK carries no answer to our offer";
    const ending = { reason, q850: INCOMPATIBLE };
    this.sendBye({ status: 488, ...ending });
    return { type: "left", ...ending };
  }

  override request(
    request: SipRequest,
    transaction: TransactionId,
    now: Millis,
  ): LegEvent | undefined {
    const wasInviting = this.state === "inviting";
    const event = super.request(request, transaction, now);
    if (wasInviting && event?.type === "left") {
      // §15: a caller may end its early dialog by BYE; its INVITE still wants an answer.
      this.#reliable?.stop();
      this.respond(this.invite, this.#transaction, 487, { reason: "ended by the caller" });
    }
    return event;
  }

  override deadline(): Millis | undefined {
    return earliest(super.deadline(), this.#reliable?.deadline());
  }

  override timeout(now: Millis): LegEvent | undefined {
    const due = this.#reliable?.timeout(now);
    this.#send(due?.repeat);
    if (due?.unacknowledged && this.state === "inviting") {
      // RFC 3262 §3: no PRACK for 64*T1 refuses the INVITE with a 5xx.
      const reason = "a reliable provisional response was never acknowledged";
      this.refuse({ status: 504, reason });
      return { type: "left", reason };
    }
    return super.timeout(now);
  }

  override end(ending: Ending): void {
    switch (this.state) {
      case "inviting":
        this.refuse(ending);
        break;
      case "answered":
        this.#leaveWith ??= ending;
        break;
      case "confirmed":
        this.sendBye(ending);
        break;
      default:
    }
  }

  protected override prack(request: SipRequest, transaction: TransactionId, now: Millis): void {
    const rack = rackOf(request);
    const taken = rack && this.#reliable?.acknowledge(rack, now);
    if (!taken?.matched) {
      super.prack(request, transaction, now);
      return;
    }
    this.respond(request, transaction, 200);
    this.#send(taken.next);
    if (this.#acceptWaits) this.accept(now);
  }

  #send(response: SipResponse | undefined): void {
    if (!response) return;
    this.orders.push({ type: "respond", transaction: this.#transaction, response });
  }
}
