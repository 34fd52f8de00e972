/**
 * One leg of a call: our side of one INVITE dialog (RFC 3261 §12 to §15) and its media leg.
 *
 * What both kinds share: the confirmed dialog, its re-offers (RFC 3261 §14, RFC 3311) and its end.
 * How the dialog comes about differs: `CallerLeg` answers an INVITE, `CalleeLeg` sends one. A leg
 * writes orders into the sink its call gives it, and tells the call in events what its peer did.
 */
import { fromUtf8, utf8 } from "../bytes.ts";
import type { CodecName, LegId, LegKind, LocalLeg } from "../media/protocol.ts";
import { type Random, randomToken, randomUint32 } from "../random.ts";
import { contentType } from "../sip/accessors.ts";
import { createResponse } from "../sip/build.ts";
import { acceptRequest, type Dialog, requestIn } from "../sip/dialog.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipMessage, SipRequest, SipResponse } from "../sip/message.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import { contactUri } from "./identity.ts";
import { Negotiation } from "./negotiation.ts";
import type { CallOrder } from "./order.ts";
import { reasonOf, reasonValue, warningValue } from "./reason.ts";

/** The methods we handle inside a dialog. */
export const ALLOW = "INVITE, ACK, CANCEL, BYE, UPDATE, INFO, OPTIONS";

export type LegState =
  | "idle"
  /** Our INVITE is out, or the peer's has no final answer. */
  | "inviting"
  /** Our CANCEL is out. */
  | "cancelling"
  /** Our 2xx is out and not acknowledged. */
  | "answered"
  | "confirmed"
  /** Our BYE is out. */
  | "leaving"
  | "over";

export type LegEvent =
  | { type: "ringing" }
  /** The peer described its media: in a provisional answer, the answer, or a re-offer. */
  | { type: "described" }
  | { type: "answered" }
  /** The INVITE came to nothing. */
  | { type: "failed"; status: number; reason: string }
  /** The peer's BYE. */
  | { type: "left"; reason: string };

export interface LegOptions {
  id: LegId;
  kind: LegKind;
  codecs: readonly CodecName[];
  /** The user part of our Contact. */
  contactUser: string;
  random: Random;
  orders: CallOrder[];
}

export abstract class Leg {
  readonly id: LegId;
  readonly kind: LegKind;
  readonly negotiation: Negotiation;
  readonly localTag: string;
  protected readonly orders: CallOrder[];
  readonly #contactUser: string;
  #state: LegState = "idle";
  #flow: Flow | undefined;
  protected dialog: Dialog | undefined;
  /** The BYE that may still be challenged. */
  #bye: SipRequest | undefined;
  /** A re-offer whose answer waits for new ICE credentials. */
  #reoffer: { request: SipRequest; transaction: TransactionId } | undefined;

  constructor(options: LegOptions) {
    this.id = options.id;
    this.kind = options.kind;
    this.orders = options.orders;
    this.#contactUser = options.contactUser;
    this.localTag = randomToken(options.random, 8);
    const originId = String(randomUint32(options.random));
    this.negotiation = new Negotiation(options.kind, options.codecs, originId);
  }

  get state(): LegState {
    return this.#state;
  }

  get flow(): Flow | undefined {
    return this.#flow;
  }

  /** Ends the leg in whatever way its state asks for; `status` is for an unanswered INVITE. */
  abstract end(status: number, reason: string): void;

