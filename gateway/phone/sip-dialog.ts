/** One side of a call in a script: sends its INVITE, ACK and BYE, and knows when it ended. */

import { fromUtf8, utf8 } from "../bytes.ts";
import { systemRandom } from "../io/random.ts";
import { randomToken } from "../random.ts";
import { from, to } from "../sip/accessors.ts";
import { createRequest } from "../sip/build.ts";
import {
  acceptRequest,
  ackFor,
  type Dialog,
  dialogFromRequest,
  dialogFromResponse,
  requestIn,
} from "../sip/dialog.ts";
import { answerChallenge, type DigestState } from "../sip/digest-client.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipMessage, SipRequest, SipResponse } from "../sip/message.ts";
import { tagOf } from "../sip/name-addr.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { Identity } from "./identity.ts";
import type { Served, SipEndpoint } from "./sip-endpoint.ts";

/** The session description a message carries; empty when it has none. */
export function sdpIn(message: SipMessage): string {
  return fromUtf8(message.body);
}

export function sdpBody(sdp: string): { type: string; bytes: Uint8Array } {
  return { type: "application/sdp", bytes: utf8(sdp) };
}

const ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS";

/** Thrown when an INVITE is refused. */
export class CallRefused extends Error {
  readonly status: number;
  readonly response: SipResponse;

  constructor(response: SipResponse) {
    super(`${response.status} ${response.reason}: ${response.headers.get("Reason") ?? ""}`);
    this.status = response.status;
    this.response = response;
  }
}

/** A request outside any dialog that answers one challenge (REGISTER). */
export async function authenticated(
  endpoint: SipEndpoint,
  flow: Flow,
  identity: Identity,
  requestOf: (headers: [string, string][]) => SipRequest,
): Promise<SipResponse> {
  const first = requestOf([]);
  const response = await endpoint.request(flow, first).final;
  if (response.status !== 401 && response.status !== 407) return response;
  const headers = credentialsFor(response, identity, first, {});
  return endpoint.request(flow, requestOf(headers)).final;
}

function credentialsFor(
  response: SipResponse,
  { username, password }: Identity,
  { method, uri, body }: SipRequest,
  state: DigestState,
): [string, string][] {
  const credentials = { username, password, realm: "*" };
  const answer = answerChallenge(response, credentials, { method, uri, body }, state, systemRandom);
  if (!answer.ok) throw new Error(answer.reason);
  return answer.headers;
}

export class SipDialog {
  readonly #endpoint: SipEndpoint;
  readonly #flow: Flow;
  readonly #dialog: Dialog;
  readonly #contact: string;
  readonly #ended = Promise.withResolvers<string>();
  /** Answers an offer inside the dialog; without it a re-INVITE is refused with 488. */
  answersOffer: ((sdp: string) => Promise<string>) | undefined;
  /** Takes an INFO; without it one is refused with 405. */
  onInfo: ((info: SipRequest) => void) | undefined;
  #over = false;

  private constructor(endpoint: SipEndpoint, flow: Flow, dialog: Dialog, contact: string) {
    this.#endpoint = endpoint;
    this.#flow = flow;
    this.#dialog = dialog;
    this.#contact = contact;
  }

  /** Resolves with the reason when either side has hung up. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** What a request inside this dialog has in common with it. */
  get key(): string {
    return `${this.#dialog.callId} ${this.#dialog.localTag}`;
  }

  static keyOf(request: SipRequest): string {
    return `${request.headers.get("Call-ID") ?? ""} ${tagOf(to(request)) ?? ""}`;
  }

  /** Answers an INVITE with 200; resolves once the ACK came. */
  static async accept(
    endpoint: SipEndpoint,
    served: Served,
    contact: string,
    sdp: string,
    headers: [string, string][] = [],
  ): Promise<SipDialog> {
    const localTag = randomToken(systemRandom, 6);
    const dialog = dialogFromRequest(served.request, localTag);
    const acknowledged = endpoint.acknowledged(dialog.callId, localTag);
    served.respond(200, { toTag: localTag, contact, headers, body: sdpBody(sdp) });
    await acknowledged;
    return new SipDialog(endpoint, served.flow, dialog, contact);
  }

