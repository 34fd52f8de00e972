/**
 * Hears keys in audio: the two tones of ITU-T Q.23 under the limits of Q.24, by Goertzel filters
 * over windows of 12.75 ms that overlap by half. What tells a key from a voice: nearly all energy
 * is in two tones, both on frequency (by how their phase moves on), for four windows in a row.
 * Above: the transcoder. Below nothing.
 */
import type { DigitSink } from "./digit-sink.ts";
import { GoertzelBank } from "./goertzel-bank.ts";
import { KEY_COLUMNS_HZ, KEY_ROWS_HZ, KEYPAD } from "./tones.ts";

/** What it listens at. */
const RATE = 8_000;
/** Half a window: short enough to tell 40 ms from 23 (Q.24). */
const HOP_SAMPLES = 51;
const WINDOW_SAMPLES = 2 * HOP_SAMPLES;
const HOP_MS = (HOP_SAMPLES * 1_000) / RATE;
/** A window counts from here on if this share of its energy is the two tones'. */
const PURITY_MIN = 0.55;
/** The same share of all windows of a key together, most of which it fills. */
const MEAN_PURITY_MIN = 0.72;
/** -28.5 dBm0: a tone of -27 that is 1.5 % off leaves so much in a filter. */
const AMPLITUDE_MIN = 860;
/** Q.24: lines weaken high tones more than low ones. Powers, 6 and 11 dB. */
const HIGH_OVER_LOW_MAX = 4;
const LOW_OVER_HIGH_MAX = 12.6;
/** How far the strongest of a group must be above the others: power, 6 dB. */
const PEAK_MIN = 4;
/** Of the frequency: Q.24 takes 1.5 % and refuses 3.5 %. */
const DEVIATION_MAX = 0.025;
/** So many windows are wholly within 40 ms of tone, however they fall. */
const HITS_MIN = 4;
/** Between Q.24's 40 ms, which always are a key, and its 23, which never are. */
const DURATION_MS_MIN = 31;
/** What sounds like a key for two windows is not passed on: else the other side hears it as well. */
const SUSPECT_HITS = 2;
/** Windows without it that end a key: 40 ms of pause always are, 10 ms of interruption never. */
const MISSES_MAX = 4;
/** A loss in one piece that is longer ends a key: five packets, as one in five lost may bring. */
const SKIP_MS_MAX = 100;

const FREQUENCIES = [...KEY_ROWS_HZ, ...KEY_COLUMNS_HZ];
const ROWS = KEY_ROWS_HZ.length;
const COUNT = FREQUENCIES.length;
const NONE = -1;
/** What a tone of amplitude A leaves in its filter: (A · window / 2)². */
const POWER_MIN = ((AMPLITUDE_MIN * WINDOW_SAMPLES) / 2) ** 2;

/** Windows in a row that hold the same key, and what they say of it. */
class Stretch {
  /** Row and column as one number. */
  key = NONE;
  hits = 0;
  /** Hops since the beginning, of the first and the latest window. */
  since = 0;
  until = 0;
  /** Of all windows, of the first, of the latest, and of those next to them on both sides. */
  energy = 0;
  energyFirst = 0;
  energyLast = 0;
  energyBefore = 0;
  energyAfter = 0;
  /** Of the two tones alone, in all windows. */
  toneEnergy = 0;
  /** Sums: radians by which the phases moved on more than the frequencies do. */
  lowDrift = 0;
  highDrift = 0;
  drifts = 0;

  begin(key: number, since: number, energyBefore: number): void {
    this.key = key;
    this.since = since;
    this.hits = 0;
    this.energy = 0;
    this.toneEnergy = 0;
    this.energyBefore = energyBefore;
    this.lowDrift = 0;
    this.highDrift = 0;
    this.drifts = 0;
  }

  add(hop: number, energy: number, toneEnergy: number): void {
    if (this.hits === 0) this.energyFirst = energy;
    this.until = hop;
    this.hits += 1;
    this.energy += energy;
    this.toneEnergy += toneEnergy;
    this.energyLast = energy;
    this.energyAfter = 0;
  }

