/** What a PBX does to a trunk leg: plain RTP from one port, RTCP from the next. */
import type {
  Codec,
  Direction,
  DtmfFormat,
  Endpoint,
  RemoteLeg,
} from "../../gateway/media/protocol.ts";
import { type RtcpPacket, readRtcp } from "../../gateway/media/rtp/rtcp-packet.ts";
import { RtpHeader, readHeader, writeHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import type { ReceivedPacket } from "./browser-peer.ts";

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
  readonly #options: TrunkPeerOptions;

  constructor(options: TrunkPeerOptions) {
    this.#options = options;
  }

  remote(audio: {
    codec: Codec;
    receive?: Codec[];
    dtmf?: DtmfFormat[];
    direction?: Direction;
  }): RemoteLeg {
    return {
      kind: "trunk",
      rtp: this.#options.rtp,
      rtcp: this.#options.rtcp,
      codec: audio.codec,
      receive: audio.receive ?? [audio.codec],
      ...(audio.dtmf ? { dtmf: audio.dtmf } : {}),
      direction: audio.direction ?? "sendrecv",
    };
  }

  sendRtp(
    header: { payloadType: number; sequence: number; timestamp: number; marker?: boolean },
    payload: Uint8Array,
    source: Endpoint = this.#options.rtp,
  ): void {
    const packet = new Uint8Array(12 + payload.length);
    writeHeader(packet, { marker: false, ssrc: this.ssrc, ...header });
    packet.set(payload, 12);
    if (this.destination) this.#options.send(packet, source, this.destination);
  }

  sendRtcp(packet: Uint8Array): void {
    if (!this.destination) return;
    const { address, port } = this.destination;
    this.#options.send(packet, this.#options.rtcp, { address, port: port + 1 });
  }

  receiveRtp(datagram: Uint8Array, at: number): void {
    const header = new RtpHeader();
    if (!readHeader(datagram, datagram.length, header)) throw new Error("bad RTP from gateway");
    const end = header.payloadOffset + header.payloadLength;
    this.received.push({ header, payload: datagram.slice(header.payloadOffset, end), at });
  }

  receiveRtcp(datagram: Uint8Array): void {
    const packets = readRtcp(datagram, datagram.length);
    if (!packets) throw new Error("bad RTCP from gateway");
    this.control.push(...packets);
  }
}
