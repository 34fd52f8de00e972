/**
 * Offers inside a dialog, both ways: RFC 3261 §14 (re-INVITE), RFC 3311 (UPDATE), RFC 3264 §8.
 *
 *   quiet ─peer's offer─► answering (while ICE restarts) ─► quiet
 *     │ ▲                       peer's empty re-INVITE ─our offer─► awaiting its ACK ─► quiet
 *     │ └──2xx, ACK │ refused──┐
 *     └─we want to say more─► offering ─491─► waiting ─► offering
 *
 * At most one offer is on its way; a second one, from either side, gets 491 or waits. What we want
 * to say is kept as a wish (a direction, an ICE restart, a refresh) and said when it is our turn.
 */
import { type Millis, Timers } from "../machine.ts";
import type { Direction } from "../media/protocol.ts";
import { type Random, randomFraction } from "../random.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { LegEvent } from "./leg-contract.ts";
import type { Negotiation } from "./negotiation.ts";
import { sdpOf } from "./session-body.ts";

/** What the leg does for its offers. */
export interface OfferPort {
  readonly negotiation: Negotiation;
  /** True while the dialog is confirmed and its flow is there. */
  readonly canOffer: boolean;
  /** RFC 3261 §14.1: the side that chose the Call-ID waits longer after a 491. */
  readonly ownsCallId: boolean;
  readonly random: Random;
  /** Sends our re-INVITE. */
  sendOffer(sdp: string): void;
  /** Answers an INVITE or UPDATE of the peer's that was taken. */
  accept(
    request: SipRequest,
    transaction: TransactionId,
    sdp: string | undefined,
    now: Millis,
  ): void;
  refuse(request: SipRequest, transaction: TransactionId, status: number, reason: string): void;
  /** New ICE credentials are wanted; answered by `opened`. */
  restart(): void;
}

const GLARE_RETRIES_MAX = 8;

export class Renegotiation {
  readonly #port: OfferPort;
  readonly #timers = new Timers<"retry">();
  /** The peer's offer, while new ICE credentials are on their way. */
  #incoming: { request: SipRequest; transaction: TransactionId } | undefined;
  #offering = false;
  #awaitsAnswer = false;
  /** Our 2xx to a re-INVITE has no ACK yet: §14.1 forbids an INVITE of our own until then. */
  #awaitsAck = false;
  #limit: Direction = "sendrecv";
  /** The limit our last description was made under. */
  #said: Direction = "sendrecv";
  #refreshWanted = false;
  #restart: "none" | "wanted" | "opening" = "none";
  #glares = 0;

