/**
 * A PBX without a PBX: SIP over UDP or TCP, RTP with G.722 or G.711, and a registrar with digest. It takes
 * calls and makes them, plays PCM and keeps what it hears. It stands on its own sockets, so that
 * what it measures is the gateway's.
 */

import { type Digit, digitBody, digitOf } from "../../gateway/b2bua/info-digit.ts";
import { systemRandom } from "../../gateway/io/random.ts";
import type { Identity } from "../../gateway/phone/identity.ts";
import { OutgoingCall, SipDialog, sdpIn } from "../../gateway/phone/sip-dialog.ts";
import { type Served, SipEndpoint } from "../../gateway/phone/sip-endpoint.ts";
import { randomToken, randomUint32 } from "../../gateway/random.ts";
import { contacts, from } from "../../gateway/sip/accessors.ts";
import { digestHa1 } from "../../gateway/sip/digest.ts";
import { DigestServer } from "../../gateway/sip/digest-server.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import { parseUri } from "../../gateway/sip/uri.ts";
import { type Codecs, type Decoder, type Encoder, loadCodecs } from "../../media-wasm/codec.ts";
import { LoopPlayer, Recording } from "./audio.ts";
import { EVENT_TYPE, EventReader, KeySender } from "./keys.ts";

export type PbxCodec = "G722" | "PCMA" | "PCMU";

export interface VirtualPbxOptions {
  codec: PbxCodec;
  /** PCM at the codec's rate (16 kHz for G.722, 8 kHz else), played again and again. */
  plays: Int16Array;
  /** UDP unless given. */
  transport?: "udp" | "tcp";
  /** How it sends keys and takes them; telephone-events unless given. */
  keys?: KeyForm;
  /** With an account, INVITE and REGISTER are challenged. */
  account?: { username: string; password: string };
  /** Media goes through it; from end to end unless given. */
  proxy?: MediaProxy;
}

/** What rewrites both sides' descriptions of a call so that its media goes through it. */
export interface MediaProxy {
  open(): ProxiedCall;
}

export interface ProxiedCall {
  /** The offer as the other side is to see it. */
  offer(sdp: string, by: CallSide): Promise<string>;
  /** The answer to an offer of `by`, as that side is to see it. */
  answer(sdp: string, by: CallSide): Promise<string>;
  end(): Promise<void>;
}

/** The PBX's own phone, or whoever is at the other end. */
export type CallSide = "phone" | "peer";

const NO_PROXY: MediaProxy = {
  open: () => ({
    offer: async (sdp) => sdp,
    answer: async (sdp) => sdp,
    end: async () => {},
  }),
};

export type KeyForm = KeySender["form"];

const REALM = "virtual-pbx";
const PAYLOAD_TYPES: Record<PbxCodec, number> = { G722: 9, PCMA: 8, PCMU: 0 };
const PACKET_MS = 20;
const RTP_HEADER_BYTES = 12;
/** Every codec of the three has 8000 RTP ticks and 8000 octets a second. */
const TICKS_PER_PACKET = 160;

export class PbxCall {
  readonly heard: Recording;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #player: LoopPlayer;
  readonly #payloadType: number;
  readonly #codec: PbxCodec;
  readonly #keySender: KeySender;
  readonly #keyReader = new EventReader();
  readonly #ssrc = randomUint32(systemRandom);
  #socket: Bun.udp.Socket<"buffer"> | undefined;
  #remote: { address: string; port: number } | undefined;
  #sequence = 0;
  #timestamp = 0;
  #packetsReceived = 0;
  dialog: SipDialog | undefined;
  /** The directions the peer's re-INVITEs wrote, in order. */
  readonly offers: string[] = [];
  /** Keys that came as telephone-events or by INFO; tones are in what is heard. */
  readonly keys: Digit[] = [];

