/**
 * A user agent in the simulated house: the gateway's own transaction layer, and call logic of its
 * own that a story directs. It keeps its view of each dialog, so that a story can ask what it
 * believes. It draws chance from the story's seed and knows no clock but the house's.
 */
import { utf8 } from "../../gateway/bytes.ts";
import { callId, cseq, from, to, tokens } from "../../gateway/sip/accessors.ts";
import { createRequest, createResponse, type ResponseParts } from "../../gateway/sip/build.ts";
import {
  acceptRequest,
  ackFor,
  type Dialog,
  dialogFromRequest,
  dialogFromResponse,
  type InDialogParts,
  requestIn,
} from "../../gateway/sip/dialog.ts";
import { answerChallenge } from "../../gateway/sip/digest-client.ts";
import type { SipRequest, SipResponse } from "../../gateway/sip/message.ts";
import { Stack } from "../../gateway/sip/stack.ts";
import type { StackOutput } from "../../gateway/sip/stack-output.ts";
import type { TransactionId } from "../../gateway/sip/transaction-table.ts";
import { parseUri } from "../../gateway/sip/uri.ts";
import {
  type ActorOptions,
  directionOf,
  fragmentOf,
  type Manner,
  type SdpDirection,
  sdpBody,
  type View,
  watchedBody,
  withBody,
} from "./acting.ts";

/** Headers of a request that stay when it is sent again with a password. */
const KEPT = ["Expires", "Event", "Replaces", "Require", "Supported", "Session-Expires"];

export class Actor {
  readonly name: string;
  readonly stack: Stack;
  manner: Manner = { answer: 200, afterMs: 500 };
  readonly views: View[] = [];
  /** Finals of its requests and what came to it, in words: `INVITE 200`, `got BYE`. */
  readonly diary: string[] = [];
  /** The Reason of each BYE and CANCEL that came, and of each refusal. */
  readonly reasons: string[] = [];
  /** Whom it was called as: the number of each INVITE. */
  readonly invited: string[] = [];
  /** A Replaces that names the last call of its own that rang elsewhere. */
  begun: string | undefined;
  isRegistered = false;
  readonly #options: ActorOptions;
  readonly #requests = new Map<TransactionId, { request: SipRequest; view?: View }>();
  readonly #answered = new Set<string>();
  readonly #prackedBy = new Map<string, Dialog>();
  readonly #ringing = new Map<TransactionId, { request: SipRequest; localTag: string }>();
  readonly #invites: TransactionId[] = [];
  #count = 0;

  constructor(options: ActorOptions) {
    this.name = options.name;
    this.#options = options;
    this.stack = new Stack({ random: options.random });
  }

  get isIdle(): boolean {
    const { clientTransactions, serverTransactions } = this.stack.alive;
    return clientTransactions + serverTransactions === 0;
  }

  /** Its latest call. */
  get view(): View | undefined {
    return this.views.at(-1);
  }

  receive(bytes: Uint8Array): void {
    this.#carry(this.stack.receive(this.#options.flow, bytes, this.#options.now()));
  }

  timeout(): void {
    this.#carry(this.stack.timeout(this.#options.now()));
  }

  register(seconds = 3_600): void {
    this.#outside("REGISTER", "sip:gateway", [["Expires", String(seconds)]]);
  }

  /** Without `offer` the INVITE is empty and the ACK carries the answer. */
  call(uri: string, headers: [string, string][] = [], offer = true): void {
    const sdp = offer ? this.#options.sdp("sendrecv", true) : undefined;
    this.#invites.push(this.#outside("INVITE", uri, headers, sdp));
  }

  cancel(reason?: string): void {
    const invite = this.#invites.at(-1);
    if (invite) this.#carry(this.stack.cancel(invite, this.#options.now(), reason));
  }

