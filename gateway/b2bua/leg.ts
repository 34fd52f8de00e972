/**
 * One leg of a call: our side of one INVITE dialog (RFC 3261 §12 to §15) and its media leg.
 *
 * What both kinds share: the dialog, offers in it (`renegotiation`), its session timer (RFC 4028),
 * referrals (RFC 3515), digits, its end, and its rest while the softphone's connection is away
 * (X1). How the dialog comes about differs: `CallerLeg` answers an INVITE, `CalleeLeg` sends one.
 * A leg writes orders into the sink its call gives it and tells the call what its peer did.
 */
import { earliest, type Millis } from "../machine.ts";
import type { LegId, LegKind, LocalLeg, RemoteLeg } from "../media/protocol.ts";
import { type Random, randomToken } from "../random.ts";
import { cseq, tokens } from "../sip/accessors.ts";
import { createResponse } from "../sip/build.ts";
import {
  acceptRequest,
  ackFor,
  type Dialog,
  type InDialogParts,
  NO_DIALOG,
} from "../sip/dialog.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipMessage, SipRequest, SipResponse } from "../sip/message.ts";
import { SESSION_INTERVAL, SESSION_INTERVAL_MIN, SessionTimer } from "../sip/session-timer.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import { DialogRequests, type RequestPort } from "./dialog-requests.ts";
import { contactUri } from "./identity.ts";
import { digitBody, digitOf } from "./info-digit.ts";
import type { PeerProfile } from "./interop.ts";
import {
  ALLOW,
  type LegEvent,
  type LegInput,
  type LegOptions,
  type LegOwner,
  type LegState,
  type ResponseExtra,
  SUPPORTED,
} from "./leg-contract.ts";
import { LegDigits } from "./leg-digits.ts";
import { Negotiation } from "./negotiation.ts";
import type { CallOrder } from "./order.ts";
import { openingOf } from "./place.ts";
import {
  causeOf,
  type Ending,
  q850Of,
  reasonOf,
  reasonValue,
  TIMER_EXPIRY,
  warningValue,
} from "./reason.ts";
import { Referral, type ReferralPort } from "./referral.ts";
import { type OfferPort, Renegotiation } from "./renegotiation.ts";
import { unsupportedIn } from "./screening.ts";
import { sdpBody } from "./session-body.ts";
import { infoPackages, infoRefusal, isTrickle } from "./trickled-candidates.ts";

export abstract class Leg {
  readonly id: LegId;
  readonly owner: LegOwner;
  readonly kind: LegKind;
  readonly negotiation: Negotiation;
  /** What it was made with. */
  readonly options: LegOptions;
  readonly localTag: string;
  readonly profile: PeerProfile;
  readonly digits: LegDigits;
  protected orders: CallOrder[];
  protected readonly random: Random;
  protected readonly session = new SessionTimer();
  protected readonly offers: Renegotiation;
  dialog: Dialog | undefined;
  #state: LegState = "idle";
  #flow: Flow | undefined;
  #allowed: ReadonlySet<string> = new Set();
  readonly #requests: DialogRequests;
  readonly #referral: Referral;

