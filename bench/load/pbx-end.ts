/** The PBX's end of a load call: RTP on a socket of its own, in clear or in DTLS-SRTP. */
import { systemRandom } from "../../gateway/io/random.ts";
import type { DtlsCertificate } from "../../gateway/media/dtls/certificate.ts";
import { readTransport, WebRtcClient } from "../../gateway/phone/webrtc-client.ts";
import type { LoadCodec } from "./codecs.ts";
import { type Impairment, sendImpaired } from "./impairment.ts";
import { PacketLog } from "./packet-log.ts";
import type { Voice } from "./voice.ts";

/** Packet, tag and some room. */
const PACKET_BYTES_MAX = 1_500;
const TICK_MS = 50;

export class PbxEnd {
  readonly voice: Voice;
  /** As it came: SRTP where there are keys. */
  readonly log = new PacketLog();
  /** Whose keys the two ends of the call share; undefined in clear. */
  readonly #seal: WebRtcClient | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
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

  private constructor(voice: Voice, address: string, certificate?: DtlsCertificate) {
    this.voice = voice;
    this.#address = address;
    if (certificate === undefined) return;
    const send = (datagram: Uint8Array) => this.#send(datagram);
    this.#seal = new WebRtcClient({ random: systemRandom, certificate, send });
  }

  /** With a certificate its audio is in DTLS-SRTP, and only that of an offer that has it too. */
  static async open(voice: Voice, address: string, certificate?: DtlsCertificate): Promise<PbxEnd> {
    const end = new PbxEnd(voice, address, certificate);
    end.#socket = await Bun.udpSocket({
      hostname: address,
      socket: {
        data: (_socket, data, port, from) => end.#receive(data, from, port),
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
    const [, port, protocol, formats = ""] = /^m=audio (\d+) (\S+) ([\d ]+)/m.exec(offer) ?? [];
    const payloadType = payloadTypeIn(offer, this.voice.codec);
    const isSpoken = formats.split(" ").includes(String(payloadType));
    if (!address || !port || !isSpoken || protocol !== this.#protocol) {
      throw new Error(`the offer has no ${this.#protocol} with ${this.voice.codec.name}: ${offer}`);
    }
    this.voice.payloadType = payloadType;
    const events = /^a=rtpmap:(\d+) telephone-event\/8000/im.exec(offer)?.[1];
    this.eventType = this.wantsEvents && events !== undefined ? Number(events) : undefined;
    this.#peer = { address, port: Number(port) };
    if (this.#seal) this.#shakeHands(this.#seal, offer);
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
      `m=audio ${this.port} ${this.#protocol} ${payloadType}${events === undefined ? "" : ` ${events}`}`,
      `a=rtpmap:${payloadType} ${map}`,
      ...(events === undefined
        ? []
        : [`a=rtpmap:${events} telephone-event/8000`, `a=fmtp:${events} 0-15`]),
      "a=ptime:20",
      "a=sendrecv",
      ...this.#sealLines(),
      "",
    ].join("\r\n");
  }

  say(): void {
    const spoken = this.voice.next(this.#buffer, performance.now());
    const length = this.#seal ? this.#seal.protect(this.#buffer, spoken) : spoken;
    if (length === 0) return;
    const packet = this.#buffer.subarray(0, length);
    if (!this.impairment) this.#send(packet);
    else sendImpaired(this.impairment, packet, (late) => this.#send(late));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Everything that was heard, opened: good once, in order. */
  *packets(): Generator<{ packet: Uint8Array; at: number }> {
    for (let index = 0; index < this.log.count; index++) {
      const packet = this.log.packet(index);
      const length = this.#seal ? this.#seal.unprotect(packet, packet.length) : packet.length;
      if (length > 0) yield { packet: packet.subarray(0, length), at: this.log.timeOf(index) };
    }
  }

  get #protocol(): string {
    return this.#seal ? "UDP/TLS/RTP/SAVPF" : "RTP/AVP";
  }

  /** RFC 5763 §5: the caller's is the ClientHello, for its way to us is known to be open. */
  #sealLines(): string[] {
    if (!this.#seal) return [];
    const { algorithm, value } = this.#seal.fingerprint;
    return ["a=rtcp-mux", `a=fingerprint:${algorithm} ${value}`, "a=setup:passive"];
  }

  #shakeHands(seal: WebRtcClient, offer: string): void {
    const transport = readTransport(offer);
    if (!transport) throw new Error(`the offer lacks a fingerprint: ${offer}`);
    seal.meet({ ...transport, ice: undefined, role: "server" });
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      seal.timeout(performance.now());
      if (seal.connected) clearInterval(this.#timer);
    }, TICK_MS);
  }

  #receive(data: Uint8Array, address: string, port: number): void {
    const now = performance.now();
    const kind = this.#seal?.receive(data, { address, port }, now) ?? "rtp";
    if (kind === "rtp" && this.listening) this.log.add(data, now);
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
