/**
 * A PBX that does what PBXs do in a call: it holds and is held, updates, presses keys, and hums a
 * tone for each of its numbers, so that a test hears who is connected with whom.
 */

import { utf8 } from "../../gateway/bytes.ts";
import { systemRandom } from "../../gateway/io/random.ts";
import { CallRefused, sdpBody, sdpIn } from "../../gateway/phone/sip-dialog.ts";
import { type Served, SipEndpoint } from "../../gateway/phone/sip-endpoint.ts";
import { randomToken } from "../../gateway/random.ts";
import { from, to } from "../../gateway/sip/accessors.ts";
import { type Body, createRequest } from "../../gateway/sip/build.ts";
import {
  acceptRequest,
  ackFor,
  type Dialog,
  dialogFromRequest,
  dialogFromResponse,
  requestIn,
} from "../../gateway/sip/dialog.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { SipResponse } from "../../gateway/sip/message.ts";
import { tagOf } from "../../gateway/sip/name-addr.ts";
import { parseUri } from "../../gateway/sip/uri.ts";
import { type Codecs, loadCodecs } from "../../media-wasm/codec.ts";
import { type MediaDirection, TonePhone } from "./tone-phone.ts";

/** How a number behaves when it is called. */
export interface Extension {
  /** What its phone hums. */
  frequencyHz: number;
  ringsForMs?: number;
  /** A refusal in place of an answer. */
  refuses?: number;
}

/** One call of the PBX. */
export class PbxLine {
  readonly phone: TonePhone;
  /** Its number, or whom it called. */
  readonly number: string;
  /** Who calls, as the gateway says. */
  readonly caller: string;
  /** Requests inside the dialog, with the direction of their offer: `INVITE sendonly`. */
  readonly requests: string[] = [];
  readonly ended: Promise<string>;
  readonly #dialog: Dialog;
  readonly #flow: Flow;
  readonly #endpoint: SipEndpoint;
  readonly #contact: string;
  readonly #end: (reason: string) => void;
  /** Set once it is over; the Reason header of the peer's BYE. */
  endReason: string | undefined;
  #isHolding = false;

  constructor(
    phone: TonePhone,
    dialog: Dialog,
    { endpoint, flow, contact, number, caller }: LineParts,
  ) {
    this.phone = phone;
    this.number = number;
    this.caller = caller;
    this.#dialog = dialog;
    this.#endpoint = endpoint;
    this.#flow = flow;
    this.#contact = contact;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#end = resolve;
  }

  get key(): string {
    return `${this.#dialog.callId} ${this.#dialog.localTag}`;
  }

  async hangUp(): Promise<void> {
    if (this.endReason !== undefined) return;
    this.#over("hung up here");
    await this.#ask("BYE");
  }

  /** Puts the other side on hold, or takes it back. Returns the direction of its answer. */
  async hold(on: boolean): Promise<MediaDirection> {
    this.#isHolding = on;
    this.phone.talks = !on;
    const sdp = this.phone.sdp(on ? "sendonly" : "sendrecv");
    const response = await this.#ask("INVITE", sdpBody(sdp));
    return directionIn(sdpIn(response));
  }