  /** Handles a request inside the dialog; BYE ends it. */
  request(served: Served): void {
    const verdict = acceptRequest(this.#dialog, served.request);
    if (!verdict.ok) served.respond(verdict.status);
    else if (served.request.method === "BYE") {
      served.respond(200);
      this.#finish(served.request.headers.get("Reason") ?? "");
    } else if (served.request.method === "INVITE") void this.#reoffered(served);
    else if (served.request.method === "INFO" && this.onInfo) {
      served.respond(200);
      this.onInfo(served.request);
    } else served.respond(served.request.method === "OPTIONS" ? 200 : 405);
  }

  async #reoffered(served: Served): Promise<void> {
    if (!this.answersOffer) {
      served.respond(488);
      return;
    }
    const sdp = await this.answersOffer(sdpIn(served.request));
    served.respond(200, { contact: this.#contact, body: sdpBody(sdp) });
  }

  /** A re-INVITE; resolves with its final response, acknowledged. */
  async offer(sdp: string): Promise<SipResponse> {
    const body = sdpBody(sdp);
    const invite = requestIn(this.#dialog, "INVITE", { contact: this.#contact, body });
    const sent = this.#endpoint.request(this.#flow, invite);
    const response = await sent.final;
    if (response.status < 300) {
      this.#endpoint.acknowledge(sent.transaction, this.#flow, ackFor(this.#dialog, invite));
    }
    return response;
  }

  /** An INFO; resolves with its final response. */
  inform(type: string, text: string): Promise<SipResponse> {
    const info = requestIn(this.#dialog, "INFO", { body: { type, bytes: utf8(text) } });
    return this.#endpoint.request(this.#flow, info).final;
  }

  async hangUp(): Promise<void> {
    if (this.#over) return;
    this.#finish("hung up here");
    const bye = requestIn(this.#dialog, "BYE", { contact: this.#contact });
    await this.#endpoint.request(this.#flow, bye).final;
  }

  #finish(reason: string): void {
    this.#over = true;
    this.#ended.resolve(reason);
  }

  /** For `OutgoingCall`. */
  static confirmed(endpoint: SipEndpoint, flow: Flow, dialog: Dialog, contact: string): SipDialog {
    return new SipDialog(endpoint, flow, dialog, contact);
  }
}

export interface Progress {
  status: number;
  sdp: string;
}

/** An INVITE on its way: can be cancelled, becomes a dialog when it is answered. */
export class OutgoingCall {
  /** Rejects with `CallRefused`. */
  readonly answered: Promise<{ dialog: SipDialog; sdp: string }>;
  readonly progress: Progress[] = [];
  readonly #endpoint: SipEndpoint;
  #transaction: TransactionId | undefined;
  #cancelled = false;

  constructor(endpoint: SipEndpoint, flow: Flow, identity: Identity, target: string, sdp: string) {
    this.#endpoint = endpoint;
    this.answered = this.#run(flow, identity, target, sdp);
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.#transaction) this.#endpoint.cancel(this.#transaction);
  }

  async #run(
    flow: Flow,
    identity: Identity,
    target: string,
    sdp: string,
  ): Promise<{ dialog: SipDialog; sdp: string }> {
    const callId = randomToken(systemRandom, 12);
    const fromTag = randomToken(systemRandom, 6);
    const requestOf = (cseq: number, headers: [string, string][]) =>
      createRequest({
        method: "INVITE",
        uri: target,
        from: { uri: identity.aor, params: new Map([["tag", fromTag]]) },
        to: { uri: target, params: new Map() },
        callId,
        cseq,
        contact: identity.contact,
        headers: [["Allow", ALLOW], ...headers],
        body: sdpBody(sdp),
      });
    let invite = requestOf(1, []);
    let response = await this.#send(flow, invite);
    if ((response.status === 401 || response.status === 407) && !this.#cancelled) {
      invite = requestOf(2, credentialsFor(response, identity, invite, {}));
      response = await this.#send(flow, invite);
    }
    if (response.status >= 300) throw new CallRefused(response);
    const dialog = dialogFromResponse(invite, response);
    if (!dialog || !this.#transaction) throw new Error("the answer makes no dialog");
    this.#endpoint.acknowledge(this.#transaction, flow, ackFor(dialog, invite));
    const confirmed = SipDialog.confirmed(this.#endpoint, flow, dialog, identity.contact);
    return { dialog: confirmed, sdp: sdpIn(response) };
  }

  #send(flow: Flow, invite: SipRequest): Promise<SipResponse> {
    const sent = this.#endpoint.request(flow, invite, (response) =>
      this.progress.push({ status: response.status, sdp: sdpIn(response) }),
    );
    this.#transaction = sent.transaction;
    if (this.#cancelled) this.#endpoint.cancel(sent.transaction);
    return sent.final;
  }
}

/** The user part of a request's From: who is calling. */
export function callerOf(request: SipRequest): string {
  return /sips?:([^@;>]+)@/.exec(from(request).uri)?.[1] ?? "";
}
