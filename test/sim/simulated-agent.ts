/**
 * A user agent of the simulated world, softphone or PBX: the stack on one flow, and a script that
 * says how it behaves. Everything happens at the world's virtual time; nothing waits.
 */
import { utf8 } from "../../gateway/bytes.ts";
import { to } from "../../gateway/sip/accessors.ts";
import { createRequest, createResponse } from "../../gateway/sip/build.ts";
import {
  acceptRequest,
  ackFor,
  type Dialog,
  dialogFromRequest,
  dialogFromResponse,
  requestIn,
} from "../../gateway/sip/dialog.ts";
import { answerChallenge } from "../../gateway/sip/digest-client.ts";
import { DigestServer, type Ha1 } from "../../gateway/sip/digest-server.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { SipRequest, SipResponse } from "../../gateway/sip/message.ts";
import { Stack } from "../../gateway/sip/stack.ts";
import type { StackOutput } from "../../gateway/sip/stack-output.ts";
import type { TransactionId } from "../../gateway/sip/transaction-table.ts";
import type { SeededRandom } from "./random.ts";

/** What it does with a call that comes in. */
export type Manner =
  | { type: "answer"; afterMs: number; early?: boolean }
  | { type: "refuse"; status: number }
  | { type: "ring" }
  /** As if switched off. */
  | { type: "silent" };

export interface AgentOptions {
  name: string;
  flow: Flow;
  sdp: string;
  random: SeededRandom;
  manner: Manner;
  password?: string;
  /** Who may register or call here; with it requests are challenged. */
  registrar?: { username: string; ha1: Ha1 };
  /** Carries bytes to the gateway, over one of its flows. */
  send: (bytes: Uint8Array, flow: FlowId) => void;
  /** Does something later. */
  at: (afterMs: number, act: (now: number) => void) => void;
}

const REALM = "simulated";
/** A phone that nobody answers stops ringing by itself, even where no CANCEL ever reached it. */
const RINGS_FOR_MS = 240_000;