  /** Returns the status of its UPDATE (RFC 3311), which has no offer. */
  async update(): Promise<number> {
    return (await this.#ask("UPDATE")).status;
  }

  /** A request inside the dialog that came from the gateway. */
  request(served: Served): void {
    const { request } = served;
    const offer = sdpIn(request);
    this.requests.push(offer ? `${request.method} ${directionIn(offer)}` : request.method);
    const verdict = acceptRequest(this.#dialog, request);
    if (!verdict.ok) served.respond(verdict.status);
    else if (request.method === "BYE") {
      served.respond(200);
      this.#over(request.headers.get("Reason") ?? "");
    } else if (request.method === "INVITE" || request.method === "UPDATE") {
      const body = offer ? { body: sdpBody(this.#answer(offer)) } : {};
      served.respond(200, { contact: this.#contact, ...body });
    } else served.respond(request.method === "INFO" || request.method === "OPTIONS" ? 200 : 405);
  }

  close(): void {
    this.#over("closed");
  }

  /** RFC 3264 §6.1: whoever is held does not talk. */
  #answer(offer: string): string {
    const asked = directionIn(offer);
    const mayTalk = asked === "sendrecv" || asked === "recvonly";
    const mayHear = (asked === "sendrecv" || asked === "sendonly") && !this.#isHolding;
    this.phone.talks = mayTalk && !this.#isHolding;
    this.phone.talkTo(offer);
    if (mayTalk && mayHear) return this.phone.sdp("sendrecv");
    if (mayTalk) return this.phone.sdp("sendonly");
    return this.phone.sdp(mayHear ? "recvonly" : "inactive");
  }

  async #ask(method: string, body?: Body): Promise<SipResponse> {
    const contact = this.#contact;
    const request = requestIn(this.#dialog, method, { contact, ...(body ? { body } : {}) });
    const sent = this.#endpoint.request(this.#flow, request);
    const response = await sent.final;
    if (method === "INVITE" && response.status < 300) {
      const ack = ackFor(this.#dialog, request);
      this.#endpoint.acknowledge(sent.transaction, this.#flow, ack);
    }
    return response;
  }

  #over(reason: string): void {
    if (this.endReason !== undefined) return;
    this.endReason = reason;
    this.phone.close();
    this.#end(reason);
  }
}

interface LineParts {
  endpoint: SipEndpoint;
  flow: Flow;
  contact: string;
  number: string;
  caller: string;
}

export class Pbx {
  readonly #socket: Bun.udp.Socket<"buffer">;
  readonly #endpoint: SipEndpoint;
  readonly #codecs: Codecs;
  readonly #extensions: Record<string, Extension>;
  /** Every call that was answered, in order. */
  readonly lines: PbxLine[] = [];
  /** What became of calls that were not answered: `cancelled`, or the refusal. */
  readonly missed: string[] = [];
  readonly messages: { from: string; text: string }[] = [];

  private constructor(
    socket: Bun.udp.Socket<"buffer">,
    codecs: Codecs,
    extensions: Record<string, Extension>,
  ) {
    this.#socket = socket;
    this.#codecs = codecs;
    this.#extensions = extensions;
    this.#endpoint = new SipEndpoint(
      (flow, bytes) => {
        const [address = "", port] = flow.split(" ");
        socket.send(bytes, Number(port), address);
      },
      (served) => this.#request(served),
    );
  }

  /** Starts it on a port the system chose. */
  static async start(extensions: Record<string, Extension>): Promise<Pbx> {
    const codecs = await loadCodecs();
    const socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: {
        data: (_socket, data, port, address) =>
          pbx.#endpoint.receive(pbx.#flowTo(address, port), new Uint8Array(data)),
        error: () => {},
      },
    });
    const pbx: Pbx = new Pbx(socket, codecs, extensions);
    return pbx;
  }

  get port(): number {
    return this.#socket.port;
  }

  /** The calls a number answered. */
  linesOf(number: string): PbxLine[] {
    return this.lines.filter((line) => line.number === number);
  }

  /** The call to a number that has `before` others before it, once it is up. */
  async line(number: string, before = 0, withinMs = 10_000): Promise<PbxLine> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const line = this.linesOf(number)[before];
      if (line) return line;
      if (performance.now() > deadline) throw new Error(`${number} never got its call ${before}`);
      await Bun.sleep(20);
    }
  }

