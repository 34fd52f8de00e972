/**
 * One-way delay by what is heard: a recording is laid out by when its packets arrived, not by their
 * timestamps, and the sent audio is looked for in it piece by piece, so that codecs' look-ahead and
 * whatever waits anywhere on the way counts. Above: tests, bench. Below: align.ts.
 */
import { alignExactly } from "./align.ts";
import type { Audio } from "./wav.ts";

/** Long enough to be found in speech, short enough to tell when the delay changed. */
const PIECE_MS = 400;
const STEP_MS = 200;
/** Less like what was sent than this, a piece isn't in its place: silence, or cut by a stall. */
const LIKENESS_MIN = 0.8;
/** A piece this much quieter than the whole proves nothing, as a share of the energy. */
const ENERGY_SHARE_MIN = 0.1;

export class ArrivalRecording {
  readonly sampleRate: number;
  readonly #pcm: Int16Array;

  constructor(sampleRate: number, durationMs: number) {
    this.sampleRate = sampleRate;
    this.#pcm = new Int16Array(Math.ceil((sampleRate * durationMs) / 1_000));
  }

  /** One packet's audio, heard from `atMs` on: what lay there before is replaced. */
  add(pcm: Int16Array, atMs: number): void {
    const start = Math.round((atMs * this.sampleRate) / 1_000);
    for (let index = 0; index < pcm.length; index++) {
      const place = start + index;
      if (place >= 0 && place < this.#pcm.length) this.#pcm[place] = pcm[index] ?? 0;
    }
  }

  get audio(): Audio {
    return { pcm: this.#pcm, sampleRate: this.sampleRate };
  }
}

export interface DelayAt {
  /** Into what was sent. */
  atMs: number;
  delayMs: number;
}

/** How late each piece of `sent` is in `recorded`, where it is found up to `mostMs` late. */
export function delaysOf(sent: Audio, recorded: Audio, mostMs = 120): DelayAt[] {
  const { sampleRate } = sent;
  if (recorded.sampleRate !== sampleRate) throw new Error("both need the same sample rate");
  const [wave, heard] = [Float64Array.from(sent.pcm), Float64Array.from(recorded.pcm)];
  const perMs = sampleRate / 1_000;
  const whole = energyOf(wave) / wave.length;
  const delays: DelayAt[] = [];
  for (let start = 0; start + PIECE_MS * perMs <= wave.length; start += STEP_MS * perMs) {
    const piece = wave.subarray(start, start + PIECE_MS * perMs);
    if (energyOf(piece) / piece.length < whole * ENERGY_SHARE_MIN) continue;
    const slack = (mostMs / 2) * perMs;
    const { lag, likeness } = alignExactly(piece, heard, start + slack, slack);
    if (likeness < LIKENESS_MIN) continue;
    delays.push({ atMs: start / perMs, delayMs: (lag - start) / perMs });
  }
  return delays;
}

/** The middle one of the delays, in milliseconds; NaN where nothing was found. */
export function medianDelay(delays: readonly DelayAt[]): number {
  const sorted = delays.map(({ delayMs }) => delayMs).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function energyOf(wave: Float64Array): number {
  return wave.reduce((sum, value) => sum + value * value, 0);
}
