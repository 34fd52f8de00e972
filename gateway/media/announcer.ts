/**
 * What a leg's peer hears that comes from us and not from the other leg: call progress tones, sound
 * files and digits. Digits go as telephone-events (RFC 4733) where the peer takes them, else as the two tones
 * of the key. While it speaks it has the floor: what the other leg brings is not sent.
 *
 * Above: the session. Below: the leg's sender, whose clock runs on whoever speaks.
 */
import type { Codecs, Encoder, PcmRate } from "../../media-wasm/codec.ts";
import { ANNOUNCED_DIGITS_MAX, DIGIT_MS_MAX, DIGIT_MS_MIN } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { EVENTS, EventWriter, eventFormat } from "./event-writer.ts";
import type { Codec, DtmfFormat } from "./protocol.ts";
import type { AudioFormat } from "./rtp-stream.ts";
import type { Sender } from "./sender.ts";
import type { Source } from "./sound-file.ts";
import { keyTone, toneSource } from "./tones.ts";

/** Every codec has packets of 20 ms. */
const PACKET_MS = 20;
/** Between digits, so that two of the same are two (DTM-04). */
const PAUSE_MS = 100;
/**
 * Silence before a key from a new encoder: the peer's decoder still has the other one's state, and
 * with G.722 every fifth key would be too distorted to be told.
 */
const LEAD_MS = 60;
/** -10 dBm0, as the phones of the field say (RFC 4733 §2.3.4). */
const VOLUME = 10;

interface Job {
  readonly digit: string;
  readonly durationMs: number;
}

/** The digit that is being said: as an event, or as tones and the pause after them. */
interface Speech {
  readonly job: Job;
  readonly event: DtmfFormat | undefined;
  readonly startedAt: Millis;
}

export class Announcer {
  readonly #codecs: Codecs;
  readonly #sender: Sender;
  readonly #format: () => AudioFormat | undefined;
  #encoder: Encoder | undefined;
  #encoderFor = "";
  #source: Source | undefined;
  #yields = false;
  /** Told at the end of what is played once; undefined while that goes on until told otherwise. */
  #played: (() => void) | undefined;
  readonly #digits: Job[] = [];
  readonly #writer: EventWriter;
  #digit: Speech | undefined;
  #nextAt: Millis | undefined;
  #samples = 0;
  #pcm = new Int16Array();

  readonly #slotMs: number;

  /** Tones are sent in millisecond `slotMs` of each 20, so that not all legs' leave at once. */
  constructor(codecs: Codecs, sender: Sender, format: () => AudioFormat | undefined, slotMs = 0) {
    this.#slotMs = slotMs;
    this.#codecs = codecs;
    this.#sender = sender;
    this.#format = format;
    this.#writer = new EventWriter(sender);
  }

  deadline(): Millis | undefined {
    return this.#nextAt;
  }

