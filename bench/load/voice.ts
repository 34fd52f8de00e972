/** One direction of a load call: what is said, packet by packet, and when each packet left. */
import { writeHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import type { LoadCodec } from "./codecs.ts";
import type { Keypad } from "./keypad.ts";
import { Samples } from "./samples.ts";
import type { Fingerprint, SpeechLoop } from "./speech-loop.ts";

export class Voice {
  readonly codec: LoadCodec;
  readonly fingerprint: Fingerprint;
  readonly ssrc: number;
  /** As both sides agreed on it. */
  payloadType: number;
  /** When each packet left, ms. */
  readonly sentAt = new Samples();
  readonly #loop: SpeechLoop;
  readonly #firstFrame: number;

  constructor(codec: LoadCodec, loop: SpeechLoop, fingerprint: Fingerprint, ssrc: number) {
    this.codec = codec;
    this.fingerprint = fingerprint;
    this.ssrc = ssrc;
    this.payloadType = codec.payloadType;
    this.#loop = loop;
    this.#firstFrame = Math.floor(fingerprint.start * loop.frames.length);
  }

  /** Pressed meanwhile. */
  keypad: Keypad | undefined;

  /** Writes the next RTP packet into `buffer`; returns its length. */
  next(buffer: Uint8Array, now: number): number {
    const index = this.sentAt.length;
    const key = this.keypad?.next();
    if (key?.event) {
      const offset = writeHeader(buffer, {
        payloadType: this.keypad?.eventType ?? 0,
        marker: key.event.isFirst,
        sequence: index & 0xffff,
        timestamp: ((index - key.event.behind) * this.codec.ticks) >>> 0,
        ssrc: this.ssrc,
      });
      buffer.set(key.event.payload, offset);
      this.sentAt.add(now);
      return offset + key.event.payload.length;
    }
    const { frames } = this.#loop;
    const payload = key?.audio ?? frames[(this.#firstFrame + index) % frames.length];
    if (!payload) throw new Error("a voice without frames");
    const offset = writeHeader(buffer, {
      payloadType: this.payloadType,
      marker: index === 0,
      sequence: index & 0xffff,
      timestamp: (index * this.codec.ticks) >>> 0,
      ssrc: this.ssrc,
    });
    buffer.set(payload, offset);
    this.sentAt.add(now);
    return offset + payload.length;
  }

  /** `length` samples of what a decoder right behind this voice would give, from sample `start`. */
  spoken(start: number, length: number): Float64Array {
    const { decoded } = this.#loop;
    const first = this.#firstFrame * this.#frameSamples + start;
    return Float64Array.from({ length }, (_, index) => {
      const at = (first + index) % decoded.length;
      return decoded[at < 0 ? at + decoded.length : at] ?? 0;
    });
  }

  /** When sample `position` was there to be said, ms, by the packet that carried it. */
  timeOf(position: number): number {
    const packet = Math.floor(position / this.#frameSamples);
    const inside = position - packet * this.#frameSamples;
    return this.sentAt.at(packet) + (inside * 1_000) / this.codec.rate;
  }

  get #frameSamples(): number {
    return this.codec.rate / 50;
  }
}