  private constructor(codecs: Codecs, codec: PbxCodec, plays: Int16Array, keys: KeyForm) {
    const rate = codec === "G722" ? 16_000 : 8_000;
    this.#codec = codec;
    this.#keySender = new KeySender(keys, rate);
    this.heard = new Recording(rate);
    this.#encoder = codecs.encoder(codec, rate);
    this.#decoder = codecs.decoder(codec, rate);
    this.#payloadType = PAYLOAD_TYPES[codec];
    this.#player = new LoopPlayer(plays, (rate * PACKET_MS) / 1_000, rate, (pcm) =>
      this.#send(pcm),
    );
  }

  static async open(
    codecs: Codecs,
    codec: PbxCodec,
    plays: Int16Array,
    keys: KeyForm = "events",
  ): Promise<PbxCall> {
    const call = new PbxCall(codecs, codec, plays, keys);
    call.#socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: { data: (_socket, data) => call.#receive(data), error: () => {} },
    });
    return call;
  }

  get packetsReceived(): number {
    return this.#packetsReceived;
  }

  /** One key, after those that wait, in the form of its PBX. */
  press(key: string, durationMs: number): void {
    if (this.#keySender.form !== "info") this.#keySender.press(key, durationMs);
    else {
      const { type, bytes } = digitBody({ digit: key, durationMs });
      void this.dialog?.inform(type, new TextDecoder().decode(bytes));
    }
  }

  /** Our description: one codec, one stream. */
  sdp(): string {
    const port = this.#socket?.port ?? 0;
    const map = `${this.#payloadType} ${this.#codec}/8000`;
    const hasEvents = this.#keySender.form === "events";
    return [
      "v=0",
      `o=pbx ${port} 1 IN IP4 127.0.0.1`,
      "s=call",
      "c=IN IP4 127.0.0.1",
      "t=0 0",
      `m=audio ${port} RTP/AVP ${this.#payloadType}${hasEvents ? ` ${EVENT_TYPE}` : ""}`,
      `a=rtpmap:${map}`,
      ...(hasEvents ? [`a=rtpmap:${EVENT_TYPE} telephone-event/8000`] : []),
      "a=ptime:20",
      "a=sendrecv",
      "",
    ].join("\r\n");
  }

  /** Starts to talk to the address the peer's description names. */
  talkTo(sdp: string): void {
    const address = /^c=IN IP[46] (\S+)/m.exec(sdp)?.[1];
    const port = /^m=audio (\d+) /m.exec(sdp)?.[1];
    const offered = / RTP\/AVP ([\d ]+)/.exec(sdp)?.[1]?.split(" ") ?? [];
    if (!address || !port || !offered.includes(String(this.#payloadType))) {
      throw new Error(`the peer's description has no ${this.#codec}: ${sdp}`);
    }
    this.#remote = { address, port: Number(port) };
    this.#player.start();
  }

  /** Stops sending, as a phone that lost its network would. */
  mute(): void {
    this.#player.stop();
  }

  close(): void {
    this.#player.stop();
    this.#socket?.close();
    this.#socket = undefined;
    this.#encoder.close();
    this.#decoder.close();
  }

  #send(pcm: Int16Array): void {
    const events = this.#keySender.next(pcm, this.#timestamp);
    for (const { timestamp, marker, payload } of events) {
      this.#transmit(EVENT_TYPE | (marker ? 0x80 : 0), timestamp, payload);
    }
    if (events.length === 0) {
      this.#transmit(this.#payloadType, this.#timestamp, this.#encoder.encode(pcm));
    }
    this.#timestamp += TICKS_PER_PACKET;
  }

  #transmit(type: number, timestamp: number, payload: Uint8Array): void {
    if (!this.#socket || !this.#remote) return;
    const packet = new Uint8Array(RTP_HEADER_BYTES + payload.length);
    const view = new DataView(packet.buffer);
    packet[0] = 0x80;
    packet[1] = type;
    view.setUint16(2, this.#sequence & 0xffff);
    view.setUint32(4, timestamp >>> 0);
    view.setUint32(8, this.#ssrc);
    packet.set(payload, RTP_HEADER_BYTES);
    this.#sequence += 1;
    try {
      this.#socket.send(packet, this.#remote.port, this.#remote.address);
    } catch {
      // An ICMP refusal of an earlier packet is thrown here: a phone talks on all the same.
    }
  }

  #receive(data: Uint8Array): void {
    if (data.length <= RTP_HEADER_BYTES) return;
    const type = (data[1] ?? 0) & 0x7f;
    if (type === EVENT_TYPE) this.keys.push(...this.#keyReader.read(data));
    if (type !== this.#payloadType) return;
    this.#packetsReceived += 1;
    this.heard.append(this.#decoder.decode(data.subarray(RTP_HEADER_BYTES)));
  }
}

export class VirtualPbx {
  readonly #options: VirtualPbxOptions;
  readonly #codecs: Codecs;
  readonly #wire: Wire;
  readonly #endpoint: SipEndpoint;
  readonly #digest = new DigestServer({
    realm: REALM,
    secret: systemRandom.bytes(32),
    random: systemRandom,
  });
  readonly #dialogs = new Map<string, SipDialog>();
  /** Contact URIs that registered, newest last. */
  readonly registered: string[] = [];
  /** What to do with a call that comes in; answered at once while undefined. */
  onCall: ((served: Served, pbx: VirtualPbx) => void) | undefined;
  readonly calls: PbxCall[] = [];
  /** Over TCP the gateway is called back over the connection it registered on. */
  #registrationFlow: Flow | undefined;

  private constructor(options: VirtualPbxOptions, codecs: Codecs, wire: Wire) {
    this.#options = options;
    this.#codecs = codecs;
    this.#wire = wire;
    this.#endpoint = new SipEndpoint(wire.send, (served) => this.#request(served));
  }

  static async start(options: VirtualPbxOptions): Promise<VirtualPbx> {
    const codecs = await loadCodecs();
    const receive: Receive = (address, port, bytes) =>
      pbx.#endpoint.receive(pbx.#flowTo(address, port), bytes);
    const wire = options.transport === "tcp" ? tcpWire(receive) : await udpWire(receive);
    const pbx = new VirtualPbx(options, codecs, wire);
    return pbx;
  }

  get port(): number {
    return this.#wire.port;
  }

  get alive(): number {
    return this.#endpoint.alive;
  }

  /** Answers a call: 180, or 183 with its description for early media, then 200 after `ringMs`. */
  async answer(served: Served, ringMs = 0, { early = false } = {}): Promise<PbxCall> {
    const { codec, plays, keys } = this.#options;
    const call = await PbxCall.open(this.#codecs, codec, plays, keys);
    const proxied = this.#proxy.open();
    const offer = await proxied.offer(sdpIn(served.request), "peer");
    const answer = await proxied.answer(call.sdp(), "peer");
    if (early) {
      const body = { type: "application/sdp", bytes: new TextEncoder().encode(answer) };
      served.respond(183, { toTag: "ringing", contact: this.#contact, body });
      call.talkTo(offer);
    } else {
      served.respond(180, { toTag: "ringing" });
    }
    await Bun.sleep(ringMs);
    const dialog = await SipDialog.accept(this.#endpoint, served, this.#contact, answer, [
      [
        "Allow",
        `INVITE, ACK, CANCEL, BYE, OPTIONS${this.#options.keys === "info" ? ", INFO" : ""}`,
      ],
    ]);
    if (!early) call.talkTo(offer);
    this.#keep(call, dialog, proxied);
    return call;
  }

  /** Calls `user` at the gateway; resolves when it is answered. Rejects with `CallRefused`. */
  async call(
    gateway: { address: string; port: number },
    user: string,
    caller = "0301234567",
  ): Promise<PbxCall> {
    const { codec, plays, keys } = this.#options;
    const call = await PbxCall.open(this.#codecs, codec, plays, keys);
    const proxied = this.#proxy.open();
    try {
      const offer = await proxied.offer(call.sdp(), "phone");
      const { dialog, sdp } = await this.invite(gateway, user, offer, caller).answered;
      call.talkTo(await proxied.answer(sdp, "phone"));
      this.#keep(call, dialog, proxied);
      return call;
    } catch (error) {
      call.close();
      await proxied.end();
      throw error;
    }
  }

  invite(
    gateway: { address: string; port: number },
    user: string,
    sdp: string,
    caller: string,
  ): OutgoingCall {
    const identity: Identity = {
      aor: `sip:${caller}@127.0.0.1:${this.port}`,
      contact: this.#contact,
      username: "",
      password: "",
    };
    const target = `sip:${user}@${gateway.address}:${gateway.port}`;
    const flow = this.#registrationFlow ?? this.#flowTo(gateway.address, gateway.port);
    return new OutgoingCall(this.#endpoint, flow, identity, target, sdp);
  }

  stop(): void {
    for (const call of this.calls) call.close();
    this.#endpoint.stop();
    this.#wire.close();
  }

  get #proxy(): MediaProxy {
    return this.#options.proxy ?? NO_PROXY;
  }

  get #contact(): string {
    const transport = this.#options.transport === "tcp" ? ";transport=tcp" : "";
    return `<sip:pbx@127.0.0.1:${this.port}${transport}>`;
  }

  #flowTo(address: string, port: number): Flow {
    return {
      id: `${address} ${port}` as FlowId,
      transport: this.#options.transport ?? "udp",
      sentBy: `127.0.0.1:${this.port}`,
      remote: { address, port },
      local: { address: "127.0.0.1", port: this.port },
    };
  }

  #keep(call: PbxCall, dialog: SipDialog, proxied: ProxiedCall): void {
    call.dialog = dialog;
    dialog.answersOffer = async (offer) => {
      call.offers.push(/^a=(send\w+|recvonly|inactive)/m.exec(offer)?.[1] ?? "sendrecv");
      call.talkTo(await proxied.offer(offer, "peer"));
      return proxied.answer(call.sdp(), "peer");
    };
    if (this.#options.keys === "info") {
      dialog.onInfo = (info) => call.keys.push(...[digitOf(info) ?? []].flat());
    }
    this.calls.push(call);
    this.#dialogs.set(dialog.key, dialog);
    void dialog.ended.then(() => {
      this.#dialogs.delete(dialog.key);
      call.close();
      return proxied.end();
    });
  }

  #request(served: Served): void {
    const { request } = served;
    const dialog = this.#dialogs.get(SipDialog.keyOf(request));
    if (dialog) dialog.request(served);
    else if (request.method === "OPTIONS") served.respond(200);
    else if (request.method !== "INVITE" && request.method !== "REGISTER") served.respond(481);
    else if (!this.#isAuthentic(served)) return;
    else if (request.method === "REGISTER") this.#register(served);
    else if (this.onCall) this.onCall(served, this);
    else void this.answer(served);
  }

  #isAuthentic(served: Served): boolean {
    const { account } = this.#options;
    if (!account) return true;
    const { username, password } = account;
    const ha1 = { md5: digestHa1("MD5", username, REALM, password), sha256: "" };
    const source = served.flow.remote.address;
    const known = (name: string) => (name === username ? ha1 : undefined);
    const { outcome } = this.#digest.verify(served.request, known, performance.now(), source);
    if (outcome === "ok") return true;
    const [challenge = ""] = this.#digest.challenge(performance.now(), source, outcome === "stale");
    const isInvite = served.request.method === "INVITE";
    served.respond(outcome === "wrong" ? 403 : isInvite ? 407 : 401, {
      toTag: randomToken(systemRandom, 4),
      headers: [[isInvite ? "Proxy-Authenticate" : "WWW-Authenticate", challenge]],
    });
    return false;
  }

  #register(served: Served): void {
    if (served.flow.transport === "tcp") this.#registrationFlow = served.flow;
    const wanted = contacts(served.request);
    const [contact] = wanted === "*" ? [] : wanted;
    const expires = Number(served.request.headers.get("Expires") ?? 300);
    if (contact) {
      const at = this.registered.indexOf(contact.uri);
      if (at >= 0) this.registered.splice(at, 1);
      if (expires > 0) this.registered.push(contact.uri);
    }
    const headers: [string, string][] = contact
      ? [["Contact", `<${contact.uri}>;expires=${expires}`]]
      : [];
    served.respond(200, { toTag: "registrar", headers });
  }
}

/** The PBX's SIP socket; a flow is named by the peer's address and port. */
interface Wire {
  readonly port: number;
  send(flow: FlowId, bytes: Uint8Array): void;
  close(): void;
}

type Receive = (address: string, port: number, bytes: Uint8Array) => void;

async function udpWire(receive: Receive): Promise<Wire> {
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data: (_socket, data, port, address) => receive(address, port, new Uint8Array(data)),
      error: () => {},
    },
  });
  const send = (flow: FlowId, bytes: Uint8Array) => {
    const [address = "", port] = flow.split(" ");
    try {
      socket.send(bytes, Number(port), address);
    } catch {
      // An ICMP refusal of an earlier datagram is thrown here; SIP repeats what was lost.
    }
  };
  return { port: socket.port, send, close: () => socket.close() };
}

/** Takes connections; it calls only over those that are there, as a PBX with registrations does. */
function tcpWire(receive: Receive): Wire {
  const sockets = new Map<string, Bun.Socket>();
  const nameOf = (socket: Bun.Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => void sockets.set(nameOf(socket), socket),
      close: (socket) => void sockets.delete(nameOf(socket)),
      data: (socket, data) =>
        receive(socket.remoteAddress, socket.remotePort, new Uint8Array(data)),
    },
  });
  const send = (flow: FlowId, bytes: Uint8Array) => void sockets.get(flow)?.write(bytes);
  return { port: listener.port, send, close: () => listener.stop(true) };
}

/** Who is calling, as the callee sees it. */
export function callingUser(served: Served): string {
  return parseUri(from(served.request).uri)?.user ?? "";
}