  /**
   * Plays until told otherwise, or with `played` once; with `untilAudio` until the other leg has
   * something to hear.
   */
  play(source: Source | undefined, untilAudio: boolean, now: Millis, played?: () => void): void {
    this.#source = source;
    this.#yields = untilAudio;
    this.#played = source && played;
    this.#samples = 0;
    if (source) this.#takeFloor(now, nextInSlot(now, this.#slotMs));
    else if (!this.#digit) this.#leaveFloor();
  }

  /** One digit, after those that wait. More than a bounded number are not kept. */
  press(digit: string, durationMs: number, now: Millis): void {
    const isKnown = digit.length === 1 && EVENTS.includes(digit);
    if (this.#digits.length >= ANNOUNCED_DIGITS_MAX || !isKnown) return;
    const bounded = Math.min(Math.max(durationMs, DIGIT_MS_MIN), DIGIT_MS_MAX);
    this.#digits.push({ digit, durationMs: bounded });
    this.#sender.hasDigits = true;
    if (!this.#digit) this.#nextAt ??= now;
  }

  timeout(now: Millis): void {
    if (this.#nextAt === undefined || now < this.#nextAt) return;
    // The other leg took the floor back: its audio has come (X6).
    const isOutspoken = this.#yields && !this.#sender.isTaken && !this.#digit;
    if (this.#source && isOutspoken) this.#source = undefined;
    if (!this.#digit) this.#nextDigit(now);
    if (this.#digit) this.#speakDigit(now);
    else if (this.#source) this.#speak(this.#source, now);
    else if (this.#digits.length > 0) this.#nextAt = now + PACKET_MS;
    else this.#leaveFloor();
  }

  close(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
    this.#nextAt = undefined;
  }

  #nextDigit(now: Millis): void {
    const format = this.#format();
    // An event of the other leg's that is under way has its end first.
    if (!format || this.#sender.inEvent) return;
    const job = this.#digits.shift();
    if (!job) return;
    const event = eventFormat(format);
    // A hook flash has no tone: to who is sent tones nothing can be said.
    if (!event && keyTone(job.digit) === undefined) {
      this.#sender.hasDigits = this.#digits.length > 0;
      return;
    }
    this.#takeFloor(now);
    // Nobody may speak into a digit, however loud.
    this.#sender.yieldsToAudio = false;
    this.#digit = { job, event, startedAt: now };
    if (!event) {
      this.#samples = this.#encoder ? 0 : -(LEAD_MS * rateFor(format.codec)) / 1_000;
      return;
    }
    const timestamp = this.#sender.timestampAt(format.codec.clockRate, now);
    this.#writer.begin(event, EVENTS.indexOf(job.digit), VOLUME, timestamp);
  }

  #speakDigit(now: Millis): void {
    const current = this.#digit;
    if (!current) return;
    const isOver = current.event
      ? this.#speakEvent(current, current.event, now)
      : this.#speakKey(current.job, now);
    if (!isOver) return;
    this.#digit = undefined;
    this.#sender.hasDigits = this.#digits.length > 0;
    this.#samples = 0;
    if (this.#source) this.#sender.yieldsToAudio = this.#yields;
    else if (this.#digits.length === 0) this.#leaveFloor();
    // A browser plays no event after half a second without audio: what there is goes on in between.
    else if (current.event) this.#sender.isTaken = false;
  }

  /** One packet of an event; true after its last. */
  #speakEvent({ job, startedAt }: Speech, { clockRate }: DtmfFormat, now: Millis): boolean {
    const elapsed = Math.min(now - startedAt, job.durationMs);
    const ticks = Math.round((elapsed * clockRate) / 1_000);
    const isOver = elapsed >= job.durationMs;
    if (isOver) this.#writer.end(ticks, now);
    else this.#writer.update(ticks, now);
    this.#nextAt = now + (isOver ? PAUSE_MS : PACKET_MS);
    return isOver;
  }

  /** One packet of a key's tones or of the silence after it; true after its last. */
  #speakKey({ digit, durationMs }: Job, now: Millis): boolean {
    const tone = keyTone(digit);
    const format = this.#format();
    if (!tone || !format) return true;
    this.#sendSound(toneSource(tone), format, durationMs, now);
    this.#nextAt = this.#nextPacketAt(now);
    return this.#samples >= ((durationMs + PAUSE_MS) * this.#pcm.length) / PACKET_MS;
  }

  #speak(source: Source, now: Millis): void {
    const format = this.#format();
    this.#nextAt = this.#nextPacketAt(now);
    // What is said once is not said to a peer that can't hear it yet.
    if (!format || (this.#played && !this.#sender.enabled)) return;
    this.#sendSound(source, format, Infinity, now);
    if (!this.#played || !this.#hasEnded(source)) return;
    const played = this.#played;
    this.#source = undefined;
    this.#played = undefined;
    this.#leaveFloor();
    played();
  }

  /** By what was sent. */
  #hasEnded({ durationMs }: Source): boolean {
    if (durationMs === undefined || this.#pcm.length === 0) return false;
    return this.#samples >= (durationMs * this.#pcm.length) / PACKET_MS;
  }

  /** From the time it was due, not from when it was served: a tone has its own even pace. */
  #nextPacketAt(now: Millis): Millis {
    return Math.max((this.#nextAt ?? now) + PACKET_MS, now + 1);
  }

  /** The next packet of a sound, silent from `untilMs` on. */
  #sendSound(source: Source, { codec }: AudioFormat, untilMs: number, now: Millis): void {
    const rate = rateFor(codec);
    if (this.#encoderFor !== codec.name) {
      this.#encoder?.close();
      this.#encoder = this.#codecs.encoder(codec.name, rate);
      this.#encoderFor = codec.name;
      this.#pcm = new Int16Array((rate * PACKET_MS) / 1_000);
    }
    const pcm = this.#pcm;
    if (this.#samples < 0) pcm.fill(0);
    else {
      source.sound(pcm, this.#samples, rate);
      const left = (untilMs * rate) / 1_000 - this.#samples;
      if (left < pcm.length) pcm.fill(0, Math.max(0, left));
    }
    this.#samples += pcm.length;
    const payload = this.#encoder?.encode(pcm);
    const ticks = (codec.clockRate * PACKET_MS) / 1_000;
    if (payload) this.#sender.sendAudio(payload, codec.payloadType, ticks, codec.clockRate, now);
  }

  #takeFloor(now: Millis, from: Millis = now): void {
    const format = this.#format();
    if (!this.#sender.isTaken && format) this.#sender.takeOver(format.codec.clockRate, now);
    this.#sender.isTaken = true;
    this.#sender.yieldsToAudio = this.#yields;
    this.#nextAt ??= from;
  }

  #leaveFloor(): void {
    this.#sender.hasDigits = false;
    this.#sender.isTaken = false;
    this.#nextAt = undefined;
    this.close();
    this.#encoderFor = "";
  }
}

function rateFor({ name }: Codec): PcmRate {
  return name === "PCMA" || name === "PCMU" ? 8_000 : 16_000;
}
/** The first time from `now` on that is `slotMs` past a whole number of packets. */
function nextInSlot(now: Millis, slotMs: number): Millis {
  return now + ((((slotMs - now) % PACKET_MS) + PACKET_MS) % PACKET_MS);
}