  constructor(port: OfferPort) {
    this.#port = port;
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** The most we would do towards the peer, from our side: what the other end of the call lets. */
  limit(direction: Direction): void {
    this.#limit = direction;
    this.advance();
  }

  /** A refresh by re-INVITE (RFC 4028 §7.4). */
  refresh(): void {
    this.#refreshWanted = true;
    this.advance();
  }

  /** ICE begins anew from our side (RFC 8839 §4.4.1.1.1): the peer's network changed. */
  restartIce(): void {
    if (this.#restart === "none") this.#restart = "wanted";
    this.advance();
  }

  /** The media leg is being opened anew, elsewhere: its peer must hear of it. */
  reopening(): void {
    this.#restart = "opening";
  }

  /** Says what is still to be said, if it is our turn. */
  advance(): void {
    if (!this.#port.canOffer || this.#isBusy || this.#awaitsAck) return;
    if (this.#timers.at("retry") !== undefined) return;
    if (this.#restart === "wanted") {
      this.#restart = "opening";
      this.#port.restart();
      return;
    }
    if (this.#limit !== this.#said || this.#refreshWanted) this.#offer();
  }

  /** An INVITE or UPDATE of the peer's. */
  receive(request: SipRequest, transaction: TransactionId, now: Millis): LegEvent | undefined {
    const sdp = sdpOf(request);
    if (sdp === undefined && request.method === "UPDATE") {
      this.#port.accept(request, transaction, undefined, now);
      return undefined;
    }
    if (this.#isBusy) {
      this.#port.refuse(request, transaction, 491, "another offer is pending");
      return undefined;
    }
    if (sdp === undefined) {
      this.#offerInAnswer(request, transaction, now);
      return undefined;
    }
    const read = this.#port.negotiation.receiveOffer(sdp, this.#limit);
    if (!read.ok) {
      this.#port.refuse(request, transaction, read.status, read.reason);
      return undefined;
    }
    this.#said = this.#limit;
    if (read.value.restarts) {
      this.#incoming = { request, transaction };
      this.#port.restart();
    } else {
      this.#answer(request, transaction, now);
    }
    return { type: "described" };
  }

  /** New ICE credentials are there. */
  opened(now: Millis): void {
    if (this.#incoming) {
      const { request, transaction } = this.#incoming;
      this.#incoming = undefined;
      this.#answer(request, transaction, now);
    } else if (this.#restart === "opening") {
      this.#restart = "none";
      this.#refreshWanted = true;
      this.advance();
    }
  }

  /** The ACK of our 2xx: it carries the answer to an offer we made there (§13.2.2.4). */
  acknowledged(ack: SipRequest): LegEvent | undefined {
    const sdp = this.#awaitsAnswer ? sdpOf(ack) : undefined;
    this.#awaitsAnswer = false;
    this.#awaitsAck = false;
    const read = sdp === undefined ? undefined : this.#port.negotiation.receiveAnswer(sdp);
    this.advance();
    return read?.ok ? { type: "described" } : undefined;
  }

  /** The final answer to our re-INVITE. */
  answered(response: SipResponse, now: Millis): LegEvent | undefined {
    this.#offering = false;
    if (response.status < 300) {
      this.#glares = 0;
      const sdp = sdpOf(response);
      const read = sdp === undefined ? undefined : this.#port.negotiation.receiveAnswer(sdp);
      this.advance();
      return read?.ok ? { type: "described" } : undefined;
    }
    if (response.status === 491 && this.#glares < GLARE_RETRIES_MAX) {
      this.#glares += 1;
      this.#refreshWanted = true;
      this.#timers.arm("retry", now + this.#glareDelay());
    } else {
      // Refused: what was agreed before goes on (§14.1); asking the same again would not help.
      this.advance();
    }
    return undefined;
  }

  /** Our re-INVITE got no answer, or its flow broke: it is said again when there is a flow. */
  unanswered(): void {
    this.#offering = false;
    this.#refreshWanted = true;
  }

  timeout(now: Millis): void {
    if (this.#timers.takeDue(now)) this.advance();
  }

  stop(): void {
    this.#timers.cancelAll();
    this.#incoming = undefined;
  }

  get #isBusy(): boolean {
    const { remote } = this.#port.negotiation;
    const isOpening = this.#restart === "opening";
    return (
      this.#offering || this.#awaitsAnswer || isOpening || this.#incoming !== undefined || !remote
    );
  }

  #offer(): void {
    const sdp = this.#port.negotiation.offer(this.#limit);
    if (sdp === undefined) return;
    this.#refreshWanted = false;
    this.#said = this.#limit;
    this.#offering = true;
    this.#port.sendOffer(sdp);
  }

  #offerInAnswer(request: SipRequest, transaction: TransactionId, now: Millis): void {
    const sdp = this.#port.negotiation.offer(this.#limit);
    this.#said = this.#limit;
    this.#awaitsAnswer = sdp !== undefined;
    this.#awaitsAck = true;
    this.#port.accept(request, transaction, sdp, now);
  }

  #answer(request: SipRequest, transaction: TransactionId, now: Millis): void {
    const sdp = this.#port.negotiation.answer();
    if (sdp === undefined) {
      this.#port.refuse(request, transaction, 500, "the media leg is not open");
    } else {
      this.#awaitsAck = request.method === "INVITE";
      this.#port.accept(request, transaction, sdp, now);
    }
    this.advance();
  }

  /** §14.1: 2.1 to 4 s for the owner of the Call-ID, up to 2 s for the other, in 10 ms steps. */
  #glareDelay(): Millis {
    const fraction = randomFraction(this.#port.random);
    const ms = this.#port.ownsCallId ? 2_100 + fraction * 1_900 : fraction * 2_000;
    return Math.round(ms / 10) * 10;
  }
}
