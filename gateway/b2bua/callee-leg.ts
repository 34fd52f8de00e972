/**
 * A callee's leg: the client side of an INVITE (RFC 3261 §13.2), then the dialog it made.
 *
 *   idle ─INVITE─► inviting ─2xx, ACK─► confirmed ─BYE─► leaving ─► over
 *                     └─CANCEL─► cancelling ─487─► over
 *
 * A 401 or 407 is answered with the connection's credentials (RFC 3261 §22.2), a 422 with a longer
 * interval (RFC 4028 §7.3), a reliable provisional response with PRACK (RFC 3262 §4). Each branch
 * of a fork has a dialog of its own; a second 2xx is acknowledged and hung up at once (§13.2.2.4).
 */
import type { Millis } from "../machine.ts";
import { randomToken } from "../random.ts";
import { contacts, cseq, tokens } from "../sip/accessors.ts";
import { createRequest } from "../sip/build.ts";
import { ackFor, type Dialog, dialogFromResponse, requestIn } from "../sip/dialog.ts";
import { answerChallenge, type DigestAnswer, type DigestState } from "../sip/digest-client.ts";
import { type Flow, leadsToSamePlace } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { rseqOf } from "../sip/reliable-provisional.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { Invitation } from "./destination.ts";
import { byPreference } from "./detour.ts";
import { Leg } from "./leg.ts";
import { ALLOW, type LegEvent, type LegOptions } from "./leg-contract.ts";
import { toldAddress } from "./place.ts";
import { ELSEWHERE, type Ending, INCOMPATIBLE, q850Of, reasonOf, reasonValue } from "./reason.ts";
import { sdpBody, sdpOf } from "./session-body.ts";

interface Branch {
  readonly dialog: Dialog;
  /** The last reliable provisional response that was acknowledged. */
  acknowledged: number | undefined;
}

export class CalleeLeg extends Leg {
  readonly #invitation: Invitation;
  readonly #callId: string;
  readonly #digest: DigestState = {};
  #invite: SipRequest | undefined;
  #cseq = 0;
  #challenged = 0;
  #described = false;
  #progressed = false;
  #answered = false;
  readonly #branches = new Map<string, Branch>();

  constructor(options: LegOptions, invitation: Invitation) {
    super(options, true);
    this.#invitation = invitation;
    this.#callId = randomToken(options.random, 12);
  }

