/**
 * A leg towards a PBX or carrier: RTP and RTCP (RFC 3550, RFC 3551) on a port pair of its own or
 * both on one port (RFC 5761), symmetric (RFC 4961) as far as the latch allows; in the clear or
 * protected (`trunk-protection`). Where there are keys, only what is authentic counts for the
 * latch. Above: the session. Below: two sockets.
 */

import { DTLS_EARLY_DATAGRAMS_MAX } from "../limits.ts";
import { earliest, type Millis } from "../machine.ts";
import { addressBytes, addressText } from "../stun/address.ts";
import type { DtlsCertificate } from "./dtls/certificate.ts";
import { classify } from "./ice/demultiplex.ts";
import { Latch } from "./latch.ts";
import type { Outbox } from "./outbox.ts";
import type { Endpoint, LegFacts, LegId, LocalLeg, RemoteLeg } from "./protocol.ts";
import { RtpStream, type StreamOptions, type StreamTransmitter } from "./rtp-stream.ts";
import { SealedRelay } from "./sealed-relay.ts";
import { copyEndpoint, sameEndpoint, type TrunkPair, type TrunkReceiver } from "./sockets.ts";
import { REPLAYED } from "./srtp/srtp-context.ts";
import { TrunkProtection } from "./trunk-protection.ts";

type TrunkRemote = RemoteLeg & { kind: "trunk" };

export interface TrunkLegOptions extends Omit<StreamOptions, "transmitter"> {
  certificate: DtlsCertificate;
  /** Audio goes where the SDP says, and comes from that host alone (NAT-05); default false. */
  isFixed?: boolean;
}

export class TrunkLeg implements TrunkReceiver, StreamTransmitter {
  readonly kind = "trunk";
  readonly id: LegId;
  readonly stream: RtpStream;

  #pair: TrunkPair | undefined;
  #remote: { rtp: Endpoint; rtcp: Endpoint } | undefined;
  #latch: Latch | undefined;
  /** Where RTCP goes: the SDP's address, or where the latched host sends its own from. */
  #controlDestination: Endpoint | undefined;
  #isMuxed = false;
  /** Handshakes the PBX began before its answer was here. */
  #early: { on: "rtp" | "rtcp"; datagram: Uint8Array; source: Endpoint }[] = [];
  readonly #certificate: DtlsCertificate;
  readonly #protection: TrunkProtection;
  /** The way on of what is not ours to decrypt; undefined where keys are agreed on with us. */
  #sealed: SealedRelay | undefined;
  /** Where packets came from that are not listened to. */
  #stranger: Endpoint | undefined;
  readonly #isFixed: boolean;
  #outbox: Outbox;

