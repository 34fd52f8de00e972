/** The softphone's end of a load call: its WebRTC transport on a socket of its own. */
import { systemRandom } from "../../gateway/io/random.ts";
import type { DtlsCertificate } from "../../gateway/media/dtls/certificate.ts";
import { describeAudio } from "../../gateway/phone/description.ts";
import { readTransport, WebRtcClient } from "../../gateway/phone/webrtc-client.ts";
import { type Impairment, sendImpaired } from "./impairment.ts";
import { PacketLog } from "./packet-log.ts";
import type { Voice } from "./voice.ts";

/** Packet, tag and some room. */
const PACKET_BYTES_MAX = 1_500;
const TICK_MS = 50;
/** Chromium renews its consent about this often (RFC 7675 §5.1). */
const CONSENT_MS = 2_500;

export class SoftphoneEnd {
  readonly voice: Voice;
  /** SRTP as it came. */
  readonly log = new PacketLog();
  readonly #certificate: DtlsCertificate;
  readonly #address: string;
  /** The newest is the one in use; a gateway that lost its media asks for another one. */
  readonly #clients: { readonly client: WebRtcClient; readonly from: number }[] = [];
  readonly #buffer = new Uint8Array(PACKET_BYTES_MAX);
  #socket: Bun.udp.Socket<"buffer"> | undefined;
  #peer = { address: "", port: 0 };
  #timer: ReturnType<typeof setInterval> | undefined;
  /** ICE name of the peer's transport in use. */
  #met = "";
  #version = 1;
  /** The way to the target; undefined where it is good. */
  impairment: Impairment | undefined;
  /** While false, what comes is not kept. */
  listening = false;

  /** Offered besides the voice: telephone-events at its clock. */
  eventType: number | undefined;

  private constructor(voice: Voice, certificate: DtlsCertificate, address: string) {
    this.voice = voice;
    this.#certificate = certificate;
    this.#address = address;
    this.#begin();
  }

  static async open(
    voice: Voice,
    certificate: DtlsCertificate,
    address: string,
  ): Promise<SoftphoneEnd> {
    const end = new SoftphoneEnd(voice, certificate, address);
    end.#socket = await Bun.udpSocket({
      hostname: address,
      socket: {
        data: (_socket, data, port, address) => end.#receive(data, address, port),
        error: () => {},
      },
    });
    return end;
  }

  get port(): number {
    return this.#socket?.port ?? 0;
  }

  get roundTrips(): readonly number[] {
    return this.#clients.flatMap(({ client }) => client.roundTrips);
  }

  offer(): string {
    return this.#description("actpass");
  }

  /** To a later offer: of the same transport, or of another one that is connected with anew. */
  async answer(offer: string): Promise<string> {
    const transport = readTransport(offer);
    if (!transport?.ice) throw new Error(`the offer lacks ICE or a fingerprint: ${offer}`);
    const isSame = transport.ice.ufrag === this.#met;
    if (!isSame) {
      this.#begin();
      void this.connect(offer).catch(() => {
        // Then nothing is heard any more, which is what is measured.
      });
    }
    return this.#description(transport.role === "client" ? "active" : "passive");
  }

  #description(setup: "actpass" | "active" | "passive"): string {
    const { ice, fingerprint } = this.#client;
    const { name, map, rate } = this.voice.codec;
    const { payloadType } = this.voice;
    const clock = name === "opus" ? 48_000 : rate === 16_000 ? 8_000 : rate;
    const events = this.eventType;
    const port = this.port;
    this.#version += 1;
    return describeAudio({
      ...{ address: this.#address, port, ssrc: this.voice.ssrc, version: this.#version, setup },
      ...{ ice, fingerprint, payloadType, map },
      events: events === undefined ? undefined : { payloadType: events, clock },
    });
  }

  /** Resolves when ICE and DTLS are through. */
  async connect(answer: string, withinMs = 15_000): Promise<void> {
    const transport = readTransport(answer);
    if (!transport?.ice) throw new Error(`the answer lacks ICE or a fingerprint: ${answer}`);
    if (!answer.includes(this.voice.codec.map.split("/")[0] ?? "")) {
      throw new Error(`the answer has no ${this.voice.codec.name}: ${answer}`);
    }
    const client = this.#client;
    this.#peer = transport.candidate;
    this.#met = transport.ice.ufrag;
    client.meet(transport);
    client.check(performance.now());
    const deadline = performance.now() + withinMs;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => client.timeout(performance.now()), TICK_MS);
    while (!client.connected) {
      if (client.failure) throw new Error(client.failure);
      if (client !== this.#client) return;
      if (performance.now() > deadline) throw new Error("ICE or DTLS never came through");
      await Bun.sleep(2);
    }
    if (client !== this.#client) return;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => client.check(performance.now()), CONSENT_MS);
  }

  /** Says the next 20 ms. */
  say(): void {
    const length = this.voice.next(this.#buffer, performance.now());
    const protectedLength = this.#client.protect(this.#buffer, length);
    if (protectedLength === 0) return;
    if (!this.impairment) this.#send(this.#buffer, protectedLength);
    else {
      const packet = this.#buffer.subarray(0, protectedLength);
      sendImpaired(this.impairment, packet, (late) => this.#send(late, late.length));
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Everything that was heard, opened: good once, in order. */
  *packets(): Generator<{ packet: Uint8Array; at: number }> {
    let newest = 0;
    for (let index = 0; index < this.log.count; index++) {
      while (index >= (this.#clients[newest + 1]?.from ?? Number.POSITIVE_INFINITY)) newest += 1;
      const packet = this.log.packet(index);
      const length = this.#clients[newest]?.client.unprotect(packet, packet.length) ?? -1;
      if (length > 0) yield { packet: packet.subarray(0, length), at: this.log.timeOf(index) };
    }
  }

  #begin(): void {
    const client = new WebRtcClient({
      random: systemRandom,
      certificate: this.#certificate,
      send: (datagram) => this.#send(datagram, datagram.length),
    });
    this.#clients.push({ client, from: this.log.count });
  }

  get #client(): WebRtcClient {
    const newest = this.#clients.at(-1);
    if (!newest) throw new Error("a softphone without a transport");
    return newest.client;
  }

  #receive(data: Uint8Array, address: string, port: number): void {
    const now = performance.now();
    const kind = this.#client.receive(data, { address, port }, now);
    if (kind === "rtp" && this.listening) this.log.add(data, now);
  }

  #send(bytes: Uint8Array, length: number): void {
    const { address, port } = this.#peer;
    try {
      if (port > 0) this.#socket?.send(bytes.subarray(0, length), port, address);
    } catch {
      // An ICMP refusal of an earlier packet is thrown here; what is lost is counted at the end.
    }
  }
}
