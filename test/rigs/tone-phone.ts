/**
 * The audio of a phone at the PBX: it hums a tone in PCMA over RTP, keeps what it hears, sends and
 * reads keys as telephone events (RFC 4733), and counts packets that never came.
 */

import { tone } from "../../bench/audio/signal.ts";
import type { Audio } from "../../bench/audio/wav.ts";
import { LoopPlayer } from "../../bench/endpoints/audio.ts";
import type { Codecs, Decoder, Encoder } from "../../media-wasm/codec.ts";
import type { Ear } from "./listening.ts";

const RATE = 8_000;
const PCMA = 8;
const EVENTS = 101;
const SAMPLES_PER_PACKET = 160;
const PACKET_MS = 20;
const HEADER_BYTES = 12;
const KEYS = "0123456789*#ABCD";
/** A key is held this many packets; its end is said three times (RFC 4733 §2.5.1.4). */
const KEY_PACKETS = 5;
const KEY_ENDS = 3;

export type MediaDirection = "sendrecv" | "sendonly" | "recvonly" | "inactive";

export class TonePhone implements Ear {
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #player: LoopPlayer;
  readonly #ssrc = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  #socket: Bun.udp.Socket<"buffer"> | undefined;
  #remote: { address: string; port: number } | undefined;
  #sequence = 1_000;
  #timestamp = 0;
  #pieces: Int16Array[] | undefined;
  #expected: number | undefined;
  #eventAt: number | undefined;
  #arrivedAt = 0;
  #version = 0;
  /** Whether it may talk: false while it is held. */
  talks = true;
  packetsReceived = 0;
  packetsLost = 0;
  /** The longest time between two packets since `watchGaps`. */
  longestGapMs = 0;
  /** Keys that came as telephone events. */
  readonly keys: string[] = [];

  private constructor(codecs: Codecs, frequencyHz: number) {
    this.#encoder = codecs.encoder("PCMA", RATE);
    this.#decoder = codecs.decoder("PCMA", RATE);
    const signal = { sampleRate: RATE, durationMs: 1_000, levelDbov: -16 };
    const { pcm } = tone(frequencyHz, signal);
    this.#player = new LoopPlayer(pcm, SAMPLES_PER_PACKET, RATE, (piece) => this.#hum(piece));
  }

  static async open(codecs: Codecs, frequencyHz: number): Promise<TonePhone> {
    const phone = new TonePhone(codecs, frequencyHz);
    phone.#socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: { data: (_socket, data) => phone.#receive(data), error: () => {} },
    });
    return phone;
  }

  /** Its description; the version in `o=` grows with each (RFC 3264 §8). */
  sdp(direction: MediaDirection): string {
    const port = this.#socket?.port ?? 0;
    this.#version += 1;
    return [
      "v=0",
      `o=pbx ${port} ${this.#version} IN IP4 127.0.0.1`,
      "s=call",
      "c=IN IP4 127.0.0.1",
      "t=0 0",
      `m=audio ${port} RTP/AVP ${PCMA} ${EVENTS}`,
      `a=rtpmap:${PCMA} PCMA/8000`,
      `a=rtpmap:${EVENTS} telephone-event/8000`,
      `a=fmtp:${EVENTS} 0-15`,
      "a=ptime:20",
      `a=${direction}`,
      "",
    ].join("\r\n");
  }

  /** Hums to the address the peer's description names. */
  talkTo(sdp: string): void {
    const address = /^c=IN IP[46] (\S+)/m.exec(sdp)?.[1];
    const port = /^m=audio (\d+) /m.exec(sdp)?.[1];
    if (!address || !port) throw new Error(`nowhere to talk to: ${sdp}`);
    this.#remote = { address, port: Number(port) };
    this.#player.start();
  }

  /** What it hears during the next `forMs`. */
  async listen(forMs: number): Promise<Audio> {
    const pieces: Int16Array[] = [];
    this.#pieces = pieces;
    await Bun.sleep(forMs);
    this.#pieces = undefined;
    const pcm = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      pcm.set(piece, at);
      at += piece.length;
    }
    return { pcm, sampleRate: RATE };
  }

  /** From now on: no packet lost, no gap. */
  watchGaps(): void {
    this.longestGapMs = 0;
    this.packetsLost = 0;
    this.#arrivedAt = performance.now();
  }

  async press(key: string): Promise<void> {
    const event = KEYS.indexOf(key);
    const timestamp = this.#timestamp;
    for (let index = 1; index <= KEY_PACKETS + KEY_ENDS; index++) {
      const isEnd = index > KEY_PACKETS;
      const duration = Math.min(index, KEY_PACKETS) * SAMPLES_PER_PACKET;
      const payload = Uint8Array.of(event, isEnd ? 0x8a : 0x0a, duration >> 8, duration & 0xff);
      this.#send(EVENTS, payload, timestamp, index === 1);
      await Bun.sleep(PACKET_MS);
    }
  }

  close(): void {
    this.#player.stop();
    if (!this.#socket) return;
    this.#socket.close();
    this.#socket = undefined;
    this.#encoder.close();
    this.#decoder.close();
  }

  #hum(piece: Int16Array): void {
    this.#timestamp += SAMPLES_PER_PACKET;
    if (this.talks && this.#socket) {
      this.#send(PCMA, this.#encoder.encode(piece), this.#timestamp, false);
    }
  }

  #send(payloadType: number, payload: Uint8Array, timestamp: number, isMarked: boolean): void {
    if (!this.#socket || !this.#remote) return;
    const packet = new Uint8Array(HEADER_BYTES + payload.length);
    const view = new DataView(packet.buffer);
    packet[0] = 0x80;
    packet[1] = payloadType | (isMarked ? 0x80 : 0);
    view.setUint16(2, this.#sequence & 0xffff);
    view.setUint32(4, timestamp >>> 0);
    view.setUint32(8, this.#ssrc);
    packet.set(payload, HEADER_BYTES);
    this.#sequence += 1;
    try {
      this.#socket.send(packet, this.#remote.port, this.#remote.address);
    } catch {
      // An ICMP refusal of an earlier packet is thrown here: a phone talks on all the same.
    }
  }

  #receive(data: Uint8Array): void {
    if (data.length <= HEADER_BYTES) return;
    const view = new DataView(data.buffer, data.byteOffset);
    const sequence = view.getUint16(2);
    if (this.#expected !== undefined) this.packetsLost += (sequence - this.#expected) & 0xff;
    this.#expected = (sequence + 1) & 0xffff;
    this.packetsReceived += 1;
    const now = performance.now();
    if (this.#arrivedAt > 0) {
      this.longestGapMs = Math.max(this.longestGapMs, now - this.#arrivedAt);
    }
    this.#arrivedAt = now;
    const payloadType = (data[1] ?? 0) & 0x7f;
    if (payloadType === PCMA) {
      this.#pieces?.push(this.#decoder.decode(data.subarray(HEADER_BYTES)).slice());
    } else if (payloadType === EVENTS) this.#event(view.getUint32(4), data[HEADER_BYTES] ?? 0);
  }

  /** One key is every packet of one timestamp (RFC 4733 §2.3.3). */
  #event(timestamp: number, event: number): void {
    if (timestamp === this.#eventAt) return;
    this.#eventAt = timestamp;
    this.keys.push(KEYS[event] ?? "?");
  }
}