  /** The media leg opened, or got new ICE credentials. */
  opened(local: LocalLeg): void {
    this.negotiation.opened(local);
    if (!this.#reoffer) return;
    const { request, transaction } = this.#reoffer;
    this.#reoffer = undefined;
    this.#answerReoffer(request, transaction);
  }

  /** A request inside the dialog (RFC 3261 §12.2.2). */
  request(request: SipRequest, transaction: TransactionId): LegEvent | undefined {
    const verdict = this.dialog ? acceptRequest(this.dialog, request) : noDialog;
    if (!verdict.ok) {
      this.respond(request, transaction, verdict.status, { reason: verdict.reason });
      return undefined;
    }
    switch (request.method) {
      case "BYE":
        this.respond(request, transaction, 200);
        this.enter("over");
        return { type: "left", reason: reasonOf(request) ?? "hung up" };
      case "INVITE":
      case "UPDATE":
        return this.#receiveReoffer(request, transaction);
      case "OPTIONS":
        this.respond(request, transaction, 200, { headers: [["Accept", "application/sdp"]] });
        return undefined;
      case "INFO":
        // What INFO packages carry is not relayed; RFC 6086 §4.2.2 asks for 469 or 415 then.
        this.respond(request, transaction, 415, { headers: [["Accept", "application/sdp"]] });
        return undefined;
      default:
        this.respond(request, transaction, 405);
        return undefined;
    }
  }

  /** Our BYE was answered; a PBX that challenges it too gets its credentials once. */
  byeAnswered(response: SipResponse, flow: Flow): void {
    const isChallenge = response.status === 401 || response.status === 407;
    const bye = this.#bye;
    this.#bye = undefined;
    const credentials = isChallenge && bye ? this.authorize(response, bye, flow) : undefined;
    if (credentials) this.#sendBye([...reasonHeaders(bye), ...credentials]);
    else this.byeDone();
  }

  /** Our BYE is done with, answered or not. */
  byeDone(): void {
    this.enter("over");
  }

  /** The headers that answer a challenge to a request of ours; a caller's leg has none. */
  protected authorize(
    _response: SipResponse,
    _request: SipRequest,
    _flow: Flow,
  ): [string, string][] | undefined {
    return undefined;
  }

  protected enter(state: LegState): void {
    this.#state = state;
  }

  protected useFlow(flow: Flow): void {
    this.#flow = flow;
  }

  protected contact(): string {
    if (!this.#flow) throw new Error("a leg without a flow has no Contact");
    return `<${contactUri(this.#contactUser, this.#flow)}>`;
  }

  protected sendBye(reason: string): void {
    this.#bye = this.#sendBye([["Reason", reasonValue(200, reason)]]);
  }

  #sendBye(headers: [string, string][]): SipRequest {
    if (!this.dialog || !this.#flow) throw new Error("BYE needs a dialog");
    const request = requestIn(this.dialog, "BYE", { headers });
    this.orders.push({ type: "request", leg: this.id, flow: this.#flow, request });
    this.enter("leaving");
    return request;
  }

  protected respond(
    request: SipRequest,
    transaction: TransactionId,
    status: number,
    extra: { reason?: string; sdp?: string; headers?: [string, string][] } = {},
  ): void {
    const headers: [string, string][] = [...(extra.headers ?? [])];
    if (status < 300 || status === 405) headers.push(["Allow", ALLOW]);
    if (status >= 300 && extra.reason !== undefined) {
      headers.push(
        ["Reason", reasonValue(status, extra.reason)],
        ["Warning", warningValue(extra.reason)],
      );
    }
    const creates = request.method === "INVITE" || request.method === "UPDATE";
    const response: SipResponse = createResponse(request, status, {
      toTag: this.localTag,
      headers,
      ...(creates && status < 300 ? { contact: this.contact() } : {}),
      ...(extra.sdp === undefined ? {} : { body: sdpBody(extra.sdp) }),
    });
    this.orders.push({ type: "respond", transaction, response });
  }

  #receiveReoffer(request: SipRequest, transaction: TransactionId): LegEvent | undefined {
    if (this.#state === "answered" || this.#reoffer) {
      this.respond(request, transaction, 491, { reason: "another offer is pending" });
      return undefined;
    }
    const sdp = sdpOf(request);
    if (sdp === undefined) {
      this.#withoutOffer(request, transaction);
      return undefined;
    }
    const read = this.negotiation.receiveOffer(sdp);
    if (!read.ok) {
      this.respond(request, transaction, read.status, { reason: read.reason });
      return undefined;
    }
    if (read.value.restarts) {
      this.#reoffer = { request, transaction };
      this.orders.push({ type: "media", order: { type: "restart", leg: this.id } });
    } else {
      this.#answerReoffer(request, transaction);
    }
    return { type: "described" };
  }

  /** An UPDATE without a body refreshes (RFC 4028 §7.4); an INVITE without one asks for our offer. */
  #withoutOffer(request: SipRequest, transaction: TransactionId): void {
    const sdp = request.method === "INVITE" ? this.negotiation.offer() : undefined;
    this.respond(request, transaction, 200, sdp === undefined ? {} : { sdp });
  }

  #answerReoffer(request: SipRequest, transaction: TransactionId): void {
    const sdp = this.negotiation.answer();
    if (sdp === undefined) {
      this.respond(request, transaction, 500, { reason: "the media leg is not open" });
    } else {
      this.respond(request, transaction, 200, { sdp });
    }
  }
}

function reasonHeaders(request: SipRequest | undefined): [string, string][] {
  const value = request?.headers.get("Reason");
  return value === undefined ? [] : [["Reason", value]];
}

const noDialog = { ok: false, status: 481, reason: "there is no such dialog" } as const;

/** The session description a message carries; undefined when it has none. */
export function sdpOf(message: SipMessage): string | undefined {
  if (message.body.length === 0 || contentType(message) !== "application/sdp") return undefined;
  return fromUtf8(message.body);
}

/** A session description as a message body. */
export function sdpBody(sdp: string): { type: string; bytes: Uint8Array } {
  return { type: "application/sdp", bytes: utf8(sdp) };
}
