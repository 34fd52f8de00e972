/**
 * Keys through a media plane: a peer that sends them as telephone-events or in its audio, the part
 * of main that passes on what the worker tells, and what reaches the other side, in its form.
 */

import { type KeyHeard, keysIn } from "../../bench/audio/keys.ts";
import type { Codec, DtmfFormat, LegId, SessionId } from "../../gateway/media/protocol.ts";
import { joined, keySound, silence } from "../unit/media/key-sound.ts";
import type { ReceivedPacket } from "./browser-peer.ts";
import { type CallOptions, call, codecs, encodeAll, type Made, rateOf } from "./media-call.ts";

export interface Press {
  key: string;
  durationMs: number;
}

/** How one side's keys go, out of it and into it. */
export type Form = "events" | "tones" | "info";

export interface Side {
  codec: Codec;
  form: Form;
  /** For `events`. */
  events?: DtmfFormat;
  /** Its events sound in its audio as well. */
  alsoSounds?: boolean;
}

export type Name = "phone" | "pbx";

interface Packet {
  atMs: number;
  payloadType: number;
  timestamp: number;
  marker: boolean;
  payload: Uint8Array;
}

export const PAUSE_MS = 100;
/** What is heard before the first key and after the last. */
const MARGIN_MS = 300;
const PACKET_MS = 20;
const EVENTS = "0123456789*#ABCD";

export class DigitCall {
  readonly made: Made;
  readonly #sides: Record<Name, Side>;
  /** What went on as INFO, to each side. */
  readonly #infos: Record<Name, KeyHeard[]> = { phone: [], pbx: [] };
  #noticed = 0;
  /** Of the stream that the peer sends. */
  #sequence = 500;
  #startedMs = 0;

  constructor(sides: Record<Name, Side>, options: CallOptions = {}) {
    const { phone, pbx } = sides;
    this.made = call({ ...options, browserCodec: phone.codec, trunk: pbx.codec });
    this.#sides = sides;
    const { world } = this.made;
    world.connect("call", "phone", {
      ...this.made.browser.remote({ codec: phone.codec, ...dtmfOf(phone) }),
      ...waysOf(phone),
    });
    world.connect("call", "pbx", {
      ...this.made.pbx.remote({ codec: pbx.codec, ...dtmfOf(pbx) }),
      ...waysOf(pbx),
    });
  }

  /** One side presses keys, one after the other, in its form; time passes until all is over. */
  press(from: Name, keys: readonly Press[], pauseMs = PAUSE_MS): void {
    const side = this.#sides[from];
    if (side.form === "info") this.#inform(from, keys, pauseMs);
    else this.#send(from, packetsOf(side, keys, pauseMs));
    const sounding = keys.reduce((sum, { durationMs }) => sum + durationMs + pauseMs, 0);
    // What is told is said again, and each time as long as it was.
    this.run(2 * sounding + keys.length * PAUSE_MS + 4 * MARGIN_MS);
  }

  /** One side's audio is this from now on. */
  play(from: Name, pcm: Int16Array): void {
    this.#send(from, audioPackets(this.#sides[from].codec, pcm));
  }

  /** Lets time pass; what the worker tells goes on to the other side as main sends it. */
  run(durationMs: number): void {
    const { world } = this.made;
    for (let passed = 0; passed < durationMs; passed += 5) {
      world.run(5);
      for (; this.#noticed < world.notices.length; this.#noticed++) {
        const notice = world.notices[this.#noticed];
        if (notice?.type !== "dtmf") continue;
        const to = notice.leg === "phone" ? "pbx" : "phone";
        this.#tell(to, { key: notice.digit, durationMs: notice.durationMs });
      }
    }
  }

  /** What reached a side, in its own form. */
  heardBy(name: Name): KeyHeard[] {
    const side = this.#sides[name];
    if (side.form === "info") return this.#infos[name];
    if (side.form === "tones") return keysIn(this.audioOf(name));
    return eventsIn(this.#receivedBy(name), side.events);
  }

  /** What a side heard, each packet where its timestamp puts it. */
  audioOf(name: Name): { pcm: Int16Array; sampleRate: number } {
    const { codec } = this.#sides[name];
    const sampleRate = rateOf(codec);
    const packets = this.#receivedBy(name).filter(
      ({ header }) => header.payloadType === codec.payloadType,
    );
    const decoder = codecs.decoder(codec.name, sampleRate);
    const first = packets[0]?.header.timestamp ?? 0;
    const parts = packets.map(({ header, payload }) => ({
      at: (((header.timestamp - first) | 0) * sampleRate) / codec.clockRate,
      pcm: decoder.decode(payload).slice(),
    }));
    decoder.close();
    const length = Math.max(0, ...parts.map(({ at, pcm }) => at + pcm.length));
    const pcm = new Int16Array(length);
    for (const part of parts) pcm.set(part.pcm, part.at);
    return { pcm, sampleRate };
  }

  #receivedBy(name: Name): readonly ReceivedPacket[] {
    return name === "phone" ? this.made.browser.received : this.made.pbx.received;
  }

  #inform(from: Name, keys: readonly Press[], pauseMs: number): void {
    const { world } = this.made;
    let at = world.now + MARGIN_MS;
    for (const key of keys) {
      at += key.durationMs;
      world.at(at, () => this.#tell(from === "phone" ? "pbx" : "phone", key));
      at += pauseMs;
    }
  }