  constructor(options: TrunkLegOptions) {
    this.#isFixed = options.isFixed ?? false;
    this.id = options.leg;
    this.#outbox = options.outbox;
    this.#certificate = options.certificate;
    this.stream = new RtpStream({ ...options, transmitter: this });
    this.#protection = new TrunkProtection({
      certificate: options.certificate,
      random: options.random,
      sendRtp: (datagram) => this.#sendRtp(datagram, datagram.length),
      sendRtcp: (datagram) => this.#sendRtcp(datagram, datagram.length),
      keyed: (now) => this.#enable(now),
      failed: (reason, detail) => this.#outbox.failed(this.id, reason, detail),
    });
  }

  /** The leg goes over to another session. */
  moveTo(outbox: Outbox): void {
    this.#outbox = outbox;
    this.stream.moveTo(outbox);
  }

  /** Its sockets, opened with this leg as their receiver. */
  attach(pair: TrunkPair): void {
    this.#pair = pair;
  }

  local(): LocalLeg {
    if (!this.#pair) throw new Error("A trunk leg has no sockets yet.");
    const { interfaceAddress } = this.#pair;
    return {
      kind: "trunk",
      rtp: copyEndpoint(this.#pair.rtpEndpoint),
      rtcp: copyEndpoint(this.#pair.rtcpEndpoint),
      ...(interfaceAddress === undefined ? {} : { interfaceAddress }),
      fingerprint: this.#certificate.fingerprint,
      ssrc: this.stream.sender.ssrc,
      cname: this.stream.cname,
    };
  }

  /** A changed address starts the latch anew; an unchanged one leaves what it has learnt. */
  connect(remote: TrunkRemote, now: Millis): void {
    const rtp = canonical(remote.rtp);
    const rtcp = canonical(remote.rtcp);
    const known = this.#remote;
    if (!known || !sameEndpoint(known.rtp, rtp) || !sameEndpoint(known.rtcp, rtcp)) {
      this.#remote = { rtp, rtcp };
      this.#latch = new Latch(rtp, now, this.#isFixed);
      this.#controlDestination = rtcp;
      this.#isMuxed = sameEndpoint(rtp, rtcp);
    }
    this.stream.configure(remote, now);
    if (remote.relay) this.#sealed ??= new SealedRelay(this.stream);
    else {
      this.#protection.agree(remote.srtp, this.#isMuxed, now);
      this.#enable(now);
      if (isSendable(rtp)) this.#protection.start(now);
    }
    const early = this.#early;
    this.#early = [];
    for (const { on, datagram, source } of early) this.#receiveDtls(on, datagram, source, now);
    this.#outbox.deadlineMoved = true;
  }

  receiveRtp(datagram: Uint8Array, source: Endpoint, now: Millis): void {
    const { stream } = this;
    const latch = this.#latch;
    const kind = classify(datagram);
    if (kind === "rtcp") {
      this.#receiveControl(datagram, source, now);
    } else if (kind === "dtls") {
      this.#receiveDtls("rtp", datagram, source, now);
    } else if (!latch) {
      stream.drop("not-ready");
    } else if (kind !== "rtp") {
      stream.drop("malformed");
    } else if (this.#sealed) {
      this.#relayRtp(this.#sealed, latch, datagram, source, now);
    } else {
      const length = this.#protection.open(datagram);
      if (length === undefined) stream.drop("not-ready");
      else if (length < 0) this.#dropProtected(length);
      else if (!stream.admit(datagram, length)) return;
      else if (!latch.accept(source, stream.header, now)) this.#dropFrom(source);
      else stream.receive(datagram, length, now);
    }
  }

  receiveRtcp(datagram: Uint8Array, source: Endpoint, now: Millis): void {
    if (classify(datagram) === "dtls") this.#receiveDtls("rtcp", datagram, source, now);
    else this.#receiveControl(datagram, source, now);
  }

  /** What passes undecrypted, where it does. */
  get sealed(): SealedRelay | undefined {
    return this.#sealed;
  }

  /** Sends the other peer's datagram on; RTCP and DTLS share RTP's port. False without an address. */
  sendSealed(datagram: Uint8Array, length: number): boolean {
    const rtp = this.#remote?.rtp;
    if (!rtp || !isSendable(rtp)) return false;
    this.#sendRtp(datagram, length);
    return true;
  }

  transmit(packet: Uint8Array, length: number): void {
    const size = this.#protection.protect(packet, length);
    if (size > 0) this.#sendRtp(packet, size);
  }

  transmitControl(packet: Uint8Array, length: number): void {
    const size = this.#protection.protectControl(packet, length);
    if (size > 0) this.#sendRtcp(this.#protection.control ?? packet, size);
  }

  deadline(): Millis | undefined {
    return earliest(this.stream.deadline(), this.#protection.deadline());
  }

  timeout(now: Millis): void {
    this.stream.timeout(now);
    this.#protection.timeout(now);
  }

  close(now: Millis): void {
    try {
      this.stream.close(now);
      this.#protection.close(now);
    } finally {
      this.#pair?.rtp.close();
      this.#pair?.rtcp.close();
      this.#pair = undefined;
      this.#latch = undefined;
    }
  }

  /** Nothing proves here who sent it: the latch alone decides, as for RTP in the clear. */
  #relayRtp(
    sealed: SealedRelay,
    latch: Latch,
    datagram: Uint8Array,
    source: Endpoint,
    now: Millis,
  ): void {
    const { stream } = this;
    if (!stream.read(datagram, datagram.length)) return;
    if (!latch.accept(source, stream.header, now)) this.#dropFrom(source);
    else sealed.take(datagram, "rtp", now);
  }

  /** What became of its media. */
  facts(): LegFacts {
    const { progress: dtls } = this.#protection;
    const stranger = this.#stranger;
    return {
      ...this.stream.facts(this.kind),
      ...(this.#remote ? { signalled: this.#remote.rtp } : {}),
      ...(this.#latch ? { remote: copyEndpoint(this.#latch.destination) } : {}),
      ...(stranger ? { stranger: copyEndpoint(stranger) } : {}),
      ...(dtls ? { dtls } : {}),
      ...(this.#sealed ? { isSealed: true } : {}),
    };
  }

  /** From a source that may not be heard; which one is kept for whoever asks why. */
  #dropFrom(source: Endpoint): void {
    this.stream.drop("source");
    this.#stranger ??= copyEndpoint(source);
    this.#stranger.address = source.address;
    this.#stranger.port = source.port;
  }

  /** DTLS proves the peer by its certificate; the SDP's host alone may begin. */
  #receiveDtls(on: "rtp" | "rtcp", datagram: Uint8Array, source: Endpoint, now: Millis): void {
    const { stream } = this;
    if (!this.#latch) {
      if (this.#early.length >= DTLS_EARLY_DATAGRAMS_MAX) stream.drop("not-ready");
      else this.#early.push({ on, datagram: datagram.slice(), source: copyEndpoint(source) });
    } else if (!this.#latch.admitsHost(source)) this.#dropFrom(source);
    else if (this.#sealed) this.#sealed.take(datagram, "dtls", now);
    else if (!this.#protection.handshake(on, datagram, now)) stream.drop("dtls");
    this.#outbox.deadlineMoved = true;
  }

  #receiveControl(datagram: Uint8Array, source: Endpoint, now: Millis): void {
    const { stream } = this;
    const latch = this.#latch;
    if (!latch) {
      stream.drop("not-ready");
      return;
    }
    if (!latch.admitsHost(source)) {
      this.#dropFrom(source);
      return;
    }
    if (classify(datagram) !== "rtcp") {
      stream.drop("malformed");
      return;
    }
    if (this.#sealed) {
      this.#sealed.take(datagram, "rtcp", now);
      return;
    }
    const length = this.#protection.openControl(datagram);
    if (length === undefined) {
      stream.drop("not-ready");
      return;
    }
    if (length < 0) {
      this.#dropProtected(length);
      return;
    }
    // Behind a NAT the SDP's RTCP port is no use: answer where the latched host speaks from.
    const destination = this.#controlDestination;
    if (latch.locked && destination && !sameEndpoint(destination, source)) {
      this.#controlDestination = copyEndpoint(source);
    }
    stream.receiveControl(datagram, length, now);
  }

  #sendRtp(datagram: Uint8Array, length: number): void {
    if (this.#latch) this.#pair?.rtp.send(datagram, length, this.#latch.destination);
  }

  #sendRtcp(datagram: Uint8Array, length: number): void {
    if (this.#isMuxed) this.#sendRtp(datagram, length);
    else if (this.#controlDestination) {
      this.#pair?.rtcp.send(datagram, length, this.#controlDestination);
    }
  }

  /** It can send where there is an address, and keys if there have to be. */
  #enable(now: Millis): void {
    const rtp = this.#remote?.rtp;
    this.stream.setReady(rtp !== undefined && isSendable(rtp) && this.#protection.isReady, now);
  }

  #dropProtected(reason: number): void {
    this.stream.drop(reason === REPLAYED ? "replay" : "authentication");
  }
}

/** The form the operating system gives: sources are compared as text. */
function canonical(endpoint: Endpoint): Endpoint {
  const bytes = addressBytes(endpoint.address);
  return { address: bytes ? addressText(bytes) : endpoint.address, port: endpoint.port };
}

/** A hold of old (`c=0.0.0.0`, RFC 3264 §8.4) or a rejected stream names nowhere to send to. */
function isSendable(endpoint: Endpoint): boolean {
  return endpoint.port > 0 && endpoint.address !== "0.0.0.0" && endpoint.address !== "::";
}