  /** From the third window on: by how much of those at both ends the tones fill. */
  get durationMs(): number {
    const { energyFirst, energyLast, energyBefore, energyAfter } = this;
    const whole = (this.energy - energyFirst - energyLast) / (this.hits - 2);
    const share = (energy: number) => Math.min(1, energy / whole);
    const ends = share(energyFirst) + share(energyLast) + share(energyBefore) + share(energyAfter);
    return HOP_MS * (this.until - this.since - 1 + ends);
  }
}

export class DigitDetector {
  readonly #sink: DigitSink;
  /** Samples that come in for one that is listened to: nothing of a key is above 4 kHz. */
  readonly #decimation: number;
  readonly #hop = new Float64Array(HOP_SAMPLES);
  #filled = 0;
  readonly #bank = new GoertzelBank(FREQUENCIES, RATE, HOP_SAMPLES);
  /** Hops since the beginning. */
  #hops = 0;
  #energyBefore = 0;

  /** What the latest windows held, and the key that sounds. */
  #candidate = new Stretch();
  #sounding = new Stretch();
  #misses = 0;
  /** Lost since the latest samples. */
  #skippedMs = 0;
  #lowPhase = 0;
  #highPhase = 0;
  /** Whether the phases are those of the window one hop before. */
  #hasPhases = false;

  /** `sink` learns of each key when it ends. */
  constructor(sampleRate: 8_000 | 16_000, sink: DigitSink) {
    this.#decimation = sampleRate / RATE;
    this.#sink = sink;
  }

  /** Whether a key sounds, as of the latest sample. */
  get sounding(): boolean {
    return this.#sounding.key !== NONE;
  }