  cancelAll(): void {
    const now = this.#options.now();
    for (const invite of this.#invites) this.#carry(this.stack.cancel(invite, now));
  }

  /** A Replaces that names the call which rings here; undefined where none does. */
  get ringing(): string | undefined {
    const [{ request, localTag } = {}] = this.#ringing.values();
    const remoteTag = request && from(request).params.get("tag");
    return request && `${callId(request)};to-tag=${remoteTag};from-tag=${localTag}`;
  }

  subscribe(uri: string, event: string): void {
    this.#outside("SUBSCRIBE", uri, [
      ["Event", event],
      ["Expires", "600"],
    ]);
  }

  message(uri: string, text: string): void {
    this.#outside("MESSAGE", uri, [], undefined, { type: "text/plain", bytes: utf8(text) });
  }

  /** A re-INVITE: hold, resume, or empty (`undefined`) to be offered something. */
  reoffer(direction: SdpDirection | undefined, view = this.view): void {
    if (!view || view.isOffering || !this.views.includes(view)) return;
    view.isOffering = true;
    if (direction) view.said = direction;
    const sdp = direction && this.#options.sdp(direction, true);
    this.#inside(view, "INVITE", sdp === undefined ? {} : { body: sdpBody(sdp) });
  }

  /** With a direction it is an offer (RFC 3311). */
  update(direction?: SdpDirection, view = this.view): void {
    if (!view || view.isOffering || !this.views.includes(view)) return;
    view.isOffering = direction !== undefined;
    if (direction) view.said = direction;
    const sdp = direction && this.#options.sdp(direction, true);
    this.#inside(view, "UPDATE", sdp === undefined ? {} : { body: sdpBody(sdp) });
  }

  /** A blind transfer, or an attended one when another call of its own is named. */
  refer(uri: string, other?: View, view = this.view): void {
    if (!view) return;
    const { callId: id, remoteTag, localTag } = other?.dialog ?? {};
    const replaces = encodeURIComponent(`${id};to-tag=${remoteTag};from-tag=${localTag}`);
    const target = other ? `<${uri}?Replaces=${replaces}>` : `<${uri}>`;
    this.#inside(view, "REFER", { headers: [["Refer-To", target]] });
  }

  inform(text: string, type = "application/dtmf-relay", view = this.view): void {
    if (view) this.#inside(view, "INFO", { body: { type, bytes: utf8(text) } });
  }

  hangUp(view = this.view, reason?: string): void {
    if (!view || !this.views.includes(view)) return;
    this.#forget(view);
    this.#inside(view, "BYE", reason === undefined ? {} : { headers: [["Reason", reason]] });
  }

  hangUpAll(): void {
    for (const view of [...this.views]) this.hangUp(view);
  }

  /** Its connection broke: what was on its way is lost, what rings stops. Calls that are up stay. */
  disconnected(): void {
    const { flow, now } = this.#options;
    this.#carry(this.stack.close(flow.id, now()));
    for (const transaction of [...this.#ringing.keys()]) this.#cancelled(transaction);
  }

  /** As after a crash: it knows nothing of its calls any more. */
  forgetAll(): void {
    this.views.splice(0);
  }

  #outside(
    method: string,
    uri: string,
    headers: [string, string][],
    sdp?: string,
    body = sdp === undefined ? undefined : sdpBody(sdp),
    id = `${this.name}-${this.#count + 1}`,
  ): TransactionId {
    this.#count += 1;
    const { name } = this;
    const own = `sip:${name.split("/")[0]}@gateway`;
    const request = createRequest({
      method,
      uri,
      from: { uri: own, params: new Map([["tag", `tag-${id}`]]) },
      to: { uri: method === "REGISTER" ? own : uri, params: new Map() },
      callId: id,
      cseq: this.#count,
      contact: `${this.#contact};+sip.instance="<urn:uuid:${name}>";reg-id=1`,
      headers,
      ...(body ? { body } : {}),
    });
    return this.#send(request);
  }

  #inside(view: View, method: string, parts: InDialogParts): void {
    const request = requestIn(view.dialog, method, { contact: this.#contact, ...parts });
    this.#send(request, view);
  }

  #send(request: SipRequest, view?: View): TransactionId {
    const { flow, now } = this.#options;
    const { transaction, outputs } = this.stack.request(flow, request, now());
    this.#requests.set(transaction, view ? { request, view } : { request });
    this.#carry(outputs);
    return transaction;
  }

  get #contact(): string {
    const { flow } = this.#options;
    const transport = flow.transport === "ws" ? ";transport=ws" : "";
    return `<sip:${this.name.split("/")[0]}@${flow.sentBy}${transport}>`;
  }

  #carry(outputs: readonly StackOutput[]): void {
    for (const output of outputs) {
      if (output.type === "send") this.#options.send(output.bytes);
      else if (output.type === "request") this.#request(output.request);
      else if (output.type === "response") this.#response(output.transaction, output.response);
      else if (output.type === "cancelled") {
        this.#noteReason(output.request);
        this.#cancelled(output.transaction);
      } else if (output.type === "failed") this.#failed(output.transaction, output.reason);
    }
  }

  // Answers to its requests ---------------------------------------------------------------------

  #failed(transaction: TransactionId, reason: string): void {
    const sent = this.#requests.get(transaction);
    this.#requests.delete(transaction);
    this.diary.push(`${sent?.request.method ?? "response"} ${reason}`);
    if (!sent?.view) return;
    sent.view.isOffering = false;
    // RFC 3261 §12.2.1.2: a dialog that does not answer is no more.
    if (sent.request.method !== "BYE") this.hangUp(sent.view);
  }

  #response(transaction: TransactionId, response: SipResponse): void {
    const sent = this.#requests.get(transaction);
    if (!sent) return;
    const { request, view } = sent;
    const { status } = response;
    if (status < 200) {
      if (status === 183) this.diary.push(`${request.method} 183`);
      const [remote, local] = [to(response), from(request)].map((it) => it.params.get("tag"));
      if (remote !== undefined) {
        this.begun = `${callId(request)};to-tag=${remote};from-tag=${local}`;
      }
      this.#acknowledgeReliable(request, response);
      return;
    }
    if ((status === 401 || status === 407) && !this.#answered.has(callId(request))) {
      this.#answerChallenge(request, response);
      return;
    }
    this.diary.push(`${request.method} ${status}`);
    if (status >= 300) this.#noteReason(response);
    if (request.method === "REGISTER") this.isRegistered = status === 200;
    if (view && request.method === "INVITE") this.#reoffered(view, request, response, transaction);
    else if (request.method === "INVITE" && status < 300) this.#up(request, response, transaction);
    else if (view && (status === 481 || status === 408)) this.#forget(view);
    else if (view && request.method === "UPDATE") {
      view.isOffering = false;
      if (status < 300) view.heard = directionOf(response) ?? view.heard;
    }
  }

  #answerChallenge(request: SipRequest, response: SipResponse): void {
    this.#answered.add(callId(request));
    const user = this.name.split("/")[0] ?? "";
    const credentials = { username: user, password: `${user}-secret`, realm: "*" };
    const answer = answerChallenge(response, credentials, request, {}, this.#options.random);
    if (!answer.ok) throw new Error(answer.reason);
    const kept = KEPT.flatMap((name) =>
      request.headers.all(name).map((value): [string, string] => [name, value]),
    );
    const type = request.headers.get("Content-Type");
    const body = type === undefined ? undefined : { type, bytes: request.body };
    const { method, uri } = request;
    const headers = [...kept, ...answer.headers];
    const sent = this.#outside(method, uri, headers, undefined, body, callId(request));
    if (method === "INVITE") this.#invites.push(sent);
  }

  #up(request: SipRequest, response: SipResponse, transaction: TransactionId): void {
    const dialog = dialogFromResponse(request, response);
    if (!dialog) throw new Error("the gateway's 200 makes no dialog");
    const early = this.#prackedBy.get(dialog.remoteTag);
    if (early) dialog.localSequence = early.localSequence;
    const heard = directionOf(response);
    const view: View = { dialog, heard, said: "sendrecv", isOffering: false };
    this.views.push(view);
    const ack = ackFor(dialog, request);
    // §13.2.1: whoever asked without an offer answers in the ACK.
    const answer = request.body.length > 0 ? ack : withBody(ack, this.#mirrored(heard));
    const { flow, now } = this.#options;
    this.#carry(this.stack.acknowledge(transaction, flow, answer, now()));
  }

  #reoffered(
    view: View,
    request: SipRequest,
    response: SipResponse,
    transaction: TransactionId,
  ): void {
    view.isOffering = false;
    const { status } = response;
    const { flow, now, later, random } = this.#options;
    if (status < 300) {
      view.heard = directionOf(response) ?? view.heard;
      const ack = ackFor(view.dialog, request);
      const answer = request.body.length > 0 ? ack : withBody(ack, this.#mirrored(view.heard));
      this.#carry(this.stack.acknowledge(transaction, flow, answer, now()));
    } else if (status === 491) {
      // §14.1: again after a while of its own.
      later(500 + random.below(3_000), () => this.reoffer(view.said, view));
    } else if (status === 481 || status === 408) {
      this.#forget(view);
    }
  }

  /** RFC 3262 §4. */
  #acknowledgeReliable(request: SipRequest, response: SipResponse): void {
    const sequence = response.headers.get("RSeq");
    if (sequence === undefined) return;
    const dialog = dialogFromResponse(request, response);
    if (!dialog) return;
    const early = this.#prackedBy.get(dialog.remoteTag) ?? dialog;
    this.#prackedBy.set(dialog.remoteTag, early);
    const { number, method } = cseq(request);
    this.#send(
      requestIn(early, "PRACK", { headers: [["RAck", `${sequence} ${number} ${method}`]] }),
    );
  }

  // Requests that come to it --------------------------------------------------------------------

  #request(request: SipRequest): void {
    const { flow, now } = this.#options;
    const { transaction, outputs } = this.stack.serve(flow, request, now());
    this.#carry(outputs);
    const respond = (status: number, parts: ResponseParts = {}) =>
      this.#carry(this.stack.respond(transaction, createResponse(request, status, parts), now()));
    const localTag = to(request).params.get("tag");
    const view = this.views.find(
      ({ dialog }) => dialog.callId === callId(request) && dialog.localTag === localTag,
    );
    this.diary.push(`got ${request.method}${fragmentOf(request)}`);
    if (view) this.#inDialog(view, request, respond);
    else if (request.method === "INVITE" && localTag === undefined) {
      this.#invited(request, transaction, respond);
    } else if (request.method === "PRACK" && this.#ringing.size > 0) respond(200);
    else if (request.method === "MESSAGE" || request.method === "NOTIFY") respond(200);
    else if (request.method === "SUBSCRIBE") this.#subscribed(request, respond);
    else respond(request.method === "OPTIONS" ? 200 : 481);
  }

  #inDialog(
    view: View,
    request: SipRequest,
    respond: (status: number, parts?: ResponseParts) => void,
  ): unknown {
    const verdict = acceptRequest(view.dialog, request);
    if (!verdict.ok) return respond(verdict.status);
    const contact = this.#contact;
    const interval = request.headers.get("Session-Expires");
    const headers: [string, string][] = [["Allow", this.#allow]];
    if (interval !== undefined) headers.push(["Session-Expires", interval]);
    switch (request.method) {
      case "BYE":
        this.#noteReason(request);
        this.#forget(view);
        return respond(200);
      case "UPDATE": {
        if (this.#options.refusesUpdate) return respond(405, { headers });
        if (request.body.length === 0) return respond(200, { contact, headers });
        if (view.isOffering) return respond(491);
        view.heard = directionOf(request) ?? view.heard;
        const body = sdpBody(this.#mirrored(view.heard, view.said));
        return respond(200, { contact, headers, body });
      }
      case "INVITE": {
        if (view.isOffering) return respond(491);
        view.heard = directionOf(request) ?? view.heard;
        const sdp =
          request.body.length === 0
            ? this.#options.sdp(view.said, true)
            : this.#mirrored(view.heard, view.said);
        return respond(200, { contact, headers, body: sdpBody(sdp) });
      }
      default:
        return respond(200);
    }
  }

  get #allow(): string {
    return `INVITE, ACK, BYE, CANCEL, INFO${this.#options.refusesUpdate ? "" : ", UPDATE"}`;
  }

  #invited(
    request: SipRequest,
    transaction: TransactionId,
    respond: (status: number, parts?: ResponseParts) => void,
  ): void {
    const number = parseUri(request.uri)?.user ?? "";
    const manner = this.manner.at?.[number] ?? this.manner;
    this.invited.push(number);
    const { later } = this.#options;
    this.#count += 1;
    const localTag = `ring-${this.name}-${this.#count}`;
    const contact = this.#contact;
    this.#ringing.set(transaction, { request, localTag });
    const isReliable = manner.reliable && tokens(request, "Supported").includes("100rel");
    const reliable: [string, string][] = isReliable
      ? [
          ["Require", "100rel"],
          ["RSeq", "17"],
        ]
      : [];
    const sdp = sdpBody(this.#mirrored(directionOf(request)));
    const described = manner.early ? { body: sdp } : {};
    const provisional = { toTag: localTag, contact, headers: reliable, ...described };
    if (!manner.atOnce) respond(manner.early ? 183 : 180, provisional);
    if (manner.answer === undefined) return;
    later(manner.afterMs, () => {
      if (!this.#ringing.delete(transaction)) return;
      const status = manner.answer ?? 200;
      if (status >= 300) {
        const headers: [string, string][] =
          manner.reason === undefined ? [] : [["Reason", manner.reason]];
        respond(status, { toTag: localTag, contact: manner.contact ?? contact, headers });
        return;
      }
      const heard = directionOf(request);
      const interval = request.headers.get("Session-Expires");
      const headers: [string, string][] = [["Allow", this.#allow]];
      if (interval !== undefined) headers.push(["Session-Expires", interval]);
      // Behind a proxy that forks, others answer as well, or another than was heard ringing.
      for (const fork of manner.forks ?? [""]) {
        const toTag = `${localTag}${fork}`;
        const dialog = dialogFromRequest(request, toTag);
        this.views.push({ dialog, heard, said: "sendrecv", isOffering: false });
        respond(200, { toTag, contact, headers, body: sdp });
      }
    });
  }

  #subscribed(request: SipRequest, respond: (status: number, parts?: ResponseParts) => void): void {
    const localTag = to(request).params.get("tag") ?? "mailbox";
    const isEnd = request.headers.get("Expires") === "0";
    const headers: [string, string][] = [["Expires", request.headers.get("Expires") ?? "600"]];
    respond(200, { toTag: localTag, contact: this.#contact, headers });
    const dialog = dialogFromRequest(request, localTag);
    dialog.localSequence = this.#count;
    this.#count += 1;
    const event = request.headers.get("Event") ?? "";
    this.#send(
      requestIn(dialog, "NOTIFY", {
        contact: this.#contact,
        headers: [
          ["Event", event],
          ["Subscription-State", isEnd ? "terminated;reason=timeout" : "active;expires=600"],
        ],
        body: watchedBody(event),
      }),
    );
  }

  #cancelled(transaction: TransactionId): void {
    const ringing = this.#ringing.get(transaction);
    if (!ringing) return;
    this.#ringing.delete(transaction);
    this.diary.push("was cancelled");
    const response = createResponse(ringing.request, 487, { toTag: ringing.localTag });
    this.#carry(this.stack.respond(transaction, response, this.#options.now()));
  }

  /** An answer to what was heard, within what it wants itself. */
  #mirrored(heard: SdpDirection | undefined, said: SdpDirection = "sendrecv"): string {
    const sends = heard !== "sendonly" && heard !== "inactive" && said !== "inactive";
    const receives = heard !== "recvonly" && heard !== "inactive" && said === "sendrecv";
    const receiving = receives ? "recvonly" : "inactive";
    const sending = receives ? "sendrecv" : "sendonly";
    return this.#options.sdp(sends ? sending : receiving, false);
  }

  #noteReason(message: SipRequest | SipResponse): void {
    const reason = message.headers.get("Reason");
    if (reason !== undefined) this.reasons.push(reason);
  }

  #forget(view: View): void {
    const at = this.views.indexOf(view);
    if (at >= 0) this.views.splice(at, 1);
  }
}
