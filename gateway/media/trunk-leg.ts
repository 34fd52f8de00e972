/**
 * A leg towards a PBX or carrier: plain RTP and RTCP (RFC 3550, RFC 3551) on a port pair of its own,
 * symmetric (RFC 4961) as far as the latch allows. Above: the session. Below: two sockets.
 */
import type { Millis } from "../machine.ts";
import { classify } from "./ice/demultiplex.ts";
import { addressBytes, addressText } from "./ice/source.ts";
import { Latch } from "./latch.ts";
import type { Endpoint, LegId, LocalLeg, RemoteLeg } from "./protocol.ts";
import { RtpStream, type StreamOptions, type StreamTransmitter } from "./rtp-stream.ts";
import { copyEndpoint, sameEndpoint, type TrunkPair, type TrunkReceiver } from "./sockets.ts";

type TrunkRemote = RemoteLeg & { kind: "trunk" };

export class TrunkLeg implements TrunkReceiver, StreamTransmitter {
  readonly kind = "trunk";
  readonly id: LegId;
  readonly stream: RtpStream;

  #pair: TrunkPair | undefined;
  #remote: { rtp: Endpoint; rtcp: Endpoint } | undefined;
  #latch: Latch | undefined;
  /** Where RTCP goes: the SDP's address, or where the latched host sends its own from. */
  #controlDestination: Endpoint | undefined;

  constructor(options: Omit<StreamOptions, "transmitter">) {
    this.id = options.leg;
    this.stream = new RtpStream({ ...options, transmitter: this });
  }

  /** Its sockets, opened with this leg as their receiver. */
  attach(pair: TrunkPair): void {
    this.#pair = pair;
  }

  local(): LocalLeg {
    if (!this.#pair) throw new Error("A trunk leg has no sockets yet.");
    return {
      kind: "trunk",
      rtp: copyEndpoint(this.#pair.rtpEndpoint),
      rtcp: copyEndpoint(this.#pair.rtcpEndpoint),
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
      this.#latch = new Latch(rtp, now);
      this.#controlDestination = rtcp;
    }
    this.stream.configure(remote, now);
    this.stream.setReady(isSendable(rtp), now);
  }

  receiveRtp(datagram: Uint8Array, source: Endpoint, now: Millis): void {
    const { stream } = this;
    const kind = classify(datagram);
    if (kind === "rtcp") {
      this.receiveRtcp(datagram, source, now);
      return;
    }
    const latch = this.#latch;
    if (!latch) {
      stream.drop("not-ready");
    } else if (kind !== "rtp" || !stream.admit(datagram, datagram.length)) {
      if (kind !== "rtp") stream.drop("malformed");
    } else if (!latch.accept(source, stream.header, now)) {
      stream.drop("source");
    } else {
      stream.receive(datagram, datagram.length, now);
    }
  }

  receiveRtcp(datagram: Uint8Array, source: Endpoint, now: Millis): void {
    const { stream } = this;
    if (!this.#latch) {
      stream.drop("not-ready");
    } else if (!this.#latch.admitsControl(source)) {
      stream.drop("source");
    } else if (classify(datagram) !== "rtcp") {
      stream.drop("malformed");
    } else {
      // Behind a NAT the SDP's RTCP port is no use: answer where the latched host speaks from.
      const destination = this.#controlDestination;
      if (this.#latch.locked && destination && !sameEndpoint(destination, source)) {
        this.#controlDestination = copyEndpoint(source);
      }
      stream.receiveControl(datagram, datagram.length, now);
    }
  }

  transmit(packet: Uint8Array, length: number): void {
    if (this.#latch) this.#pair?.rtp.send(packet, length, this.#latch.destination);
  }

  transmitControl(packet: Uint8Array, length: number): void {
    if (this.#controlDestination) this.#pair?.rtcp.send(packet, length, this.#controlDestination);
  }

  deadline(): Millis | undefined {
    return this.stream.deadline();
  }

  timeout(now: Millis): void {
    this.stream.timeout(now);
  }

  close(now: Millis): void {
    try {
      this.stream.close(now);
    } finally {
      this.#pair?.rtp.close();
      this.#pair?.rtcp.close();
      this.#pair = undefined;
      this.#latch = undefined;
    }
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