  /** Hears the next samples. True where a key sounded in any of them, or what may become one. */
  hear(pcm: Int16Array): boolean {
    const step = this.#decimation;
    this.#skippedMs = 0;
    let sounded = this.#isSuspect;
    for (let at = 0; at + step <= pcm.length; at += step) {
      let sample = pcm[at] ?? 0;
      if (step === 2) sample = (sample + (pcm[at + 1] ?? 0)) / 2;
      this.#hop[this.#filled] = sample;
      this.#filled += 1;
      if (this.#filled < HOP_SAMPLES) continue;
      this.#filled = 0;
      this.#hops += 1;
      if (this.#bank.hear(this.#hop)) this.#judge();
      sounded ||= this.#isSuspect;
    }
    return sounded;
  }

  /** That many milliseconds were lost: a key that sounded is taken to sound on, if not for long. */
  skip(lostMs: number): void {
    this.#skippedMs += lostMs;
    if (this.#skippedMs > SKIP_MS_MAX) {
      this.stop();
      return;
    }
    this.#forgetWindows();
    this.#hops += Math.round(lostMs / HOP_MS);
  }

  /** Nothing follows: a key that sounded has ended. */
  stop(): void {
    this.#forgetWindows();
    this.#candidate.key = NONE;
    this.#endKey();
  }

  get #isSuspect(): boolean {
    return this.sounding || (this.#candidate.key !== NONE && this.#candidate.hits >= SUSPECT_HITS);
  }

  #forgetWindows(): void {
    this.#filled = 0;
    this.#bank.forget();
    this.#hasPhases = false;
  }

  /** One window: does it hold a key, and what follows from that? */
  #judge(): void {
    const { energy } = this.#bank;
    const found = this.#keyIn(this.#bank);
    if (found !== NONE) this.#hit(found);
    else if (this.#candidate.key !== NONE) {
      this.#candidate.energyAfter = energy;
      this.#believe();
      this.#candidate.key = NONE;
      this.#hasPhases = false;
    }
    this.#energyBefore = energy;
    const key = this.#sounding;
    if (key.key === NONE || found === key.key) return;
    if (this.#misses === 0) key.energyAfter = energy;
    this.#misses += 1;
    if (this.#misses >= MISSES_MAX) this.#endKey();
  }

  #hit(found: number): void {
    const candidate = this.#candidate;
    const { energy } = this.#bank;
    const powers =
      (this.#bank.powers[rowOf(found)] ?? 0) + (this.#bank.powers[columnOf(found)] ?? 0);
    const toneEnergy = (2 * powers) / WINDOW_SAMPLES;
    if (found !== candidate.key) {
      candidate.begin(found, this.#hops, this.#energyBefore);
      this.#hasPhases = false;
    }
    candidate.add(this.#hops, energy, toneEnergy);
    this.#follow(candidate);
    if (found === this.#sounding.key) {
      this.#sounding.add(this.#hops, energy, toneEnergy);
      this.#misses = 0;
    } else this.#believe();
  }

  /** What has been heard for long enough, on frequency, is a key. */
  #believe(): void {
    const candidate = this.#candidate;
    if (candidate.key === this.#sounding.key || candidate.hits < HITS_MIN) return;
    if (candidate.toneEnergy < MEAN_PURITY_MIN * candidate.energy) return;
    if (candidate.durationMs < DURATION_MS_MIN || !isOnFrequency(candidate)) return;
    this.#endKey();
    this.#candidate = this.#sounding;
    this.#candidate.key = NONE;
    this.#sounding = candidate;
  }

  /** The key in the window that just ended; NONE where there is none. */
  #keyIn({ energy, powers }: GoertzelBank): number {
    // The two tones' energy is twice their power by the window's length.
    if (2 * 2 * POWER_MIN > energy * WINDOW_SAMPLES) return NONE;
    const row = peak(powers, 0, ROWS);
    const column = peak(powers, ROWS, COUNT);
    if (row < 0 || column < 0) return NONE;
    const low = powers[row] ?? 0;
    const high = powers[column] ?? 0;
    if (low < POWER_MIN || high < POWER_MIN) return NONE;
    if (high > low * HIGH_OVER_LOW_MAX || low > high * LOW_OVER_HIGH_MAX) return NONE;
    if (2 * (low + high) < PURITY_MIN * energy * WINDOW_SAMPLES) return NONE;
    return row * ROWS + (column - ROWS);
  }

  /** Notes how far the phases moved on since the window before. */
  #follow(stretch: Stretch): void {
    const row = rowOf(stretch.key);
    const column = columnOf(stretch.key);
    const low = this.#bank.phase(row);
    const high = this.#bank.phase(column);
    if (this.#hasPhases) {
      stretch.lowDrift += drift(low - this.#lowPhase, row);
      stretch.highDrift += drift(high - this.#highPhase, column);
      stretch.drifts += 1;
    }
    this.#lowPhase = low;
    this.#highPhase = high;
    this.#hasPhases = true;
  }

  #endKey(): void {
    const { key, durationMs } = this.#sounding;
    this.#sounding.key = NONE;
    this.#misses = 0;
    const digit = KEYPAD[rowOf(key)]?.[key % ROWS];
    if (digit !== undefined) this.#sink.digit(digit, Math.round(durationMs));
  }
}

/** The filter of the group that stands out; -1 where none does. */
function peak(powers: Float64Array, from: number, to: number): number {
  let best = from;
  for (let filter = from + 1; filter < to; filter++) {
    if ((powers[filter] ?? 0) > (powers[best] ?? 0)) best = filter;
  }
  const limit = (powers[best] ?? 0) / PEAK_MIN;
  for (let filter = from; filter < to; filter++) {
    if (filter !== best && (powers[filter] ?? 0) > limit) return -1;
  }
  return best;
}

/** The filters of a key's two tones. */
function rowOf(key: number): number {
  return Math.floor(key / ROWS);
}

function columnOf(key: number): number {
  return ROWS + (key % ROWS);
}

/** What is left of a phase's move in a hop when the frequency's own is taken off, -π to π. */
function drift(moved: number, filter: number): number {
  const turns = moved / (2 * Math.PI) - ((FREQUENCIES[filter] ?? 0) * HOP_SAMPLES) / RATE;
  return 2 * Math.PI * (turns - Math.round(turns));
}

function isOnFrequency({ key, drifts, lowDrift, highDrift }: Stretch): boolean {
  if (drifts === 0) return false;
  const hertzPerRadian = RATE / (2 * Math.PI * HOP_SAMPLES * drifts);
  const low = FREQUENCIES[rowOf(key)] ?? 0;
  const high = FREQUENCIES[columnOf(key)] ?? 0;
  return (
    Math.abs(lowDrift * hertzPerRadian) <= low * DEVIATION_MAX &&
    Math.abs(highDrift * hertzPerRadian) <= high * DEVIATION_MAX
  );
}
