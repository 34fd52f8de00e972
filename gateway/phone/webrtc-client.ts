/**
 * The transport half of a softphone without libwebrtc: ICE checks as the controlling side, DTLS in
 * either role, SRTP; or of a PBX with DTLS-SRTP, which has no ICE. It costs a few microseconds a
 * packet, so that hundreds fit into one process. No sockets and no clock: datagrams and times are handed in. Below: the gateway's own protocols,
 * which real browsers, OpenSSL and rtpengine have been heard to agree with.
 */
import { utf8 } from "../bytes.ts";
import type { DtlsCertificate } from "../media/dtls/certificate.ts";
import { DtlsEndpoint, type DtlsOutput } from "../media/dtls/dtls-endpoint.ts";
import { classify, type DatagramKind } from "../media/ice/demultiplex.ts";
import type { Endpoint, Fingerprint, IceCredentials } from "../media/protocol.ts";
import { profileById } from "../media/srtp/profiles.ts";
import { SrtpReceiver, SrtpSender } from "../media/srtp/srtp-context.ts";
import { type Random, randomToken } from "../random.ts";
import {
  BINDING,
  ICE_CONTROLLING,
  PRIORITY,
  readStun,
  USE_CANDIDATE,
  USERNAME,
} from "../stun/stun.ts";
import { StunWriter } from "../stun/stun-writer.ts";

/** What the other side's description says of its transport. */
export interface PeerTransport {
  /** Undefined where nothing is checked: a PBX trusts the address it was told. */
  readonly ice: IceCredentials | undefined;
  readonly fingerprint: Fingerprint;
  readonly candidate: Endpoint;
  /** Our role in the handshake. */
  readonly role: "client" | "server";
}

/** The attributes of one audio stream with DTLS and rtcp-mux; undefined where one is missing. */
export function readTransport(sdp: string): PeerTransport | undefined {
  const ufrag = /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];
  const password = /^a=ice-pwd:(\S+)/m.exec(sdp)?.[1];
  const value = /^a=fingerprint:sha-256 (\S+)/im.exec(sdp)?.[1];
  const [, address, port] = /^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/im.exec(sdp) ?? [
    "",
    /^c=IN IP4 (\S+)/m.exec(sdp)?.[1],
    /^m=audio (\d+)/m.exec(sdp)?.[1],
  ];
  if (!value || !address) return undefined;
  return {
    ice: ufrag && password ? { ufrag, password } : undefined,
    fingerprint: { algorithm: "sha-256", value: value.toUpperCase() },
    candidate: { address, port: Number(port) },
    // RFC 5763 §5: the passive side waits for our ClientHello.
    role: /^a=setup:passive/m.test(sdp) ? "client" : "server",
  };
}

export interface WebRtcClientOptions {
  readonly random: Random;
  readonly certificate: DtlsCertificate;
  readonly send: (datagram: Uint8Array) => void;
}

export class WebRtcClient {
  readonly ice: IceCredentials;
  readonly #options: WebRtcClientOptions;
  #peer: PeerTransport | undefined;
  #dtls: DtlsEndpoint | undefined;
  #sender: SrtpSender | undefined;
  #receiver: SrtpReceiver | undefined;
  #reachable = false;
  #checkedAt = 0;
  #pending = "";
  failure: string | undefined;
  /** Round trips of answered checks, ms: how long the other side's thread keeps a datagram waiting. */
  readonly roundTrips: number[] = [];

  constructor(options: WebRtcClientOptions) {
    this.#options = options;
    this.ice = { ufrag: randomToken(options.random, 4), password: randomToken(options.random, 18) };
  }

  /** True once packets can be protected. */
  get connected(): boolean {
    return this.#sender !== undefined;
  }

  get fingerprint(): Fingerprint {
    return this.#options.certificate.fingerprint;
  }

  meet(peer: PeerTransport): void {
    this.#peer = peer;
    this.#dtls = new DtlsEndpoint({
      role: peer.role,
      certificate: this.#options.certificate,
      fingerprints: [peer.fingerprint],
      random: this.#options.random,
    });
  }

  /** One check, nominating: the first ones reach the peer, later ones keep its consent (RFC 7675). */
  check(now: number): void {
    if (!this.#peer?.ice) return;
    const transaction = this.#options.random.bytes(12);
    this.#pending = transaction.toHex();
    this.#checkedAt = now;
    const request = new StunWriter(new Uint8Array(300))
      .start("request", BINDING, transaction)
      .text(USERNAME, `${this.#peer.ice.ufrag}:${this.ice.ufrag}`)
      .uint32(PRIORITY, 0x6e0001ff)
      .bytes(ICE_CONTROLLING, new Uint8Array(8))
      .bytes(USE_CANDIDATE, new Uint8Array(0))
      .integrity(utf8(this.#peer.ice.password))
      .fingerprint()
      .finish();
    this.#options.send(request);
  }

  /** Takes what is not media; the kind says whether the caller has RTP or RTCP in hand. */
  receive(datagram: Uint8Array, from: Endpoint, now: number): DatagramKind {
    const kind = classify(datagram);
    if (kind === "stun") this.#stun(datagram, from, now);
    if (kind === "dtls") this.#act(this.#dtls?.receive(datagram, now) ?? []);
    return kind;
  }

  /** Repeats what was lost; to be called every 50 ms or so until connected. */
  timeout(now: number): void {
    const deadline = this.#dtls?.deadline();
    if (deadline !== undefined && deadline <= now) this.#act(this.#dtls?.timeout(now) ?? []);
    if (this.#reachable) return;
    if (this.#peer?.ice) this.check(now);
    else if (this.#peer) this.#reached(now);
  }

  /** In place; the buffer needs room for the tag. Returns the length, 0 while not connected. */
  protect(buffer: Uint8Array, length: number): number {
    return this.#sender?.protect(buffer, length) ?? 0;
  }

  /** In place; negative where it is not authentic. */
  unprotect(buffer: Uint8Array, length: number): number {
    return this.#receiver?.unprotect(buffer, length) ?? -1;
  }

  #stun(datagram: Uint8Array, from: Endpoint, now: number): void {
    const message = readStun(datagram);
    if (message?.class === "request") {
      // A full agent checks us as well.
      const response = new StunWriter(new Uint8Array(200))
        .start("success", BINDING, message.transactionId)
        .xorMappedAddress({ address: from.address, port: from.port })
        .integrity(utf8(this.ice.password))
        .fingerprint()
        .finish();
      this.#options.send(response);
    }
    if (message?.class !== "success" || message.transactionId.toHex() !== this.#pending) return;
    this.roundTrips.push(now - this.#checkedAt);
    this.#pending = "";
    if (!this.#reachable) this.#reached(now);
  }

  #reached(now: number): void {
    this.#reachable = true;
    this.#act(this.#dtls?.start(now) ?? []);
  }

  #act(outputs: DtlsOutput[]): void {
    for (const output of outputs) {
      if (output.type === "send") this.#options.send(output.datagram);
      if (output.type === "failed") this.failure = output.detail;
      if (output.type !== "connected") continue;
      const profile = profileById(output.profile);
      if (!profile) throw new Error(`unknown SRTP profile ${output.profile}`);
      const { keys } = output;
      this.#sender = new SrtpSender(profile, keys.localKey, keys.localSalt);
      this.#receiver = new SrtpReceiver(profile, keys.remoteKey, keys.remoteSalt);
    }
  }
}