export class SimulatedAgent {
  readonly stack: Stack;
  readonly #options: AgentOptions;
  readonly #digest: DigestServer;
  readonly #dialogs = new Map<string, Dialog>();
  readonly #requests = new Map<TransactionId, SipRequest>();
  #invite: TransactionId | undefined;
  #ringing: { transaction: TransactionId; request: SipRequest } | undefined;
  #challenged = 0;
  #sequence = 0;
  /** Final statuses of its own requests: `INVITE 200`. */
  readonly outcomes: string[] = [];
  /** Dialogs that came up and went down. */
  established = 0;
  ended = 0;
  registered = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.stack = new Stack({ random: options.random });
    const { random } = options;
    this.#digest = new DigestServer({ realm: REALM, secret: random.bytes(32), random });
  }

  get isIdle(): boolean {
    const { clientTransactions, serverTransactions } = this.stack.alive;
    return clientTransactions + serverTransactions === 0;
  }

  /** Over its own flow unless another is named. */
  receive(bytes: Uint8Array, now: number, flow: Flow = this.#options.flow): void {
    if (this.#options.manner.type === "silent") return;
    this.#carry(this.stack.receive(flow, bytes, now), now);
  }

  timeout(now: number): void {
    this.#carry(this.stack.timeout(now), now);
  }

  register(now: number): void {
    this.#challenged = 0;
    this.#send("REGISTER", "sip:gateway", now, [["Expires", "600"]]);
  }

  call(target: string, now: number): void {
    this.#challenged = 0;
    this.#send("INVITE", target, now, []);
  }

  cancel(now: number): void {
    if (this.#invite) this.#carry(this.stack.cancel(this.#invite, now), now);
  }

  hangUp(now: number): void {
    const { flow } = this.#options;
    for (const [key, dialog] of this.#dialogs) {
      this.#dialogs.delete(key);
      this.ended += 1;
      const bye = requestIn(dialog, "BYE");
      const sent = this.stack.request(flow, bye, now);
      this.#requests.set(sent.transaction, bye);
      this.#carry(sent.outputs, now);
    }
  }

  #send(method: string, uri: string, now: number, headers: [string, string][]): void {
    const { name, flow, sdp } = this.#options;
    const isInvite = method === "INVITE";
    this.#sequence += 1;
    const request = createRequest({
      method,
      uri,
      from: { uri: `sip:${name}@gateway`, params: new Map([["tag", `${name}-${method}`]]) },
      to: { uri: isInvite ? uri : `sip:${name}@gateway`, params: new Map() },
      callId: `${name}-${method}`,
      cseq: this.#sequence,
      contact: `<sip:${name}@${flow.sentBy}>`,
      headers,
      ...(isInvite ? { body: { type: "application/sdp", bytes: utf8(sdp) } } : {}),
    });
    const { transaction, outputs } = this.stack.request(flow, request, now);
    this.#requests.set(transaction, request);
    if (isInvite) this.#invite = transaction;
    this.#carry(outputs, now);
  }

  #carry(outputs: readonly StackOutput[], now: number): void {
    for (const output of outputs) {
      switch (output.type) {
        case "send":
          this.#options.send(output.bytes, output.flow);
          break;
        case "request":
          this.#request(output.flow, output.request, now);
          break;
        case "response":
          this.#response(output.transaction, output.response, now);
          break;
        case "cancelled":
          this.#cancelled(now);
          break;
        case "failed":
          this.outcomes.push(
            `${this.#requests.get(output.transaction)?.method ?? "response"} ${output.reason}`,
          );
          break;
        default:
      }
    }
  }

  #response(transaction: TransactionId, response: SipResponse, now: number): void {
    const request = this.#requests.get(transaction);
    const { status } = response;
    if (!request || status < 200) return;
    const { password, name, random, flow } = this.#options;
    if ((status === 401 || status === 407) && password !== undefined && this.#challenged === 0) {
      this.#challenged += 1;
      const credentials = { username: name, password, realm: "*" };
      const answer = answerChallenge(response, credentials, request, {}, random);
      if (!answer.ok) throw new Error(answer.reason);
      const expires: [string, string][] = request.method === "REGISTER" ? [["Expires", "600"]] : [];
      this.#send(request.method, request.uri, now, [...expires, ...answer.headers]);
      return;
    }
    this.outcomes.push(`${request.method} ${status}`);
    if (request.method === "REGISTER") this.registered = status === 200;
    if (request.method !== "INVITE" || status >= 300) return;
    const dialog = dialogFromResponse(request, response);
    if (!dialog) throw new Error("the gateway's 200 makes no dialog");
    this.#keep(dialog);
    this.#carry(this.stack.acknowledge(transaction, flow, ackFor(dialog, request), now), now);
  }

  #request(flow: Flow, request: SipRequest, now: number): void {
    const { transaction, outputs } = this.stack.serve(flow, request, now);
    this.#carry(outputs, now);
    const respond = (status: number, parts: Parameters<typeof createResponse>[2] = {}) =>
      this.#carry(
        this.stack.respond(transaction, createResponse(request, status, parts), now),
        now,
      );
    const dialog = this.#dialogs.get(keyOf(request));
    if (dialog) {
      const verdict = acceptRequest(dialog, request);
      respond(verdict.ok ? 200 : verdict.status);
      if (!verdict.ok || request.method !== "BYE") return;
      this.#dialogs.delete(keyOf(request));
      this.ended += 1;
    } else if (!this.#isAuthentic(request, now)) {
      const [challenge = ""] = this.#digest.challenge(now, "gateway");
      respond(401, { headers: [["WWW-Authenticate", challenge]] });
    } else if (request.method === "REGISTER") {
      const expires = request.headers.get("Expires") ?? "0";
      this.registered = expires !== "0";
      respond(200, { headers: [["Expires", expires]] });
    } else if (request.method === "INVITE") this.#invited(flow, transaction, request, now);
    else respond(481);
  }

  #isAuthentic(request: SipRequest, now: number): boolean {
    const { registrar } = this.#options;
    if (!registrar) return true;
    const known = (name: string) => (name === registrar.username ? registrar.ha1 : undefined);
    return this.#digest.verify(request, known, now, "gateway").outcome === "ok";
  }

  #invited(flow: Flow, transaction: TransactionId, request: SipRequest, now: number): void {
    const { manner, sdp, name, at } = this.#options;
    const transport = flow.transport === "tcp" ? ";transport=tcp" : "";
    const contact = `<sip:${name}@${flow.sentBy}${transport}>`;
    const body = { type: "application/sdp", bytes: utf8(sdp) };
    const respond = (status: number, when: number, described = false) => {
      const parts = { toTag: name, contact, ...(described ? { body } : {}) };
      this.#carry(
        this.stack.respond(transaction, createResponse(request, status, parts), when),
        when,
      );
    };
    if (manner.type === "refuse") {
      respond(manner.status, now);
      return;
    }
    this.#ringing = { transaction, request };
    const isEarly = manner.type === "answer" && manner.early === true;
    respond(isEarly ? 183 : 180, now, isEarly);
    if (manner.type !== "answer") {
      at(RINGS_FOR_MS, (then) => {
        if (!this.#ringing) return;
        this.#ringing = undefined;
        respond(480, then);
      });
      return;
    }
    at(manner.afterMs, (then) => {
      if (!this.#ringing) return;
      this.#ringing = undefined;
      this.#keep(dialogFromRequest(request, name));
      respond(200, then, true);
    });
  }

  #cancelled(now: number): void {
    if (!this.#ringing) return;
    const { transaction, request } = this.#ringing;
    this.#ringing = undefined;
    const response = createResponse(request, 487, { toTag: this.#options.name });
    this.#carry(this.stack.respond(transaction, response, now), now);
  }

  #keep(dialog: Dialog): void {
    const key = `${dialog.callId} ${dialog.localTag}`;
    if (this.#dialogs.has(key)) return;
    this.#dialogs.set(key, dialog);
    this.established += 1;
  }

  /** What it believes of its calls. */
  get activeCalls(): number {
    return this.#dialogs.size;
  }
}

function keyOf(request: SipRequest): string {
  return `${request.headers.get("Call-ID") ?? ""} ${to(request).params.get("tag") ?? ""}`;
}
