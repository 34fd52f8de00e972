/**
 * Keys of a load call: pressed one after the other as telephone-events (RFC 4733), by INFO or as tones
 * in the audio, and what came of them at the other end. Above: voice.ts, dtmf.ts.
 */
import { RtpHeader, readHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import { keyTone, sound } from "../../gateway/media/tones.ts";
import type { Codecs } from "../../media-wasm/codec.ts";
import { chanceFrom } from "../audio/signal.ts";
import type { LoadCodec } from "./codecs.ts";

export type KeyForm = "events" | "info" | "tones";

const EVENTS = "0123456789*#ABCD";
const END = 0x80;
const VOLUME = 10;
const FRAME_MS = 20;
/** The end of an event is said three times (RFC 4733 §2.5.1.4). */
const END_PACKETS = 3;

export interface KeypadOptions {
  readonly form: KeyForm;
  readonly codec: LoadCodec;
  readonly codecs: Codecs;
  readonly keys: string;
  readonly holdMs: number;
  readonly pauseMs: number;
  /** By INFO. */
  readonly inform: (key: string) => void;
}

/** What leaves instead of the next 20 ms of voice. */
interface KeyPacket {
  readonly audio?: Uint8Array;
  readonly event?: {
    readonly payload: Uint8Array;
    readonly isFirst: boolean;
    /** Packets since the event began. */
    readonly behind: number;
  };
}

export class Keypad {
  /** As both ends agreed on it; without one no event is sent. */
  eventType: number | undefined;
  /** Pressed so far. */
  pressed = "";
  readonly #options: KeypadOptions;
  readonly #holdPackets: number;
  readonly #everyPackets: number;
  readonly #tones = new Map<string, Uint8Array[]>();
  #packet = -1;

  constructor(options: KeypadOptions) {
    this.#options = options;
    this.#holdPackets = Math.round(options.holdMs / FRAME_MS);
    this.#everyPackets = this.#holdPackets + Math.round(options.pauseMs / FRAME_MS);
    if (options.form === "tones") for (const key of new Set(options.keys)) this.#tone(key);
  }

  /** From now on keys are pressed. */
  begin(): void {
    this.#packet = 0;
  }

  /** For the next 20 ms; undefined where the voice goes on. */
  next(): KeyPacket | undefined {
    if (this.#packet < 0) return undefined;
    const at = this.#packet % this.#everyPackets;
    const key = this.#options.keys[Math.floor(this.#packet / this.#everyPackets)];
    if (key === undefined) return undefined;
    this.#packet += 1;
    if (at === 0) this.#press(key);
    const { form } = this.#options;
    if (form === "tones") {
      const audio = this.#tones.get(key)?.[at];
      return audio ? { audio } : undefined;
    }
    if (form === "info" || at >= this.#holdPackets + END_PACKETS - 1) return undefined;
    return this.eventType === undefined ? undefined : this.#event(key, at);
  }

  #press(key: string): void {
    this.pressed += key;
    if (this.#options.form === "info") this.#options.inform(key);
  }

  #event(key: string, at: number): KeyPacket {
    const packets = Math.min(at + 1, this.#holdPackets);
    const ticks = packets * this.#options.codec.ticks;
    const flags = (at + 1 >= this.#holdPackets ? END : 0) | VOLUME;
    const payload = Uint8Array.of(EVENTS.indexOf(key), flags, ticks >> 8, ticks & 0xff);
    return { event: { payload, isFirst: at === 0, behind: at } };
  }

  /** Coded once: a coder of its own, so that a click before it may be heard and nothing else. */
  #tone(key: string): void {
    const { codec, codecs } = this.#options;
    const size = codec.rate / 50;
    const encoder = codecs.encoder(codec.name, codec.rate, codec.opus);
    const found = keyTone(key);
    const frames = Array.from({ length: this.#holdPackets }, (_, index) => {
      const pcm = new Int16Array(size);
      if (found) sound(found, pcm, index * size, codec.rate);
      return encoder.encode(pcm).slice();
    });
    encoder.close();
    this.#tones.set(key, frames);
  }
}

/** So many keys of a pad, the same for the same seed; no two neighbours are alike. */
export function keysOf(count: number, seed: number): string {
  const chance = chanceFrom(seed);
  const pad = "0123456789*#";
  let keys = "";
  while (keys.length < count) {
    const key = pad[Math.floor(chance() * pad.length)] ?? "0";
    if (!keys.endsWith(key)) keys += key;
  }
  return keys;
}

/** Telephone-events among packets: each key once, in the order of their ends. */
export function eventsIn(packets: Iterable<{ packet: Uint8Array }>, type: number): string {
  const header = new RtpHeader();
  const ended = new Set<number>();
  let keys = "";
  for (const { packet } of packets) {
    if (!readHeader(packet, packet.length, header) || header.payloadType !== type) continue;
    const event = packet[header.payloadOffset] ?? 0;
    const isEnd = ((packet[header.payloadOffset + 1] ?? 0) & END) !== 0;
    if (!isEnd || ended.has(header.timestamp)) continue;
    ended.add(header.timestamp);
    keys += EVENTS[event] ?? "?";
  }
  return keys;
}

/** How many of the keys pressed were heard, in their order: the longest sequence both have. */
export function hitsOf(pressed: string, heard: string): number {
  let row = new Array<number>(heard.length + 1).fill(0);
  for (const key of pressed) {
    const next = [0];
    for (let at = 0; at < heard.length; at++) {
      const longer = heard[at] === key ? (row[at] ?? 0) + 1 : 0;
      next.push(Math.max(longer, next[at] ?? 0, row[at + 1] ?? 0));
    }
    row = next;
  }
  return row[heard.length] ?? 0;
}
