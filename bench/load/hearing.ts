/**
 * Judges what one end of a load call heard by what the other end said: lost packets, jitter, delay by
 * content, level, gaps, likeness. Decoding waits until the run is over. Above: generator.ts.
 * Below: bench/audio.
 */
import { RtpHeader, readHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import type { Codecs } from "../../media-wasm/codec.ts";
import { comparePlaced } from "../audio/compare.ts";
import { stoi } from "../audio/intelligibility.ts";
import { resampled, shifted } from "../audio/resample.ts";
import type { LoadCodec } from "./codecs.ts";
import { type Quantiles, Samples } from "./samples.ts";
import type { Voice } from "./voice.ts";

export interface Heard {
  readonly packets: number;
  /** Of the packets between the first and the last, 0 to 1. */
  readonly loss: number;
  /** RFC 3550 §6.4.1 at the end, ms. */
  readonly jitterMs: number;
  /**
   * From when audio was sent to when the same audio came, by its content: what codecs look ahead
   * between the two wires counts, the ends' own coding doesn't. ms.
   */
  readonly delayMs: Quantiles;
  /** How far packets came from the times their timestamps name, ms: the sender's timers. */
  readonly spacingMs: Quantiles;
  /** The longest time without a packet, ms. */
  readonly stallMs: number;
  /** The longest silence where something was said, ms. */
  readonly gapMs: number;
  readonly levelDb: number;
  /** Of the waves, 0 to 1. */
  readonly correlation: number;
  /** Segmental, dB. */
  readonly snrDb: number;
  /** Short-time objective intelligibility, 0 to 1. */
  readonly stoi: number;
  /** Why this is bad; undefined where it is good. */
  readonly fault: string | undefined;
}

export interface ReceivedPackets {
  packets(): Iterable<{ packet: Uint8Array; at: number }>;
}

const WAVE_RATE = 16_000;
/** So much of a call is compared, from its middle. */
const COMPARED_SECONDS = 6;
/** Alignment looks 60 ms to both sides of this delay. */
const EXPECTED_DELAY_MS = 45;
const FRAME = WAVE_RATE / 50;

const LOSS_MAX = 0.01;
const CORRELATION_MIN = 0.8;
/** The least that is still the same speech; other speech has a third of it. */
const SAME_CORRELATION = 0.5;
/** Half as loud again to the ear, whatever codecs and their filters take. */
const LEVEL_DB_MAX = 5;
const GAP_MS_MAX = 60;
const DELAY_P99_MS_MAX = 150;

/** Further ahead than its time, a packet is of no stream that was here before. */
const AHEAD_SECONDS_MAX = 5;

/** One stream as it came, in samples of its codec's rate. */
interface Recording {
  readonly pcm: Int16Array;
  /** Where each packet's samples begin, and when it came. */
  readonly positions: readonly number[];
  readonly times: readonly number[];
  readonly lost: number;
  readonly jitterMs: number;
}

export function hear(end: ReceivedPackets, codec: LoadCodec, said: Voice, codecs: Codecs): Heard {
  const recording = record(end, codec, codecs);
  if (!recording) return nothing("nothing was heard");
  const { positions, times, lost, jitterMs } = recording;
  const comparison = compareWith(recording, codec, said);
  const delays = new Samples();
  // What was heard at `position` was said `lag` samples earlier, both counted from their starts.
  const lag = (comparison.lagMs * codec.rate) / 1_000;
  for (const [index, position] of positions.entries()) {
    const delay =
      (times[index] ?? 0) - said.timeOf(((position - lag) * said.codec.rate) / codec.rate);
    if (Number.isFinite(delay)) delays.add(delay);
  }
  const heard = {
    packets: positions.length,
    loss: lost / (positions.length + lost),
    jitterMs,
    delayMs: delays.quantiles(),
    spacingMs: spacingOf(positions, times, codec.rate),
    stallMs: times.reduce((most, at, index) => Math.max(most, at - (times[index - 1] ?? at)), 0),
    gapMs: comparison.gapMs,
    levelDb: comparison.levelDb,
    correlation: comparison.correlation,
    snrDb: comparison.snrDb,
    stoi: comparison.stoi,
  };
  return { ...heard, fault: faultOf(heard) };
}

/** Whether what was heard is what `said` said: to find out whose audio a call got instead. */
export function sounds(
  end: ReceivedPackets,
  codec: LoadCodec,
  said: Voice,
  codecs: Codecs,
): boolean {
  const recording = record(end, codec, codecs);
  return recording !== undefined && isSame(compareWith(recording, codec, said));
}

/** Whether it is the audio that was sent, however late, quiet or full of holes. */
export function isSame({ correlation }: Pick<Heard, "correlation">): boolean {
  return correlation >= SAME_CORRELATION;
}

function faultOf(heard: Omit<Heard, "fault">): string | undefined {
  const { loss, correlation, levelDb, gapMs, delayMs } = heard;
  if (correlation < CORRELATION_MIN) {
    return `not the audio that was sent: correlation ${correlation.toFixed(2)}`;
  }
  if (loss > LOSS_MAX) return `${(100 * loss).toFixed(1)} % of the packets were lost`;
  if (Math.abs(levelDb) > LEVEL_DB_MAX) return `the level is off by ${levelDb.toFixed(1)} dB`;
  if (gapMs > GAP_MS_MAX) return `a gap of ${gapMs.toFixed(0)} ms`;
  if (delayMs.p99 > DELAY_P99_MS_MAX) return `${delayMs.p99.toFixed(0)} ms late`;
  return undefined;
}

function nothing(fault: string): Heard {
  const never = { p50: 0, p99: 0, max: 0 };
  const none = { packets: 0, loss: 1, jitterMs: 0, delayMs: never, spacingMs: never };
  const still = { stallMs: 0, gapMs: 0 };
  return { ...none, ...still, levelDb: 0, correlation: 0, snrDb: 0, stoi: 0, fault };
}

/** From the time that half of them kept: a stream with a clock of its own is early and late. */
export function spacingOf(
  positions: readonly number[],
  times: readonly number[],
  rate: number,
): Quantiles {
  const travelled = positions.map((at, index) => (times[index] ?? 0) - (at * 1_000) / rate);
  const usual = [...travelled].sort((a, b) => a - b)[travelled.length >> 1] ?? 0;
  const apart = new Samples();
  apart.addAll(travelled.map((at) => Math.abs(at - usual)));
  return apart.quantiles();
}

/** Decodes what came, each packet at its timestamp; undefined where less than a second came. */
function record(end: ReceivedPackets, codec: LoadCodec, codecs: Codecs): Recording | undefined {
  const frame = codec.rate / 50;
  const header = new RtpHeader();
  const decoder = codecs.decoder(codec.name, codec.rate);
  const positions: number[] = [];
  const times: number[] = [];
  const pieces: Int16Array[] = [];
  let first: { sequence: number; timestamp: number; at: number } | undefined;
  let [highest, jitter, transit] = [0, 0, Number.NaN];
  for (const { packet, at } of end.packets()) {
    if (!readHeader(packet, packet.length, header) || header.payloadLength === 0) continue;
    first ??= { sequence: header.sequence, timestamp: header.timestamp, at };
    // 32 and 16 bits are never used up in a run's length unless it lasts hours: both are unwrapped.
    const ticks = (header.timestamp - first.timestamp) | 0;
    const ahead = ((header.sequence - first.sequence - highest) << 16) >> 16;
    highest = Math.max(highest, highest + ahead);
    const position = Math.round((ticks * frame) / codec.ticks);
    // A stream that was begun anew is another one: what it says has no place in this.
    const latest = ((at - first.at) / 1_000 + AHEAD_SECONDS_MAX) * codec.rate;
    if (position < 0 || position > latest) continue;
    const payload = packet.subarray(
      header.payloadOffset,
      header.payloadOffset + header.payloadLength,
    );
    pieces.push(decoder.decode(payload).slice());
    positions.push(position);
    times.push(at);
    const travelled = at - (position * 1_000) / codec.rate;
    if (!Number.isNaN(transit)) jitter += (Math.abs(travelled - transit) - jitter) / 16;
    transit = travelled;
  }
  decoder.close();
  if (positions.length < 50) return undefined;
  const length = Math.max(...positions.slice(-50)) + frame;
  const pcm = new Int16Array(length);
  for (const [index, piece] of pieces.entries()) {
    const position = positions[index] ?? 0;
    pcm.set(piece.subarray(0, Math.max(0, length - position)), position);
  }
  const lost = Math.max(0, highest + 1 - positions.length);
  return { pcm, positions, times, lost, jitterMs: jitter };
}

interface PlacedComparison {
  /** Of the recording's start behind the voice's start, ms; negative where it began later. */
  readonly lagMs: number;
  readonly gapMs: number;
  readonly levelDb: number;
  readonly correlation: number;
  readonly snrDb: number;
  readonly stoi: number;
}

function compareWith(recording: Recording, codec: LoadCodec, said: Voice): PlacedComparison {
  const seconds = Math.min(COMPARED_SECONDS, recording.pcm.length / codec.rate);
  const from = Math.floor((recording.pcm.length / codec.rate - seconds) * 25) / 50;
  const piece = recording.pcm.subarray(from * codec.rate, (from + seconds) * codec.rate);
  const heard = resampled({ pcm: piece, sampleRate: codec.rate }, WAVE_RATE);
  const expectedMs = roughLagMs(recording, codec, said) + EXPECTED_DELAY_MS;
  // The same stretch of the voice, as far as it is known.
  const startMs = Math.round(from * 1_000 - expectedMs);
  const samples = said.spoken((startMs * said.codec.rate) / 1_000, seconds * said.codec.rate);
  const spoken =
    said.codec.rate === WAVE_RATE
      ? samples
      : resampled({ pcm: Int16Array.from(samples), sampleRate: said.codec.rate }, WAVE_RATE);
  const narrowest = Math.min(said.codec.rate, codec.rate);
  const result = comparePlaced(spoken, heard, 0, narrowest === 8_000 ? 3_400 : 7_000);
  const lag = Math.round((result.delayMs * WAVE_RATE) / 1_000);
  return {
    lagMs: from * 1_000 - startMs + result.delayMs,
    gapMs: longestGapMs(spoken, heard, lag),
    levelDb: result.levelDifferenceDb,
    correlation: result.correlation,
    snrDb: result.snrDb,
    stoi: stoi(spoken, shifted(heard, lag, spoken.length)),
  };
}

/** As if nothing took time: the recording's position against the voice's at the same instant. */
function roughLagMs({ positions, times }: Recording, codec: LoadCodec, said: Voice): number {
  const lags: number[] = [];
  let packet = 0;
  for (const [index, position] of positions.entries()) {
    const at = times[index] ?? 0;
    while (packet + 1 < said.sentAt.length && said.sentAt.at(packet + 1) <= at) packet += 1;
    lags.push((position * 1_000) / codec.rate - packet * 20);
  }
  lags.sort((a, b) => a - b);
  return lags[lags.length >> 1] ?? 0;
}

/** The longest run of frames in which something was said and as good as nothing heard. */
function longestGapMs(spoken: Float64Array, heard: Float64Array, lag: number): number {
  const loudest = loudestFrame(spoken);
  let [run, longest] = [0, 0];
  for (let at = Math.max(0, -lag); at + FRAME <= spoken.length; at += FRAME) {
    if (at + lag + FRAME > heard.length) break;
    const was = energy(spoken, at);
    if (was < loudest / 1_000) continue;
    run = energy(heard, at + lag) < was / 1_000 ? run + 20 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

function loudestFrame(wave: Float64Array): number {
  let most = 0;
  for (let at = 0; at + FRAME <= wave.length; at += FRAME) most = Math.max(most, energy(wave, at));
  return most;
}

function energy(wave: Float64Array, start: number): number {
  let sum = 0;
  for (let at = start; at < start + FRAME; at++) sum += (wave[at] ?? 0) ** 2;
  return sum;
}