  /** Sends the INVITE with our offer; the media leg must be open. */
  invite(flow: Flow): void {
    this.useFlow(flow);
    this.negotiation.tell(toldAddress(this.options.place, flow));
    this.enter("inviting");
    const { id: leg, localTag } = this;
    this.orders.push({ type: "index", leg, callId: this.#callId, localTag });
    this.#send(flow, []);
  }

  override response(response: SipResponse, flow: Flow, now: Millis): LegEvent | undefined {
    const isOfInvite =
      cseq(response).method === "INVITE" && cseq(response).number <= this.#cseq && !!this.#invite;
    return isOfInvite ? this.#invited(response, flow, now) : super.response(response, flow, now);
  }

  override failed(request: SipRequest, reason: "timeout" | "transport"): LegEvent | undefined {
    if (request !== this.#invite) return super.failed(request, reason);
    if (this.state === "over" || this.#answered) return undefined;
    if (this.state === "cancelling") return this.#fail({ status: 487, reason: "cancelled" });
    const ending =
      reason === "timeout"
        ? { status: 408, reason: "the other side did not answer the INVITE" }
        : { status: 503, reason: "the other side can't be reached" };
    return this.#progressed ? this.#fail(ending) : this.#unreached(ending);
  }

  /**
   * A BYE can come before a 2xx that was lost, and then no other final answer comes: the CANCEL
   * gives our INVITE its end (RFC 3261 §9.1).
   */
  override request(
    request: SipRequest,
    transaction: TransactionId,
    now: Millis,
  ): LegEvent | undefined {
    const event = super.request(request, transaction, now);
    if (event?.type === "left" && !this.#answered) {
      const reason = reasonValue({ status: 487, reason: "the other side hung up" });
      this.orders.push({ type: "cancel", leg: this.id, reason });
    }
    return event;
  }

  /** In CANCEL a cause of 200 says "answered elsewhere": no missed call (RFC 3326, §2). */
  override end(ending: Ending): void {
    switch (this.state) {
      case "idle":
        this.enter("over");
        break;
      case "inviting":
        this.enter("cancelling");
        this.orders.push({ type: "cancel", leg: this.id, reason: reasonValue(ending) });
        break;
      case "confirmed":
        this.sendBye(ending);
        break;
      default:
    }
  }

  /** An early dialog is each branch's own (RFC 3261 §12.1.2). */
  override isDialog(localTag: string, remoteTag: string): boolean {
    if (this.state !== "inviting") return super.isDialog(localTag, remoteTag);
    return this.localTag === localTag && this.#branches.has(remoteTag);
  }

  #send(flow: Flow, more: [string, string][]): void {
    const sdp = this.negotiation.offer();
    if (sdp === undefined) throw new Error("an INVITE needs an open media leg");
    this.#cseq += 1;
    const { uri, from, to: callee, routes, maxForwards, headers } = this.#invitation;
    const { offersTimer, offersReliable } = this.profile;
    const supported = ["replaces", ...(offersTimer ? ["timer"] : [])];
    if (offersReliable) supported.push("100rel");
    const request = createRequest({
      method: "INVITE",
      uri,
      from: { ...from, params: new Map([...from.params, ["tag", this.localTag]]) },
      to: callee,
      callId: this.#callId,
      cseq: this.#cseq,
      contact: this.contact(),
      maxForwards,
      routes: [...routes],
      headers: [
        ["Allow", ALLOW],
        ["Supported", supported.join(", ")],
        ...(offersTimer ? this.session.requestHeaders() : []),
        ...headers,
        ...more,
      ],
      body: sdpBody(sdp),
    });
    this.#invite = request;
    this.orders.push({ type: "request", leg: this.id, flow, request });
  }

  #invited(response: SipResponse, flow: Flow, now: Millis): LegEvent | undefined {
    const { status } = response;
    if (status < 200) return this.#progress(response);
    if (status < 300) return this.#success(response, now);
    if (this.#answered || cseq(response).number < this.#cseq) return undefined;
    if (this.state === "cancelling") return this.#fail({ status: 487, reason: "cancelled" });
    if (this.state !== "inviting") return undefined;
    if (status === 401 || status === 407) return this.#challenge(response, flow);
    if (status === 422 && this.session.raise(response) && this.flow) {
      this.#send(this.flow, []);
      return undefined;
    }
    const reason = reasonOf(response) ?? `${status} ${response.reason}`;
    if (status < 400) return this.#redirected(response, reason);
    const ending = { status, reason, ...q850Of(response) };
    return status === 503 && !this.#progressed ? this.#unreached(ending) : this.#fail(ending);
  }

  #progress(response: SipResponse): LegEvent | undefined {
    if (response.status === 100) return undefined;
    this.#progressed = true;
    if (this.state !== "inviting" && this.state !== "cancelling") return undefined;
    const branch = this.#branchOf(response);
    const isNew = branch === undefined || this.#acknowledge(branch, response);
    if (this.state !== "inviting" || !isNew) return undefined;
    this.learn(response);
    const sdp = sdpOf(response);
    // A description we can't use is no reason to end the call while it rings; the 2xx decides.
    const described = sdp !== undefined && this.negotiation.receiveAnswer(sdp).ok;
    this.#described ||= described;
    return { type: described ? "described" : "ringing" };
  }

  /** The early dialog of the response's tag (§12.1.2); undefined where it makes none. */
  #branchOf(response: SipResponse): Branch | undefined {
    const dialog = this.#invite && dialogFromResponse(this.#invite, response);
    if (!dialog) return undefined;
    let branch = this.#branches.get(dialog.remoteTag);
    if (!branch) {
      branch = { dialog, acknowledged: undefined };
      this.#branches.set(dialog.remoteTag, branch);
      this.dialog ??= dialog;
    }
    return branch;
  }

  /** RFC 3262 §4: in order and once; false for one that was seen or comes too early. */
  #acknowledge(branch: Branch, response: SipResponse): boolean {
    const sequence = rseqOf(response);
    const { flow } = this;
    if (sequence === undefined || !tokens(response, "Require").includes("100rel")) return true;
    const isNext = branch.acknowledged === undefined || sequence === branch.acknowledged + 1;
    if (!isNext || !flow) return false;
    branch.acknowledged = sequence;
    const { number, method } = cseq(response);
    const headers: [string, string][] = [["RAck", `${sequence} ${number} ${method}`]];
    const request = requestIn(branch.dialog, "PRACK", { headers });
    this.orders.push({ type: "request", leg: this.id, flow, request });
    return true;
  }

