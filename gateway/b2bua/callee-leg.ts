/**
 * A callee's leg: the client side of an INVITE (RFC 3261 §13.2), then the dialog it made.
 *
 *   idle ─INVITE─► inviting ─2xx, ACK─► confirmed ─BYE─► leaving ─► over
 *                     └─CANCEL─► cancelling ─487─► over
 *
 * A 401 or 407 is answered once with the connection's credentials (RFC 3261 §22.2). A second 2xx,
 * of another branch of a fork, is acknowledged and hung up at once (§13.2.2.4).
 */

import { type Random, randomToken } from "../random.ts";
import { createRequest } from "../sip/build.ts";
import { ackFor, dialogFromResponse, requestIn } from "../sip/dialog.ts";
import {
  answerChallenge,
  type DigestAnswer,
  type DigestCredentials,
  type DigestState,
} from "../sip/digest-client.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import type { NameAddr } from "../sip/name-addr.ts";
import { ALLOW, Leg, type LegEvent, type LegOptions, sdpBody, sdpOf } from "./leg.ts";
import { reasonOf, reasonValue } from "./reason.ts";

/** Whom to call and as whom: the parts of the INVITE that routing decided. */
export interface Invitation {
  readonly uri: string;
  readonly from: NameAddr;
  readonly to: NameAddr;
  readonly routes: readonly string[];
  readonly maxForwards: number;
  readonly credentials?: DigestCredentials;
}

export class CalleeLeg extends Leg {
  readonly #invitation: Invitation;
  readonly #random: Random;
  readonly #callId: string;
  readonly #digest: DigestState = {};
  #invite: SipRequest | undefined;
  #cseq = 0;
  #challenged = 0;
  #described = false;

  constructor(options: LegOptions, invitation: Invitation) {
    super(options);
    this.#invitation = invitation;
    this.#random = options.random;
    this.#callId = randomToken(options.random, 12);
  }

  /** Sends the INVITE with our offer; the media leg must be open. */
  invite(flow: Flow): void {
    this.useFlow(flow);
    this.enter("inviting");
    this.orders.push({
      type: "index",
      leg: this.id,
      callId: this.#callId,
      localTag: this.localTag,
    });
    this.#send(flow, []);
  }

  /** A response to the INVITE, from `flow`. */
  received(response: SipResponse, flow: Flow): LegEvent | undefined {
    if (response.status < 200) return this.#progress(response);
    if (response.status < 300) return this.#success(response);
    if (this.state === "cancelling") {
      this.enter("over");
      return { type: "failed", status: 487, reason: "cancelled" };
    }
    if (this.state !== "inviting") return undefined;
    if (response.status === 401 || response.status === 407) return this.#challenge(response, flow);
    return this.#fail(
      response.status,
      reasonOf(response) ?? `${response.status} ${response.reason}`,
    );
  }

  /** The INVITE got no answer, or its flow is gone. */
  unanswered(reason: "timeout" | "transport"): LegEvent | undefined {
    if (this.state === "over") return undefined;
    return reason === "timeout"
      ? this.#fail(408, "the other side did not answer the INVITE")
      : this.#fail(503, "the other side can't be reached");
  }

  override end(_status: number, reason: string): void {
    switch (this.state) {
      case "idle":
        this.enter("over");
        break;
      case "inviting":
        this.enter("cancelling");
        this.orders.push({ type: "cancel", leg: this.id, reason: reasonValue(200, reason) });
        break;
      case "confirmed":
        this.sendBye(reason);
        break;
      default:
    }
  }

  #send(flow: Flow, authorization: [string, string][]): void {
    const sdp = this.negotiation.offer();
    if (sdp === undefined) throw new Error("an INVITE needs an open media leg");
    this.#cseq += 1;
    const { uri, from, to: callee, routes, maxForwards } = this.#invitation;
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
      headers: [["Allow", ALLOW], ...authorization],
      body: sdpBody(sdp),
    });
    this.#invite = request;
    this.orders.push({ type: "request", leg: this.id, flow, request });
  }

  #progress(response: SipResponse): LegEvent | undefined {
    if (this.state !== "inviting" || response.status === 100) return undefined;
    const sdp = sdpOf(response);
    // A description we can't use is no reason to end the call while it rings; the 2xx decides.
    const described = sdp !== undefined && this.negotiation.receiveAnswer(sdp).ok;
    this.#described ||= described;
    return { type: described ? "described" : "ringing" };
  }

  #success(response: SipResponse): LegEvent | undefined {
    const { flow } = this;
    const dialog = this.#invite && dialogFromResponse(this.#invite, response);
    if (!dialog || !flow || !this.#invite) return this.#fail(502, "the 2xx lacks a tag or Contact");
    this.orders.push({
      type: "acknowledge",
      leg: this.id,
      flow,
      ack: ackFor(dialog, this.#invite),
    });
    if (this.dialog) {
      // Another branch of a fork answered too: its dialog ends before it began.
      const headers: [string, string][] = [
        ["Reason", reasonValue(200, "Call completed elsewhere")],
      ];
      const request = requestIn(dialog, "BYE", { headers });
      this.orders.push({ type: "request", leg: this.id, flow, request });
      return undefined;
    }
    this.dialog = dialog;
    if (this.state !== "inviting") {
      // The 2xx crossed our CANCEL (§9.1): the call is up, so it ends with BYE.
      this.enter("confirmed");
      this.sendBye("cancelled");
      return undefined;
    }
    this.enter("confirmed");
    const sdp = sdpOf(response);
    if (sdp !== undefined) {
      const read = this.negotiation.receiveAnswer(sdp);
      if (!read.ok) return this.#hopeless(read.reason);
    } else if (!this.#described) {
      return this.#hopeless("the answer carries no session description");
    }
    return { type: "answered" };
  }

  /** Answered with media we can't speak: hung up, and the caller hears why. */
  #hopeless(reason: string): LegEvent {
    this.sendBye(reason);
    return { type: "failed", status: 488, reason };
  }

  #challenge(response: SipResponse, flow: Flow): LegEvent | undefined {
    this.#challenged += 1;
    if (!this.#invite || !this.flow || this.#challenged > 2) {
      return this.#fail(503, "the PBX keeps asking for the password");
    }
    const answer = this.#answer(response, this.#invite, flow, this.#digest);
    if (!answer.ok) return this.#fail(503, answer.reason);
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
    if (flow.id !== this.flow?.id) {
      return { ok: false, reason: "a challenge came from a foreign address" };
    }
    return answerChallenge(response, credentials, request, state, this.#random);
  }

  #fail(status: number, reason: string): LegEvent {
    this.enter("over");
    return { type: "failed", status, reason };
  }
}
