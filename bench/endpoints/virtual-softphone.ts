/**
 * A softphone without a browser: SIP over a real WebSocket, WebRTC by libwebrtc (`@roamhq/wrtc`).
 * It registers, calls and is called, plays PCM and keeps what it hears. Bench, tests and the
 * connection test stand on it.
 */
import wrtc from "@roamhq/wrtc";
import { type Digit, digitOf } from "../../gateway/b2bua/info-digit.ts";
import { systemRandom } from "../../gateway/io/random.ts";
import type { Identity } from "../../gateway/phone/identity.ts";
import { authenticated, OutgoingCall, SipDialog, sdpIn } from "../../gateway/phone/sip-dialog.ts";
import { type Served, SipEndpoint } from "../../gateway/phone/sip-endpoint.ts";
import { randomToken } from "../../gateway/random.ts";
import { createRequest } from "../../gateway/sip/build.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import { LoopPlayer, Recording } from "./audio.ts";

export interface VirtualSoftphoneOptions {
  /** ws:// or wss:// address of the gateway's SIP WebSocket. */
  server: string;
  user: string;
  password: string;
  /** 48 kHz mono PCM, played from the start of each call, again and again. */
  plays: Int16Array;
  /** The certificate of a wss:// server is not looked at. */
  insecure?: boolean;
}

/** The part of the browsers' interface that is used here. */
interface PeerConnection {
  readonly connectionState: string;
  readonly iceGatheringState: string;
  readonly localDescription: { sdp: string } | null;
  addTrack(track: unknown): void;
  addEventListener(type: "track", listener: (event: { track: MediaTrack }) => void): void;
  createOffer(): Promise<Description>;
  createAnswer(): Promise<Description>;
  setLocalDescription(description: Description): Promise<void>;
  setRemoteDescription(description: Description): Promise<void>;
  close(): void;
}

type Description = { type: "offer" | "answer"; sdp: string };
type MediaTrack = ConstructorParameters<typeof wrtc.nonstandard.RTCAudioSink>[0];

/** libwebrtc takes and gives PCM in pieces of 10 ms. */
const RATE = 48_000;
const PIECE = 480;

export class SoftphoneCall {
  readonly #connection: PeerConnection;
  readonly #player: LoopPlayer;
  readonly heard = new Recording(RATE);
  #sink: InstanceType<typeof wrtc.nonstandard.RTCAudioSink> | undefined;
  dialog: SipDialog | undefined;
  /** What the other side said of itself; libwebrtc checks its certificate against it. */
  remoteSdp = "";
  /** Keys that came by INFO. */
  readonly keys: Digit[] = [];

  private constructor(connection: PeerConnection, player: LoopPlayer) {
    this.#connection = connection;
    this.#player = player;
    connection.addEventListener("track", ({ track }) => {
      const sink = new wrtc.nonstandard.RTCAudioSink(track);
      sink.ondata = ({ samples, sampleRate }: { samples: Int16Array; sampleRate: number }) => {
        this.heard.rate = sampleRate;
        this.heard.append(samples);
      };
      this.#sink = sink;
    });
  }

  static open(plays: Int16Array): SoftphoneCall {
    const connection: PeerConnection = new wrtc.RTCPeerConnection({ iceServers: [] });
    const source = new wrtc.nonstandard.RTCAudioSource();
    connection.addTrack(source.createTrack());
    const player = new LoopPlayer(plays, PIECE, RATE, (samples) => {
      const format = {
        sampleRate: RATE,
        bitsPerSample: 16,
        channelCount: 1,
        numberOfFrames: PIECE,
      };
      source.onData({ samples, ...format });
    });
    return new SoftphoneCall(connection, player);
  }