  #success(response: SipResponse, now: Millis): LegEvent | undefined {
    const { flow } = this;
    const dialog = this.#invite && dialogFromResponse(this.#invite, response);
    if (!dialog || !flow || !this.#invite)
      return this.#fail({ status: 502, reason: "the 2xx lacks a tag or Contact" });
    const ack = ackFor(dialog, this.#invite);
    this.orders.push({ type: "acknowledge", leg: this.id, flow, ack });
    if (this.#answered) {
      // Another branch of a fork answered too: its dialog ends before it began.
      const ending = { status: 200, reason: "Call completed elsewhere", q850: ELSEWHERE };
      const headers: [string, string][] = [["Reason", reasonValue(ending)]];
      const request = requestIn(dialog, "BYE", { headers });
      this.orders.push({ type: "request", leg: this.id, flow, request });
      return undefined;
    }
    this.#answered = true;
    this.dialog = this.#confirm(dialog);
    this.learn(response);
    if (this.state !== "inviting") {
      // The 2xx crossed our CANCEL (§9.1): the call is up, so it ends with BYE.
      this.enter("confirmed");
      this.sendBye({ status: 487, reason: "cancelled" });
      return undefined;
    }
    const sdp = sdpOf(response);
    if (sdp !== undefined) {
      const read = this.negotiation.receiveAnswer(sdp);
      if (!read.ok) return this.#hopeless(read.reason);
    } else if (!this.#described) {
      return this.#hopeless("the answer carries no session description");
    }
    this.session.answered(response, now);
    this.confirmed();
    return { type: "answered" };
  }

  /** §13.2.2.4: routes and target are the 2xx's; what was counted in the early dialog stays. */
  #confirm(dialog: Dialog): Dialog {
    const early = this.#branches.get(dialog.remoteTag)?.dialog;
    if (early) {
      dialog.localSequence = early.localSequence;
      dialog.remoteSequence = early.remoteSequence;
    }
    return dialog;
  }

  /** Answered with media we can't speak: hung up, and the caller hears why. */
  #hopeless(reason: string): LegEvent {
    const ending = { status: 488, reason, q850: INCOMPATIBLE };
    this.enter("confirmed");
    this.sendBye(ending);
    return { type: "failed", ...ending };
  }

  #challenge(response: SipResponse, flow: Flow): LegEvent | undefined {
    this.#challenged += 1;
    if (!this.#invite || !this.flow || this.#challenged > 2) {
      return this.#fail({ status: 503, reason: "the PBX keeps asking for the password" });
    }
    const answer = this.#answer(response, this.#invite, flow, this.#digest);
    if (!answer.ok) return this.#fail({ status: 503, reason: answer.reason });
    this.#send(this.flow, answer.headers);
    return undefined;
  }

  protected override authorize(
    response: SipResponse,
    request: SipRequest,
    flow: Flow,
  ): [string, string][] | undefined {
    const answer = this.#answer(response, request, flow, {});
    return answer.ok ? answer.headers : undefined;
  }

  /** Credentials go only where the request went (S6): not to whoever answers from elsewhere. */
  #answer(
    response: SipResponse,
    request: SipRequest,
    flow: Flow,
    state: DigestState,
  ): DigestAnswer {
    const { credentials } = this.#invitation;
    if (!credentials) {
      return { ok: false, reason: "the PBX wants credentials this connection doesn't have" };
    }
    if (!this.flow || !leadsToSamePlace(flow, this.flow)) {
      return { ok: false, reason: "a challenge came from a foreign address" };
    }
    return answerChallenge(response, credentials, request, state, this.random);
  }

  #redirected(response: SipResponse, reason: string): LegEvent {
    this.enter("over");
    const list = contacts(response);
    const redirects = list === "*" ? [] : byPreference(list).map(({ uri }) => uri);
    return { type: "failed", status: response.status, reason, redirects, ...q850Of(response) };
  }

  #fail(ending: Ending): LegEvent {
    this.enter("over");
    return { type: "failed", ...ending };
  }

  /** The call may try another way, with another leg. */
  #unreached(ending: Ending): LegEvent {
    this.enter("over");
    return { type: "unreached", ...ending };
  }
}