  constructor(options: LegOptions, ownsCallId: boolean) {
    this.id = options.id;
    this.owner = options.owner;
    this.kind = options.kind;
    this.profile = options.profile;
    this.orders = options.orders;
    this.random = options.random;
    this.localTag = randomToken(options.random, 8);
    const { dtmfMode = "rfc2833" } = options;
    this.negotiation = new Negotiation({ ...options, events: dtmfMode === "rfc2833" });
    this.digits = new LegDigits(dtmfMode, this, (digit) =>
      this.sendInDialog("INFO", { body: digitBody(digit) }),
    );
    this.options = options;
    this.#requests = new DialogRequests(this.#requestPort());
    this.#referral = new Referral(options.mayRefer, this.#referralPort());
    this.offers = new Renegotiation(this.#offerPort(ownsCallId));
  }

  get state(): LegState {
    return this.#state;
  }

  get flow(): Flow | undefined {
    return this.#flow;
  }

  /** What the media worker is told of the peer; undefined until its SDP is known. */
  get remote(): RemoteLeg | undefined {
    const { remote } = this.negotiation;
    return remote && { ...remote, ...this.digits.ways };
  }

  get isParked(): boolean {
    return this.#requests.isParked;
  }

  /** True while the peer waits for reports on its REFER. */
  get isReferring(): boolean {
    return this.#referral.isPending;
  }

  deadline(): Millis | undefined {
    return earliest(this.session.deadline(), this.offers.deadline());
  }

  timeout(now: Millis): LegEvent | undefined {
    this.offers.timeout(now);
    const due = this.session.takeDue(now);
    if (due === "refresh") this.#refresh();
    // Whatever it answers, it is there; of a softphone its connection tells (R13).
    const probes = due === "probe" && this.kind === "trunk" && this.#state === "confirmed";
    if (probes) this.sendInDialog("OPTIONS", {});
    if (due !== "expired" || this.#state !== "confirmed") return undefined;
    this.end({ status: 408, reason: "the session timer ran out" });
    return { type: "left", reason: "the session timer ran out (RFC 4028)", q850: TIMER_EXPIRY };
  }

  /** Ends the leg in whatever way its state asks for; the status is for an unanswered INVITE. */
  abstract end(ending: Ending): void;

  /** True where this dialog is the one a Replaces names (RFC 3891 §3). */
  isDialog(localTag: string, remoteTag: string): boolean {
    return this.localTag === localTag && this.dialog?.remoteTag === remoteTag;
  }

  /** The leg goes over to another call. */
  moveTo(orders: CallOrder[]): void {
    this.orders = orders;
  }

  /** The media leg opened, or got new ICE credentials. */
  opened(local: LocalLeg, now: Millis): void {
    this.negotiation.opened(local);
    this.offers.opened(now);
  }

  /** The media worker died: the leg is opened in another one and its peer is told (RFC 3264 §8). */
  reopen(): void {
    this.offers.reopening();
    this.orders.push({ type: "media", order: openingOf(this) });
  }

  /** What the other end of the call lets us do here (hold and resume are carried across). */
  limit(direction: Parameters<Renegotiation["limit"]>[0]): void {
    this.offers.limit(direction);
  }

  /** Its peer is gone for good: nothing is said any more. */
  giveUp(): void {
    this.enter("over");
  }

  /** The flow is gone, its peer may come back: what must be said waits. */
  park(): void {
    this.#requests.park();
    this.digits.clear();
  }

  /** The peer is back on a new flow; with `restartIce` its network changed. */
  unpark(flow: Flow, restartIce: boolean): void {
    this.#flow = flow;
    this.#requests.unpark();
    if (this.#state !== "confirmed") return;
    if (restartIce) this.offers.restartIce();
    else this.offers.advance();
  }

  take(input: LegInput, now: Millis): LegEvent | undefined {
    switch (input.type) {
      case "response":
        return this.response(input.response, input.flow, now);
      case "failed":
        return this.failed(input.request, input.reason);
      case "request":
        return this.request(input.request, input.transaction, now);
      case "acknowledged":
        return this.acknowledged(input.ack, now);
      case "unacknowledged":
        return this.unacknowledged();
    }
  }

  /** A request inside the dialog (RFC 3261 §12.2.2). */
  request(request: SipRequest, transaction: TransactionId, now: Millis): LegEvent | undefined {
    const verdict = this.dialog ? acceptRequest(this.dialog, request) : NO_DIALOG;
    if (!verdict.ok) {
      this.respond(request, transaction, verdict.status, { reason: verdict.reason });
      return undefined;
    }
    const unsupported = unsupportedIn(request);
    if (unsupported) {
      this.respond(request, transaction, 420, unsupported);
      return undefined;
    }
    this.learn(request);
    switch (request.method) {
      case "BYE":
        this.respond(request, transaction, 200);
        this.enter("over");
        return { type: "left", reason: reasonOf(request) ?? "hung up", ...q850Of(request) };
      case "INVITE":
      case "UPDATE":
        return this.#receiveOffer(request, transaction, now);
      case "OPTIONS":
        this.respond(request, transaction, 200, { headers: [["Accept", "application/sdp"]] });
        return undefined;
      case "INFO":
        return this.#receiveInfo(request, transaction);
      case "REFER":
        return this.#referral.receive(request, transaction);
      case "PRACK":
        this.prack(request, transaction, now);
        return undefined;
      case "NOTIFY":
        this.respond(request, transaction, 481, { reason: "there is no such subscription" });
        return undefined;
      default:
        this.respond(request, transaction, 405, { reason: "the method has no use in a call" });
        return undefined;
    }
  }

  /** The final answer to a request of ours inside the dialog. */
  response(response: SipResponse, flow: Flow, now: Millis): LegEvent | undefined {
    if (response.status < 200) return undefined;
    const request = this.#requests.take(cseq(response).number);
    if (!request || this.#requests.answersChallenge(request, response, flow)) return undefined;
    if (request.method === "BYE") {
      this.enter("over");
      return undefined;
    }
    if (response.status === 481 || response.status === 408) return this.#gone(request, response);
    return this.#answered(request, response, now);
  }

  /** A request of ours inside the dialog was never answered, or its flow broke. */
  failed(request: SipRequest, reason: "timeout" | "transport"): LegEvent | undefined {
    if (!this.#requests.take(cseq(request).number)) return undefined;
    if (request.method === "BYE") {
      if (reason === "transport" && this.isParked) this.#requests.dispatch(request);
      else this.enter("over");
      return undefined;
    }
    if (request.method === "INVITE") this.offers.unanswered();
    if (reason === "transport" && this.isParked) return undefined;
    // §12.2.1.2: no answer at all ends the dialog.
    return this.#lost("the other side answers no more");
  }

  /** The peer's ACK for a 2xx of ours. */
  acknowledged(ack: SipRequest, _now: Millis): LegEvent | undefined {
    return this.offers.acknowledged(ack);
  }

  /** Our 2xx was never acknowledged (§13.3.1.4). */
  unacknowledged(): LegEvent | undefined {
    if (this.#state === "answered") this.enter("confirmed");
    return this.#lost("the answer was never acknowledged");
  }

  /** A report on the referral this peer asked for; a final one ends it. */
  report(status: number, reason: string): void {
    this.#referral.report(status, reason);
  }

  protected enter(state: LegState): void {
    this.#state = state;
    if (state !== "over" && state !== "leaving") return;
    this.session.stop();
    this.offers.stop();
  }

  protected useFlow(flow: Flow): void {
    this.#flow = flow;
  }

  /** What the peer says of itself, wherever it says it. */
  protected learn(message: SipMessage): void {
    const allow = tokens(message, "Allow");
    if (allow.length > 0) this.#allowed = new Set(allow.map((it) => it.toUpperCase()));
    this.digits.allowsInfo = this.#allowed.has("INFO");
  }

  protected contact(): string {
    if (!this.#flow) throw new Error("a leg without a flow has no Contact");
    return `<${contactUri(this.options.contactUser, this.#flow)}>`;
  }

  /** The headers that answer a challenge to a request of ours; a caller's leg has none. */
  protected authorize(
    _response: SipResponse,
    _request: SipRequest,
    _flow: Flow,
  ): [string, string][] | undefined {
    return undefined;
  }

  /** RFC 3262: only an INVITE we are still answering has provisional responses to acknowledge. */
  protected prack(request: SipRequest, transaction: TransactionId, _now: Millis): void {
    this.respond(request, transaction, 481, { reason: "no provisional response waits for this" });
  }

  /** Once there is a dialog its end is no failure of a request: 200 in SIP's terms. */
  protected sendBye(ending: Ending): void {
    const q850 = causeOf(ending);
    const { reason } = ending;
    this.sendInDialog("BYE", { headers: [["Reason", reasonValue({ status: 200, reason, q850 })]] });
    this.enter("leaving");
  }

  protected sendInDialog(method: string, parts: InDialogParts): void {
    this.#requests.send(method, parts);
  }

  /** The session runs: the timer's UPDATE for peers that would otherwise keep it short. */
  protected confirmed(): void {
    this.enter("confirmed");
    if (!this.profile.raisesInterval || !this.#allowed.has("UPDATE")) return;
    if ((this.session.interval ?? SESSION_INTERVAL) < SESSION_INTERVAL) this.#refresh();
  }

  protected respond(
    request: SipRequest,
    transaction: TransactionId,
    status: number,
    extra: ResponseExtra = {},
  ): void {
    const response = this.makeResponse(request, status, extra);
    this.orders.push({ type: "respond", transaction, response });
  }

  protected makeResponse(request: SipRequest, status: number, extra: ResponseExtra): SipResponse {
    const headers: [string, string][] = [...(extra.headers ?? [])];
    const offers = request.method === "INVITE" || request.method === "UPDATE";
    if (status < 300 || status === 405) headers.push(["Allow", ALLOW], ...infoPackages(this.kind));
    if (status >= 200 && status < 300 && offers) headers.push(["Supported", SUPPORTED.join(", ")]);
    const { reason, q850 } = extra;
    if (status >= 300 && reason !== undefined) {
      const ending = { status, reason, ...(q850 === undefined ? {} : { q850 }) };
      headers.push(["Reason", reasonValue(ending)], ["Warning", warningValue(reason)]);
    }
    const targets = offers || request.method === "REFER";
    return createResponse(request, status, {
      toTag: this.localTag,
      headers,
      ...(targets && status < 300 ? { contact: this.contact() } : {}),
      ...(extra.sdp === undefined ? {} : { body: sdpBody(extra.sdp) }),
    });
  }

  #offerPort(ownsCallId: boolean): OfferPort {
    const leg = this;
    return {
      negotiation: this.negotiation,
      get canOffer() {
        return leg.#state === "confirmed" && !leg.isParked;
      },
      ownsCallId,
      random: this.random,
      sendOffer: (sdp) =>
        this.sendInDialog("INVITE", {
          contact: this.contact(),
          headers: [...this.session.requestHeaders(), ["Allow", ALLOW], ["Supported", "timer"]],
          body: sdpBody(sdp),
        }),
      accept: (request, transaction, sdp, now) =>
        this.respond(request, transaction, 200, {
          headers: this.session.answer(request, now),
          ...(sdp === undefined ? {} : { sdp }),
        }),
      refuse: (request, transaction, status, reason) =>
        this.respond(request, transaction, status, { reason }),
      restart: () => this.orders.push({ type: "media", order: { type: "restart", leg: this.id } }),
    };
  }

  #requestPort(): RequestPort {
    const leg = this;
    return {
      id: this.id,
      get dialog() {
        return leg.dialog;
      },
      get flow() {
        return leg.#flow;
      },
      order: (order) => this.orders.push(order),
      contact: () => this.contact(),
      authorize: (response, request, flow) => this.authorize(response, request, flow),
    };
  }

  #referralPort(): ReferralPort {
    return {
      isConfirmed: () => this.#state === "confirmed",
      respond: (request, transaction, status, extra) =>
        this.respond(request, transaction, status, extra),
      notify: (parts) => this.sendInDialog("NOTIFY", { contact: this.contact(), ...parts }),
    };
  }

  #receiveOffer(
    request: SipRequest,
    transaction: TransactionId,
    now: Millis,
  ): LegEvent | undefined {
    if (this.session.isTooShort(request)) {
      const headers: [string, string][] = [["Min-SE", String(SESSION_INTERVAL_MIN)]];
      const reason = "the session would have to be refreshed too often";
      this.respond(request, transaction, 422, { reason, headers });
      return undefined;
    }
    if (this.#state === "answered") {
      this.respond(request, transaction, 491, { reason: "the answer is not acknowledged yet" });
      return undefined;
    }
    return this.offers.receive(request, transaction, now);
  }

  /** RFC 6086 §4.2.2 asks for 469 or 415 where a body can't be read. */
  #receiveInfo(request: SipRequest, transaction: TransactionId): LegEvent | undefined {
    const digit = digitOf(request);
    if (digit || isTrickle(this.kind, request)) this.respond(request, transaction, 200);
    else this.respond(request, transaction, 415, infoRefusal(this.kind));
    return digit && { type: "digit", digit };
  }

  #answered(request: SipRequest, response: SipResponse, now: Millis): LegEvent | undefined {
    if (request.method === "INFO") {
      return this.digits.answered(response.status) ? { type: "described" } : undefined;
    }
    const refreshes = request.method === "INVITE" || request.method === "UPDATE";
    if (!refreshes) return undefined;
    const succeeded = response.status < 300;
    if (succeeded) {
      this.learn(response);
      this.session.answered(response, now);
    }
    if (request.method === "INVITE") {
      if (succeeded) this.#acknowledge(request);
      return this.offers.answered(response, now);
    }
    // §7.4 of RFC 4028: a peer that can't UPDATE is refreshed by re-INVITE.
    if (response.status === 405 || response.status === 501) {
      this.#allowed = new Set([...this.#allowed].filter((it) => it !== "UPDATE"));
      this.offers.refresh();
    }
    return undefined;
  }

  #acknowledge(invite: SipRequest): void {
    if (!this.dialog || !this.#flow) return;
    const ack = ackFor(this.dialog, invite);
    this.orders.push({ type: "acknowledge", leg: this.id, flow: this.#flow, ack });
  }

  /** RFC 4028 §7.4: by UPDATE without a body where the peer takes it, else by re-INVITE. */
  #refresh(): void {
    if (this.#state !== "confirmed") return;
    const byUpdate = this.profile.refreshBy === "allowed" && this.#allowed.has("UPDATE");
    if (this.isParked || !byUpdate) {
      this.offers.refresh();
      return;
    }
    this.sendInDialog("UPDATE", {
      contact: this.contact(),
      headers: [...this.session.requestHeaders(), ["Supported", "timer"]],
    });
  }

  /** §12.2.1.2: 481 and 408 say that there is no dialog; of a NOTIFY alone they end the report. */
  #gone(request: SipRequest, response: SipResponse): LegEvent | undefined {
    if (request.method === "NOTIFY") {
      this.#referral.forget();
      return undefined;
    }
    return this.#lost(`the other side knows no such call: ${response.status} ${response.reason}`);
  }

  #lost(reason: string): LegEvent | undefined {
    if (this.#state === "over" || this.#state === "leaving") return undefined;
    // A BYE all the same (§14.1): if the peer does have the dialog, it ends it too.
    const ending = { reason, q850: TIMER_EXPIRY };
    if (this.dialog) this.sendBye({ status: 408, ...ending });
    return { type: "left", ...ending };
  }
}