  /** Resolves when libwebrtc has gathered every candidate, as browsers' softphones wait. */
  async offer(): Promise<string> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    return this.#gathered();
  }

  async answer(offer: string): Promise<string> {
    this.remoteSdp = offer;
    await this.#connection.setRemoteDescription({ type: "offer", sdp: offer });
    await this.#connection.setLocalDescription(await this.#connection.createAnswer());
    return this.#gathered();
  }

  async answered(sdp: string): Promise<void> {
    this.remoteSdp = sdp;
    await this.#connection.setRemoteDescription({ type: "answer", sdp });
  }

  play(): void {
    this.#player.start();
  }

  /** Resolves when ICE and DTLS are through. */
  async connected(withinMs = 10_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (this.#connection.connectionState !== "connected") {
      if (performance.now() > deadline) {
        throw new Error(`WebRTC is ${this.#connection.connectionState}`);
      }
      await Bun.sleep(10);
    }
  }

  close(): void {
    this.#player.stop();
    this.#sink?.stop();
    this.#connection.close();
  }

  async #gathered(): Promise<string> {
    while (this.#connection.iceGatheringState !== "complete") await Bun.sleep(5);
    return this.#connection.localDescription?.sdp ?? "";
  }
}

export class VirtualSoftphone {
  readonly #options: VirtualSoftphoneOptions;
  readonly #socket: WebSocket;
  readonly #flow: Flow;
  readonly #endpoint: SipEndpoint;
  readonly #identity: Identity;
  readonly #dialogs = new Map<string, SipDialog>();
  /** What to do with the next call that comes in; refused with 486 while undefined. */
  onCall: ((served: Served) => void) | undefined;
  /** What to do with a MESSAGE (RFC 3428); refused with 481 while undefined. */
  onMessage: ((served: Served) => void) | undefined;

