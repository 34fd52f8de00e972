/** What a PBX does to a trunk leg: RTP from one port, RTCP from the next, in the clear or as SRTP. */
import { createCertificate } from "../../gateway/media/dtls/certificate.ts";
import { classify } from "../../gateway/media/ice/demultiplex.ts";
import type {
  AuxiliaryFormats,
  Codec,
  Direction,
  DtmfFormat,
  Endpoint,
  Fingerprint,
  RemoteLeg,
  TrunkSrtp,
} from "../../gateway/media/protocol.ts";
import { type RtcpPacket, readRtcp } from "../../gateway/media/rtp/rtcp-packet.ts";
import { RtpHeader, readHeader, writeHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import { SRTP_OVERHEAD_BYTES } from "../../gateway/media/srtp/srtp-context.ts";
import { TrunkProtection } from "../../gateway/media/trunk-protection.ts";
import type { ReceivedPacket } from "./browser-peer.ts";
import { seededRandom } from "./random.ts";

export type SdesKeying = Extract<TrunkSrtp, { keying: "sdes" }>;

export interface TrunkPeerOptions {
  rtp: Endpoint;
  rtcp: Endpoint;
  send: (datagram: Uint8Array, source: Endpoint, destination: Endpoint) => void;
}

export class TrunkPeer {
  ssrc = 0x7777;
  readonly received: ReceivedPacket[] = [];
  readonly control: RtcpPacket[] = [];
  /** The gateway's RTP address. */
  destination: Endpoint | undefined;
  /** Datagrams that were not what the peer's key protects. */
  unreadable = 0;
  readonly #options: TrunkPeerOptions;
  #keying: TrunkSrtp | undefined;
  #protection: TrunkProtection | undefined;
  #isMuxed = false;
  /** Why its handshake failed. */
  failure: string | undefined;
  /** Its own, unless a test gives it another. */
  certificate = createCertificate(random);

  constructor(options: TrunkPeerOptions) {
    this.#options = options;
  }

  /** From now on it speaks SRTP; `keying` is the gateway's side of what was agreed on. */
  secure(keying: SdesKeying): void {
    this.#keying = keying;
    const { suite, local, remote } = keying;
    this.#protection ??= this.#makeProtection();
    this.#protection.agree({ keying: "sdes", suite, local: remote, remote: local }, false, 0);
  }

  /** Keys by DTLS with the gateway, the peer in `role`; RTCP on RTP's port or one of its own. */
  secureByDtls(
    role: "client" | "server",
    gateway: Fingerprint,
    isMuxed: boolean,
    now: number,
  ): void {
    const fingerprints = [this.certificate.fingerprint];
    this.#keying = { keying: "dtls", role: role === "client" ? "server" : "client", fingerprints };
    this.#isMuxed = isMuxed;
    this.#protection = this.#makeProtection();
    this.#protection.agree({ keying: "dtls", role, fingerprints: [gateway] }, isMuxed, now);
    this.#protection.start(now);
  }

  /** It says it speaks SRTP and does not. */
  inTheClear(): void {
    this.#protection = undefined;
  }

  deadline(): number | undefined {
    return this.#protection?.deadline();
  }

  timeout(now: number): void {
    this.#protection?.timeout(now);
  }

  remote(
    audio: {
      codec: Codec;
      receive?: Codec[];
      dtmf?: DtmfFormat[];
      direction?: Direction;
    } & AuxiliaryFormats,
  ): RemoteLeg {
    const { codec, receive = [codec], direction = "sendrecv", ...formats } = audio;
    return {
      kind: "trunk",
      rtp: this.#options.rtp,
      rtcp: this.#isMuxed ? this.#options.rtp : this.#options.rtcp,
      ...(this.#keying ? { srtp: this.#keying } : {}),
      codec,
      receive,
      direction,
      ...formats,
    };
  }

  sendRtp(
    header: { payloadType: number; sequence: number; timestamp: number; marker?: boolean },
    payload: Uint8Array,
    source: Endpoint = this.#options.rtp,
  ): void {
    const plain = 12 + payload.length;
    const packet = new Uint8Array(plain + SRTP_OVERHEAD_BYTES);
    writeHeader(packet, { marker: false, ssrc: this.ssrc, ...header });
    packet.set(payload, 12);
    const length = this.#protection?.protect(packet, plain) ?? plain;
    if (this.destination) this.#options.send(packet.subarray(0, length), source, this.destination);
  }

  sendRtcp(packet: Uint8Array): void {
    const length = this.#protection?.protectControl(packet, packet.length) ?? packet.length;
    const datagram = (this.#protection?.control ?? packet).slice(0, length);
    this.#sendFrom(this.#isMuxed ? "rtp" : "rtcp", datagram);
  }

  receiveRtp(datagram: Uint8Array, at: number): void {
    const kind = classify(datagram);
    if (kind === "dtls") {
      this.#protection?.handshake("rtp", datagram, at);
      return;
    }
    if (kind === "rtcp") {
      this.receiveRtcp(datagram, at);
      return;
    }
    const length = this.#protection ? this.#protection.open(datagram) : datagram.length;
    if (length === undefined || length < 0) {
      this.unreadable += 1;
      return;
    }
    const header = new RtpHeader();
    if (!readHeader(datagram, length, header)) throw new Error("bad RTP from gateway");
    const end = header.payloadOffset + header.payloadLength;
    this.received.push({ header, payload: datagram.slice(header.payloadOffset, end), at });
  }

  receiveRtcp(datagram: Uint8Array, at: number): void {
    if (classify(datagram) === "dtls") {
      this.#protection?.handshake("rtcp", datagram, at);
      return;
    }
    const length = this.#protection ? this.#protection.openControl(datagram) : datagram.length;
    const packets = length === undefined || length < 0 ? undefined : readRtcp(datagram, length);
    if (!packets) throw new Error("bad RTCP from gateway");
    this.control.push(...packets);
  }

  #sendFrom(on: "rtp" | "rtcp", datagram: Uint8Array): void {
    if (!this.destination) return;
    const { address, port } = this.destination;
    const to = on === "rtp" ? this.destination : { address, port: port + 1 };
    this.#options.send(datagram, this.#options[on], to);
  }

  #makeProtection(): TrunkProtection {
    return new TrunkProtection({
      certificate: this.certificate,
      random,
      sendRtp: (datagram) => this.#sendFrom("rtp", datagram),
      sendRtcp: (datagram) => this.#sendFrom("rtcp", datagram),
      keyed: () => {},
      failed: (_, detail) => {
        this.failure = detail;
      },
    });
  }
}

const random = seededRandom(77);
