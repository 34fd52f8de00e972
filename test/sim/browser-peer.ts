/**
 * What a browser does to a webrtc leg, out of the gateway's own building blocks: ICE checks as the
 * controlling side, the DTLS handshake, SRTP. No sockets, no clock: a simulated network or real
 * UDP carries its datagrams.
 */
import { utf8 } from "../../gateway/bytes.ts";
import { createCertificate, type DtlsCertificate } from "../../gateway/media/dtls/certificate.ts";
import { DtlsEndpoint, type DtlsOutput } from "../../gateway/media/dtls/dtls-endpoint.ts";
import { classify } from "../../gateway/media/ice/demultiplex.ts";
import type {
  AuxiliaryFormats,
  Codec,
  DtmfFormat,
  Endpoint,
  Fingerprint,
  IceCredentials,
  LocalLeg,
  RemoteLeg,
} from "../../gateway/media/protocol.ts";
import { type RtcpPacket, readRtcp } from "../../gateway/media/rtp/rtcp-packet.ts";
import { RtpHeader, readHeader, writeHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import { profileById } from "../../gateway/media/srtp/profiles.ts";
import { SrtpReceiver, SrtpSender } from "../../gateway/media/srtp/srtp-context.ts";
import type { Random } from "../../gateway/random.ts";
import { randomToken } from "../../gateway/random.ts";
import {
  BINDING,
  ICE_CONTROLLING,
  PRIORITY,
  readStun,
  USE_CANDIDATE,
  USERNAME,
} from "../../gateway/stun/stun.ts";
import { StunWriter } from "../../gateway/stun/stun-writer.ts";

export type WebRtcLocal = Extract<LocalLeg, { kind: "webrtc" }>;

type WebRtcRemote = Extract<RemoteLeg, { kind: "webrtc" }>;

export interface ReceivedPacket {
  header: RtpHeader;
  payload: Uint8Array;
  at: number;
}

export interface BrowserPeerOptions {
  random: Random;
  address: Endpoint;
  send: (datagram: Uint8Array, source: Endpoint, destination: Endpoint) => void;
  /** Our role in the DTLS handshake. */
  dtls?: "client" | "server";
  certificate?: DtlsCertificate;
}

export class BrowserPeer {
  readonly ice: IceCredentials;
  /** Where it sends from; it may move. */
  address: Endpoint;
  readonly ssrc = 0xb0b0;
  readonly received: ReceivedPacket[] = [];
  readonly control: RtcpPacket[] = [];
  /** Every SRTP datagram as it went out: to replay. */
  readonly sent: Uint8Array[] = [];
  /** DTLS datagrams that came in. */
  dtlsReceived = 0;
  connected = false;
  failure: string | undefined;

  readonly #options: BrowserPeerOptions;
  readonly #certificate: DtlsCertificate;
  #gateway: WebRtcLocal | undefined;
  #dtls: DtlsEndpoint | undefined;
  #answered = false;
  #sender: SrtpSender | undefined;
  #receiver: SrtpReceiver | undefined;

  constructor(options: BrowserPeerOptions) {
    this.#options = options;
    this.address = options.address;
    this.#certificate = options.certificate ?? createCertificate(options.random);
    this.ice = { ufrag: randomToken(options.random, 4), password: randomToken(options.random, 12) };
  }

  /** What the gateway's side is told about this one. */
  remote(
    audio: {
      codec: Codec;
      receive?: Codec[];
      dtmf?: DtmfFormat[];
      fingerprints?: Fingerprint[];
    } & AuxiliaryFormats,
  ): WebRtcRemote {
    const { codec, receive = [codec], fingerprints, ...formats } = audio;
    return {
      kind: "webrtc",
      ice: this.ice,
      fingerprints: fingerprints ?? [this.#certificate.fingerprint],
      dtls: this.#role === "client" ? "server" : "client",
      codec,
      receive,
      ...formats,
      direction: "sendrecv",
    };
  }

  /** Learns the gateway's SDP. After an ICE restart again: the DTLS association stays. */
  meet(gateway: WebRtcLocal): void {
    this.#gateway = gateway;
    this.#dtls ??= new DtlsEndpoint({
      role: this.#role,
      certificate: this.#certificate,
      fingerprints: [gateway.fingerprint],
      random: this.#options.random,
    });
  }

  /** One connectivity check, nominating. */
  check(password = this.#gateway?.ice.password ?? ""): void {
    if (!this.#gateway) throw new Error("the gateway's SDP isn't known");
    const request = new StunWriter(new Uint8Array(300))
      .start("request", BINDING, this.#options.random.bytes(12))
      .text(USERNAME, `${this.#gateway.ice.ufrag}:${this.ice.ufrag}`)
      .uint32(PRIORITY, 1)
      .bytes(ICE_CONTROLLING, new Uint8Array(8))
      .bytes(USE_CANDIDATE, new Uint8Array(0))
      .integrity(utf8(password))
      .fingerprint()
      .finish();
    this.send(request.slice());
  }

  receive(datagram: Uint8Array, now: number): void {
    const kind = classify(datagram);
    if (kind === "stun") {
      if (readStun(datagram)?.class !== "success" || this.#answered) return;
      this.#answered = true;
      this.#act(this.#dtls?.start(now) ?? []);
    } else if (kind === "dtls") {
      this.dtlsReceived += 1;
      this.#act(this.#dtls?.receive(datagram, now) ?? []);
    } else if (kind === "rtp" && this.#receiver) {
      this.#receiveRtp(datagram.slice(), now);
    } else if (kind === "rtcp" && this.#receiver) {
      const plain = datagram.slice();
      const length = this.#receiver.unprotectRtcp(plain, plain.length);
      if (length > 0) this.control.push(...(readRtcp(plain, length) ?? []));
    }
  }

  /** Sends RTP under SRTP; false before the keys are there. */
  sendRtp(
    header: { payloadType: number; sequence: number; timestamp: number; marker?: boolean },
    payload: Uint8Array,
  ): boolean {
    if (!this.#sender) return false;
    const packet = new Uint8Array(payload.length + 64);
    const offset = writeHeader(packet, { marker: false, ssrc: this.ssrc, ...header });
    packet.set(payload, offset);
    const length = this.#sender.protect(packet, offset + payload.length);
    const datagram = packet.slice(0, length);
    this.sent.push(datagram);
    this.send(datagram.slice());
    return true;
  }

  sendRtcp(packet: Uint8Array): void {
    const buffer = new Uint8Array(packet.length + 64);
    buffer.set(packet);
    const length = this.#sender?.protectRtcp(buffer, packet.length) ?? 0;
    if (length > 0) this.send(buffer.slice(0, length));
  }

  /** Sends anything at all to the gateway's candidate. */
  send(datagram: Uint8Array): void {
    const destination = this.#gateway?.candidates[0];
    if (destination) this.#options.send(datagram, this.address, destination);
  }

  /** Starts DTLS without waiting for ICE: what an attacker does. */
  startDtlsUnasked(now: number): void {
    this.#act(this.#dtls?.start(now) ?? []);
  }

  deadline(): number | undefined {
    return this.#dtls?.deadline();
  }

  timeout(now: number): void {
    this.#act(this.#dtls?.timeout(now) ?? []);
  }

  get #role(): "client" | "server" {
    return this.#options.dtls ?? "client";
  }

  #receiveRtp(packet: Uint8Array, at: number): void {
    const length = this.#receiver?.unprotect(packet, packet.length) ?? -1;
    const header = new RtpHeader();
    if (length < 0 || !readHeader(packet, length, header)) throw new Error("bad SRTP from gateway");
    const end = header.payloadOffset + header.payloadLength;
    this.received.push({ header, payload: packet.slice(header.payloadOffset, end), at });
  }

  #act(outputs: DtlsOutput[]): void {
    for (const output of outputs) {
      if (output.type === "send") this.send(output.datagram);
      if (output.type === "failed") this.failure = output.reason;
      if (output.type !== "connected") continue;
      const profile = profileById(output.profile);
      if (!profile) throw new Error(`unknown profile ${output.profile}`);
      const { keys } = output;
      this.#sender = new SrtpSender(profile, keys.localKey, keys.localSalt);
      this.#receiver = new SrtpReceiver(profile, keys.remoteKey, keys.remoteSalt);
      this.connected = true;
    }
  }
}