  private constructor(options: VirtualSoftphoneOptions, socket: WebSocket) {
    const host = `${randomToken(systemRandom, 6)}.invalid`;
    const domain = new URL(options.server).hostname;
    const { user, password } = options;
    this.#options = options;
    this.#socket = socket;
    this.#flow = {
      id: "softphone" as FlowId,
      transport: "ws",
      sentBy: host,
      remote: { address: domain, port: Number(new URL(options.server).port) },
      local: { address: "127.0.0.1", port: 0 },
    };
    this.#identity = {
      aor: `sip:${user}@${domain}`,
      contact: `<sip:${user}@${host};transport=ws>`,
      username: user,
      password,
    };
    this.#endpoint = new SipEndpoint(
      (_flow, bytes) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
      },
      (served) => this.#request(served),
    );
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      const bytes =
        typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
      this.#endpoint.receive(this.#flow, bytes);
    });
  }

  static async connect(options: VirtualSoftphoneOptions): Promise<VirtualSoftphone> {
    const tls = { rejectUnauthorized: options.insecure !== true };
    const socket = new WebSocket(options.server, { protocols: ["sip"], tls });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", (event) => {
      const why = (event as ErrorEvent).message.split(" failed: ").slice(1).join(" failed: ");
      reject(new Error(`${options.server} takes no WebSocket: ${why}`));
    });
    await promise;
    return new VirtualSoftphone(options, socket);
  }

  /** Returns the final status: 200, or why not. */
  async register(expires = 300): Promise<number> {
    const callId = randomToken(systemRandom, 12);
    const tag = randomToken(systemRandom, 6);
    let cseq = 0;
    const { aor, contact } = this.#identity;
    const registrar = aor.replace(/^sip:.*@/, "sip:");
    const response = await authenticated(this.#endpoint, this.#flow, this.#identity, (headers) => {
      cseq += 1;
      return createRequest({
        method: "REGISTER",
        uri: registrar,
        from: { uri: aor, params: new Map([["tag", tag]]) },
        to: { uri: aor, params: new Map() },
        callId,
        cseq,
        contact: `${contact};+sip.instance="<urn:uuid:${callId}>";reg-id=1`,
        headers: [["Expires", String(expires)], ...headers],
      });
    });
    return response.status;
  }

  /** OPTIONS to the server; returns the status. */
  async options(): Promise<number> {
    const { aor, contact } = this.#identity;
    const request = createRequest({
      method: "OPTIONS",
      uri: aor.replace(/^sip:.*@/, "sip:"),
      from: { uri: aor, params: new Map([["tag", randomToken(systemRandom, 6)]]) },
      to: { uri: aor.replace(/^sip:.*@/, "sip:"), params: new Map() },
      callId: randomToken(systemRandom, 12),
      cseq: 1,
      contact,
    });
    return (await this.#endpoint.request(this.#flow, request).final).status;
  }

  /** Calls a number; resolves when it is answered and media is up. Rejects with `CallRefused`. */
  async call(number: string): Promise<SoftphoneCall> {
    const call = SoftphoneCall.open(this.#options.plays);
    try {
      const outgoing = this.invite(number, await call.offer());
      const { dialog, sdp } = await outgoing.answered;
      await call.answered(sdp);
      this.#keep(call, dialog);
      await call.connected();
      call.play();
      return call;
    } catch (error) {
      call.close();
      throw error;
    }
  }

  /** An INVITE with a description of the caller's: for what needs no audio. */
  async callWithoutMedia(number: string, sdp: string): Promise<SipDialog> {
    const { dialog } = await this.invite(number, sdp).answered;
    this.track(dialog);
    return dialog;
  }

  /** An INVITE alone: `track` the dialog that comes of it. */
  invite(number: string, sdp: string): OutgoingCall {
    const domain = this.#identity.aor.replace(/^.*@/, "");
    return new OutgoingCall(
      this.#endpoint,
      this.#flow,
      this.#identity,
      `sip:${number}@${domain}`,
      sdp,
    );
  }

  /** Answers the next call after ringing for `ringMs`. */
  answerNext(ringMs = 0): Promise<SoftphoneCall> {
    const { promise, resolve, reject } = Promise.withResolvers<SoftphoneCall>();
    this.onCall = (served) => {
      this.onCall = undefined;
      served.respond(180, { toTag: "ringing" });
      Bun.sleep(ringMs)
        .then(() => this.#answer(served))
        .then(resolve, reject);
    };
    return promise;
  }

  /** Answers every call from now on with a description of the caller's, without media. */
  answerAll(sdp: string, answered: (dialog: SipDialog) => void): void {
    this.onCall = (served) => {
      served.respond(180, { toTag: "ringing" });
      void SipDialog.accept(this.#endpoint, served, this.#identity.contact, sdp).then((dialog) => {
        this.track(dialog);
        answered(dialog);
      });
    };
  }

  /** A dialog of an `invite`: its requests are answered from now on. */
  track(dialog: SipDialog): void {
    this.#dialogs.set(dialog.key, dialog);
    void dialog.ended.then(() => this.#dialogs.delete(dialog.key));
  }

  get alive(): number {
    return this.#endpoint.alive;
  }

  close(): void {
    this.#endpoint.stop();
    this.#socket.close();
  }

  async #answer(served: Served): Promise<SoftphoneCall> {
    const call = SoftphoneCall.open(this.#options.plays);
    const sdp = await call.answer(sdpIn(served.request));
    const dialog = await SipDialog.accept(this.#endpoint, served, this.#identity.contact, sdp);
    this.#keep(call, dialog);
    await call.connected();
    call.play();
    return call;
  }

  #keep(call: SoftphoneCall, dialog: SipDialog): void {
    call.dialog = dialog;
    dialog.answersOffer = (sdp) => call.answer(sdp);
    dialog.onInfo = (info) => call.keys.push(...[digitOf(info) ?? []].flat());
    this.#dialogs.set(dialog.key, dialog);
    void dialog.ended.then(() => {
      this.#dialogs.delete(dialog.key);
      call.close();
    });
  }

  #request(served: Served): void {
    const dialog = this.#dialogs.get(SipDialog.keyOf(served.request));
    const { method } = served.request;
    if (dialog) dialog.request(served);
    else if (method === "MESSAGE" && this.onMessage) this.onMessage(served);
    else if (method !== "INVITE") served.respond(481);
    else if (this.onCall) this.onCall(served);
    else served.respond(486);
  }
}