  #tell(to: Name, { key, durationMs }: Press): void {
    if (this.#sides[to].form === "info") this.#infos[to].push({ key, durationMs });
    else {
      const session = "call" as SessionId;
      this.made.world.command({ type: "dtmf", session, leg: to as LegId, digit: key, durationMs });
    }
  }

  #send(from: Name, packets: readonly Packet[]): void {
    const { world, browser, pbx } = this.made;
    const peer = from === "phone" ? browser : pbx;
    const { clockRate } = this.#sides[from].codec;
    this.#startedMs ||= world.now;
    const since = ((world.now - this.#startedMs) * clockRate) / 1_000;
    for (const { atMs, payload, ...header } of packets) {
      const sequence = this.#sequence++;
      const timestamp = header.timestamp + since;
      world.at(world.now + atMs, () => peer.sendRtp({ ...header, sequence, timestamp }, payload));
    }
  }
}

function dtmfOf({ form, events }: Side): { dtmf?: DtmfFormat[] } {
  return form === "events" && events ? { dtmf: [events] } : {};
}

function waysOf({ form }: Side) {
  const dtmfMode = { events: "rfc2833", tones: "inband", info: "info" } as const;
  return { dtmfMode: dtmfMode[form], detectDtmf: form === "tones" };
}

/** A peer's stream: silence, and the keys as events in place of it, or in it. */
function packetsOf(side: Side, keys: readonly Press[], pauseMs: number): Packet[] {
  const { codec, events } = side;
  const sampleRate = rateOf(codec);
  const pause = silence(sampleRate, pauseMs);
  const sounds = keys.flatMap(({ key, durationMs }) => [
    side.form === "events" && !side.alsoSounds
      ? silence(sampleRate, durationMs)
      : keySound(key, { sampleRate, durationMs }),
    pause,
  ]);
  const margin = silence(sampleRate, MARGIN_MS);
  const audio = audioPackets(codec, joined(margin, ...sounds, margin));
  if (side.form !== "events" || !events) return audio;
  let start = MARGIN_MS;
  const packets: Packet[] = [...audio];
  for (const press of keys) {
    const end = start + press.durationMs;
    const from = packets.findIndex(({ atMs }) => atMs >= start);
    const to = packets.findIndex(({ atMs }) => atMs >= end);
    const kept = side.alsoSounds ? packets.slice(from, to) : [];
    const ours = [...eventPackets(events, codec, press, start), ...kept];
    ours.sort((a, b) => a.atMs - b.atMs);
    packets.splice(from, to - from, ...ours);
    start = end + pauseMs;
  }
  return packets;
}

function audioPackets(codec: Codec, pcm: Int16Array): Packet[] {
  return encodeAll(codec, pcm).map((payload, index) => ({
    atMs: index * PACKET_MS,
    payloadType: codec.payloadType,
    timestamp: (index * PACKET_MS * codec.clockRate) / 1_000,
    marker: false,
    payload,
  }));
}

/** An update every 20 ms, segments where 16 bits are too few, the end three times (RFC 4733). */
function eventPackets(
  { payloadType, clockRate }: DtmfFormat,
  codec: Codec,
  { key, durationMs }: Press,
  startMs: number,
): Packet[] {
  const start = (startMs * codec.clockRate) / 1_000;
  const packets: Packet[] = [];
  let before = 0;
  const add = (atMs: number, ticks: number, end: boolean) =>
    packets.push({
      atMs: startMs + atMs,
      payloadType,
      timestamp: start + before,
      marker: packets.length === 0,
      payload: Uint8Array.of(EVENTS.indexOf(key), (end ? 0x80 : 0) | 10, ticks >> 8, ticks & 0xff),
    });
  for (let elapsed = PACKET_MS; elapsed <= durationMs; elapsed += PACKET_MS) {
    const ticks = (elapsed * clockRate) / 1_000;
    if (ticks - before > 0xffff) {
      add(elapsed - PACKET_MS, 0xffff, false);
      before += 0xffff;
    }
    add(elapsed - PACKET_MS, ticks - before, false);
  }
  const ticks = (durationMs * clockRate) / 1_000 - before;
  for (let copy = 0; copy < 3; copy++) add(durationMs - 1, ticks, true);
  return packets;
}

/** Events that ended, each with all its segments. */
function eventsIn(received: readonly ReceivedPacket[], format: DtmfFormat | undefined): KeyHeard[] {
  const heard: KeyHeard[] = [];
  let segments = 0;
  const ended = new Set<number>();
  for (const { header, payload } of received) {
    if (header.payloadType !== format?.payloadType || ended.has(header.timestamp)) continue;
    const ticks = ((payload[2] ?? 0) << 8) | (payload[3] ?? 0);
    if (((payload[1] ?? 0) & 0x80) === 0) {
      if (ticks === 0xffff) segments += ticks;
      continue;
    }
    ended.add(header.timestamp);
    const durationMs = ((segments + ticks) * 1_000) / format.clockRate;
    heard.push({ key: EVENTS[payload[0] ?? 16] ?? "?", durationMs });
    segments = 0;
  }
  return heard;
}