  /** Calls a user of the gateway; resolves when it is answered, rejects with `CallRefused`. */
  async call(sipPort: number, user: string, frequencyHz: number): Promise<PbxLine> {
    const flow = this.#flowTo("127.0.0.1", sipPort);
    const phone = await TonePhone.open(this.#codecs, frequencyHz);
    const caller = "0301234567";
    const invite = createRequest({
      method: "INVITE",
      uri: `sip:${user}@127.0.0.1:${sipPort}`,
      from: {
        uri: `sip:${caller}@127.0.0.1:${this.port}`,
        params: new Map([["tag", randomToken(systemRandom, 6)]]),
      },
      to: { uri: `sip:${user}@127.0.0.1:${sipPort}`, params: new Map() },
      callId: randomToken(systemRandom, 12),
      cseq: 1,
      contact: this.#contact,
      headers: [["Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"]],
      body: sdpBody(phone.sdp("sendrecv")),
    });
    const sent = this.#endpoint.request(flow, invite);
    const response = await sent.final;
    if (response.status >= 300) {
      phone.close();
      throw new CallRefused(response);
    }
    const dialog = dialogFromResponse(invite, response);
    if (!dialog) throw new Error("the answer makes no dialog");
    this.#endpoint.acknowledge(sent.transaction, flow, ackFor(dialog, invite));
    phone.talkTo(sdpIn(response));
    return this.#keep(phone, dialog, flow, user, caller);
  }

  /** Sends a MESSAGE (RFC 3428); returns its status. */
  async message(sipPort: number, user: string, text: string): Promise<number> {
    const uri = `sip:${user}@127.0.0.1:${sipPort}`;
    const message = createRequest({
      method: "MESSAGE",
      uri,
      from: {
        uri: `sip:0301234567@127.0.0.1:${this.port}`,
        params: new Map([["tag", randomToken(systemRandom, 6)]]),
      },
      to: { uri, params: new Map() },
      callId: randomToken(systemRandom, 12),
      cseq: 1,
      body: { type: "text/plain", bytes: utf8(text) },
    });
    const response = await this.#endpoint.request(this.#flowTo("127.0.0.1", sipPort), message)
      .final;
    return response.status;
  }

  stop(): void {
    for (const line of this.lines) line.close();
    this.#endpoint.stop();
    this.#socket.close();
  }

  get #contact(): string {
    return `<sip:pbx@127.0.0.1:${this.port}>`;
  }

  #flowTo(address: string, port: number): Flow {
    return {
      id: `${address} ${port}` as FlowId,
      transport: "udp",
      sentBy: `127.0.0.1:${this.port}`,
      remote: { address, port },
      local: { address: "127.0.0.1", port: this.port },
    };
  }

  #request(served: Served): void {
    const { request } = served;
    const key = `${request.headers.get("Call-ID") ?? ""} ${tagOf(to(request)) ?? ""}`;
    const line = this.lines.find((it) => it.key === key);
    if (line) line.request(served);
    else if (request.method === "INVITE") void this.#invited(served);
    else if (request.method === "MESSAGE") {
      this.messages.push({ from: userOf(from(request).uri), text: sdpIn(request) });
      served.respond(200, { toTag: "message" });
    } else served.respond(request.method === "OPTIONS" ? 200 : 481);
  }

  async #invited(served: Served): Promise<void> {
    const { request, flow } = served;
    const number = userOf(request.uri);
    const extension = this.#extensions[number];
    const localTag = randomToken(systemRandom, 6);
    const refusal = extension ? extension.refuses : 404;
    if (!extension || refusal !== undefined) {
      this.missed.push(`${number} refused with ${refusal}`);
      served.respond(refusal ?? 404, { toTag: localTag });
      return;
    }
    served.respond(180, { toTag: localTag, contact: this.#contact });
    const phone = await TonePhone.open(this.#codecs, extension.frequencyHz);
    const rings = Bun.sleep(extension.ringsForMs ?? 0).then(() => "answers" as const);
    const cancelled = served.cancelled.then(() => "cancelled" as const);
    if ((await Promise.race([rings, cancelled])) === "cancelled") {
      this.missed.push(`${number} cancelled`);
      phone.close();
      return;
    }
    const dialog = dialogFromRequest(request, localTag);
    const acknowledged = this.#endpoint.acknowledged(dialog.callId, localTag);
    const body = sdpBody(phone.sdp("sendrecv"));
    served.respond(200, { toTag: localTag, contact: this.#contact, body });
    await acknowledged;
    phone.talkTo(sdpIn(request));
    this.#keep(phone, dialog, flow, number, userOf(from(request).uri));
  }

  #keep(phone: TonePhone, dialog: Dialog, flow: Flow, number: string, caller: string): PbxLine {
    const parts = { endpoint: this.#endpoint, flow, contact: this.#contact, number, caller };
    const line = new PbxLine(phone, dialog, parts);
    this.lines.push(line);
    return line;
  }
}

function userOf(uri: string): string {
  return parseUri(uri)?.user ?? "";
}

function directionIn(sdp: string): MediaDirection {
  const word = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(sdp)?.[1];
  return (word as MediaDirection | undefined) ?? "sendrecv";
}
