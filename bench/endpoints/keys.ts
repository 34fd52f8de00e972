/** Keys of a PBX's phone: pressed as telephone-events (RFC 4733) or as tones, and events read. */

import type { Digit } from "../../gateway/b2bua/info-digit.ts";
import { keyTone, sound } from "../../gateway/media/tones.ts";

/** The payload type the field agrees on. */
export const EVENT_TYPE = 101;
const EVENTS = "0123456789*#ABCD";
const END = 0x80;
const PACKET_MS = 20;
const TICKS_PER_MS = 8;
/** Between keys. */
const PAUSE_MS = 100;

/** What goes out in place of a packet of audio. */
interface EventPacket {
  timestamp: number;
  marker: boolean;
  payload: Uint8Array;
}

export class KeySender {
  readonly form: "events" | "info" | "tones";
  readonly #rate: number;
  readonly #waiting: Digit[] = [];
  #elapsedMs = 0;
  #start = 0;

  constructor(form: KeySender["form"], rate: number) {
    this.form = form;
    this.#rate = rate;
  }

  press(digit: string, durationMs: number): void {
    this.#waiting.push({ digit, durationMs });
  }

  /** For the next 20 ms: tones overwrite the audio, events take its place. */
  next(pcm: Int16Array, timestamp: number): EventPacket[] {
    const [press] = this.#waiting;
    if (!press) return [];
    const elapsed = this.#elapsedMs;
    this.#elapsedMs += PACKET_MS;
    if (elapsed >= press.durationMs + PAUSE_MS) {
      this.#waiting.shift();
      this.#elapsedMs = 0;
    }
    if (elapsed >= press.durationMs) return [];
    if (elapsed === 0) this.#start = timestamp;
    if (this.form === "events") return this.#events(press, elapsed);
    const tone = keyTone(press.digit);
    if (tone) sound(tone, pcm, (elapsed * this.#rate) / 1_000, this.#rate);
    return [];
  }

  #events({ digit, durationMs }: Digit, elapsed: number): EventPacket[] {
    const isLast = elapsed + PACKET_MS >= durationMs;
    const ticks = Math.min(elapsed + PACKET_MS, durationMs) * TICKS_PER_MS;
    const flags = (isLast ? END : 0) | 10;
    const payload = Uint8Array.of(EVENTS.indexOf(digit), flags, ticks >> 8, ticks & 0xff);
    const packet = { timestamp: this.#start, marker: elapsed === 0, payload };
    return isLast ? [packet, packet, packet] : [packet];
  }
}

/** Tells each event once, at its end. */
export class EventReader {
  readonly #ended = new Set<number>();

  /** An RTP packet of `EVENT_TYPE`, without extensions. */
  read(packet: Uint8Array): Digit[] {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const timestamp = view.getUint32(4);
    const isEnd = ((packet[13] ?? 0) & END) !== 0;
    if (!isEnd || this.#ended.has(timestamp)) return [];
    this.#ended.add(timestamp);
    const durationMs = view.getUint16(14) / TICKS_PER_MS;
    return [{ digit: EVENTS[packet[12] ?? -1] ?? "?", durationMs }];
  }
}
