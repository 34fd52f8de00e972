/**
 * The audio of one test call: Opus over ICE, DTLS and SRTP, on a UDP socket of its own. It says the
 * test signal in a circle and keeps what it hears.
 */
import type { Codecs, Decoder, Encoder } from "../../media-wasm/codec.ts";
import { systemRandom } from "../io/random.ts";
import { createCertificate } from "../media/dtls/certificate.ts";
import { RTP_HEADER_BYTES, RtpHeader, readHeader, writeHeader } from "../media/rtp/rtp-packet.ts";
import { randomUint32 } from "../random.ts";
import { describeAudio } from "./description.ts";
import { SIGNAL_RATE, testSignal } from "./test-signal.ts";
import { readTransport, WebRtcClient } from "./webrtc-client.ts";

const PAYLOAD_TYPE = 111;
const FRAME_MS = 20;
const FRAME_SAMPLES = (SIGNAL_RATE * FRAME_MS) / 1_000;
/** RTP ticks of Opus in a frame (RFC 7587 §4.1). */
const FRAME_TICKS = 960;
const PACKET_BYTES_MAX = 1_500;
const CHECK_MS = 50;
/** More missing than that is a new beginning, not a loss. */
const GAP_MAX = 50;

/** What was heard, and how it came. */
export interface Heard {
  /** 16 kHz. */
  readonly pcm: Int16Array;
  /** From the first packet said to the first heard, ms. */
  readonly offsetMs: number;
  readonly packets: number;
  readonly lost: number;
}

export class PhoneAudio {
  readonly #client: WebRtcClient;
  readonly #address: string;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #signal = testSignal();
  readonly #ssrc = randomUint32(systemRandom);
  readonly #buffer = new Uint8Array(PACKET_BYTES_MAX);
  readonly #header = new RtpHeader();
  readonly #heard: Int16Array[] = [];
  #socket: Bun.udp.Socket<"buffer"> | undefined;
  #peer = { address: "", port: 0 };
  #checking: ReturnType<typeof setInterval> | undefined;
  #saying: ReturnType<typeof setInterval> | undefined;
  #said = 0;
  #beganAt = 0;
  #heardAt: number | undefined;
  #sequence: number | undefined;
  #packets = 0;
  #lost = 0;

  private constructor(address: string, codecs: Codecs) {
    this.#address = address;
    this.#encoder = codecs.encoder("opus", SIGNAL_RATE, { mode: "resilient", bitrate: 32_000 });
    this.#decoder = codecs.decoder("opus", SIGNAL_RATE);
    this.#client = new WebRtcClient({
      random: systemRandom,
      certificate: createCertificate(systemRandom),
      send: (datagram) => this.#send(datagram),
    });
  }

  /** Listens on any port of that address of ours. */
  static async open(address: string, codecs: Codecs): Promise<PhoneAudio> {
    const audio = new PhoneAudio(address, codecs);
    audio.#socket = await Bun.udpSocket({
      hostname: address,
      socket: {
        data: (_socket, data, port, from) => audio.#receive(data, from, port),
        error: () => {},
      },
    });
    return audio;
  }

  get offer(): string {
    return describeAudio({
      address: this.#address,
      port: this.#socket?.port ?? 0,
      ssrc: this.#ssrc,
      version: 1,
      setup: "actpass",
      ice: this.#client.ice,
      fingerprint: this.#client.fingerprint,
      payloadType: PAYLOAD_TYPE,
      map: "opus/48000/2",
    });
  }

  /** Resolves when ICE and DTLS are through; rejects with why they aren't in time. */
  async connect(answer: string, withinMs: number): Promise<void> {
    const transport = readTransport(answer);
    if (!transport?.ice) throw new Error("the answer has no ICE and no fingerprint");
    // We are on the gateway's own machine: the address it tells others may not lead back to it.
    this.#peer = { address: this.#address, port: transport.candidate.port };
    this.#client.meet(transport);
    const deadline = performance.now() + withinMs;
    this.#checking = setInterval(() => this.#client.timeout(performance.now()), CHECK_MS);
    this.#client.check(performance.now());
    while (!this.#client.connected) {
      if (this.#client.failure) throw new Error(this.#client.failure);
      if (performance.now() > deadline) throw new Error("ICE or DTLS did not come through");
      await Bun.sleep(5);
    }
  }

  /** Says the signal from now on, in real time; frames that are late are said at once. */
  say(): void {
    this.#beganAt = performance.now();
    this.#saying = setInterval(() => {
      const due = Math.floor((performance.now() - this.#beganAt) / FRAME_MS);
      while (this.#said <= due) this.#sayFrame();
    }, FRAME_MS / 2);
  }

  get heard(): Heard {
    const pcm = new Int16Array(this.#heard.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const frame of this.#heard) {
      pcm.set(frame, at);
      at += frame.length;
    }
    const offsetMs = (this.#heardAt ?? 0) - this.#beganAt;
    return { pcm, offsetMs, packets: this.#packets, lost: this.#lost };
  }

  close(): void {
    clearInterval(this.#checking);
    clearInterval(this.#saying);
    this.#socket?.close();
    this.#socket = undefined;
    this.#encoder.close();
    this.#decoder.close();
  }

  #sayFrame(): void {
    const frame = Int16Array.from({ length: FRAME_SAMPLES }, (_, index) => {
      const at = (this.#said * FRAME_SAMPLES + index) % this.#signal.length;
      return this.#signal[at] ?? 0;
    });
    const payload = this.#encoder.encode(frame);
    const offset = writeHeader(this.#buffer, {
      payloadType: PAYLOAD_TYPE,
      marker: this.#said === 0,
      sequence: this.#said & 0xffff,
      timestamp: (this.#said * FRAME_TICKS) >>> 0,
      ssrc: this.#ssrc,
    });
    this.#buffer.set(payload, offset);
    this.#said += 1;
    const length = this.#client.protect(this.#buffer, offset + payload.length);
    if (length > RTP_HEADER_BYTES) this.#send(this.#buffer.subarray(0, length));
  }

  #receive(datagram: Uint8Array, address: string, port: number): void {
    const now = performance.now();
    if (this.#client.receive(datagram, { address, port }, now) !== "rtp") return;
    const packet = new Uint8Array(datagram);
    const length = this.#client.unprotect(packet, packet.length);
    if (length < 0 || !readHeader(packet, length, this.#header)) return;
    const { payloadType, payloadOffset, payloadLength, sequence } = this.#header;
    if (payloadType !== PAYLOAD_TYPE || this.#saying === undefined) return;
    this.#heardAt ??= now;
    const missing = this.#sequence === undefined ? 0 : (sequence - this.#sequence - 1) & 0xffff;
    // Late ones were made up for already.
    if (missing > 0x7fff) return;
    this.#packets += 1;
    this.#sequence = sequence;
    for (let index = 0; index < missing && missing <= GAP_MAX; index++) {
      this.#lost += 1;
      this.#keep(this.#decoder.conceal(FRAME_SAMPLES));
    }
    const payload = packet.subarray(payloadOffset, payloadOffset + payloadLength);
    this.#keep(this.#decoder.decode(payload));
  }

  #keep(pcm: Int16Array): void {
    this.#heard.push(pcm.slice());
  }

  #send(bytes: Uint8Array): void {
    const { address, port } = this.#peer;
    try {
      if (port > 0) this.#socket?.send(bytes, port, address);
    } catch {
      // An ICMP refusal of an earlier datagram; the outcome is told by what is heard.
    }
  }
}
