/** The PBX's end of a load call: plain RTP on a socket of its own. */
import type { LoadCodec } from "./codecs.ts";
import { type Impairment, sendImpaired } from "./impairment.ts";
import { PacketLog } from "./packet-log.ts";
import type { Voice } from "./voice.ts";

const PACKET_BYTES_MAX = 1_500;

export class PbxEnd {
  readonly voice: Voice;
  readonly log = new PacketLog();
  readonly #buffer = new Uint8Array(PACKET_BYTES_MAX);
  #socket: Bun.udp.Socket<"buffer"> | undefined;
  #peer = { address: "", port: 0 };
  /** The way to the target; undefined where it is good. */
  impairment: Impairment | undefined;
  /** While false, what comes is not kept. */
  listening = false;

  /** Takes telephone-events: the payload type is the offer's. */
  wantsEvents = false;
  eventType: number | undefined;
  readonly #address: string;
  #version = 0;

  private constructor(voice: Voice, address: string) {
    this.voice = voice;
    this.#address = address;
  }

  static async open(voice: Voice, address: string): Promise<PbxEnd> {
    const end = new PbxEnd(voice, address);
    end.#socket = await Bun.udpSocket({
      hostname: address,
      socket: {
        data: (_socket, data) => {
          if (end.listening) end.log.add(data, performance.now());
        },
        error: () => {},
      },
    });
    return end;
  }

  get port(): number {
    return this.#socket?.port ?? 0;
  }

  /** Learns where the gateway listens; throws where its offer lacks our codec. */
  meet(offer: string): void {
    const address = /^c=IN IP4 (\S+)/m.exec(offer)?.[1];
    const [, port, formats = ""] = /^m=audio (\d+) RTP\/AVP ([\d ]+)/m.exec(offer) ?? [];
    const payloadType = payloadTypeIn(offer, this.voice.codec);
    if (!address || !port || !formats.split(" ").includes(String(payloadType))) {
      throw new Error(`the offer has no ${this.voice.codec.name}: ${offer}`);
    }
    this.voice.payloadType = payloadType;
    const events = /^a=rtpmap:(\d+) telephone-event\/8000/im.exec(offer)?.[1];
    this.eventType = this.wantsEvents && events !== undefined ? Number(events) : undefined;
    this.#peer = { address, port: Number(port) };
  }

  answer(): string {
    const { payloadType } = this.voice;
    const { map } = this.voice.codec;
    const events = this.eventType;
    this.#version += 1;
    return [
      "v=0",
      `o=pbx ${this.port} ${this.#version} IN IP4 ${this.#address}`,
      "s=call",
      `c=IN IP4 ${this.#address}`,
      "t=0 0",
      `m=audio ${this.port} RTP/AVP ${payloadType}${events === undefined ? "" : ` ${events}`}`,
      `a=rtpmap:${payloadType} ${map}`,
      ...(events === undefined
        ? []
        : [`a=rtpmap:${events} telephone-event/8000`, `a=fmtp:${events} 0-15`]),
      "a=ptime:20",
      "a=sendrecv",
      "",
    ].join("\r\n");
  }

  say(): void {
    const length = this.voice.next(this.#buffer, performance.now());
    const packet = this.#buffer.subarray(0, length);
    if (!this.impairment) this.#send(packet);
    else sendImpaired(this.impairment, packet, (late) => this.#send(late));
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  *packets(): Generator<{ packet: Uint8Array; at: number }> {
    for (let index = 0; index < this.log.count; index++) {
      yield { packet: this.log.packet(index), at: this.log.timeOf(index) };
    }
  }

  #send(packet: Uint8Array): void {
    const { address, port } = this.#peer;
    try {
      this.#socket?.send(packet, port, address);
    } catch {
      // An ICMP refusal of an earlier packet is thrown here; what is lost is counted at the end.
    }
  }
}

/** What the offer calls the codec: a dynamic payload type is the offerer's to choose. */
function payloadTypeIn(sdp: string, { map, payloadType }: LoadCodec): number {
  const found = new RegExp(`^a=rtpmap:(\\d+) ${map.replace(/\/2$/, "")}`, "im").exec(sdp)?.[1];
  return found === undefined ? payloadType : Number(found);
}
