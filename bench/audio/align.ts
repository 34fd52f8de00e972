/**
 * Finds where in a recording the audio that was sent begins. First roughly, by what loudness does
 * over time in several bands: no codec, level or phase changes that. Then exactly, by the wave.
 * Above: compare.ts. Below: fourier.ts.
 */
import { correlate, powerSpectrum } from "./fourier.ts";
import { shifted } from "./resample.ts";

const HOP_MS = 10;
/** Edges of the bands loudness is watched in, Hz; all within a telephone's. */
const EDGES_HZ = [150, 400, 700, 1_100, 1_600, 2_300, 3_300];
/** Below the loudest frame by this much is silence, dB. */
const FLOOR_DB = 40;
/** Less audio in common than this proves nothing. */
const OVERLAP_MS_MIN = 1_000;
/** Steps between two samples when the best lag is looked for. */
const FRACTIONS = 16;

export interface Alignment {
  /** Samples into the recording at which the sent audio begins; negative if it lacks the start. */
  lag: number;
  /** How alike the two are at that lag: 1 is the same, 0 unrelated. */
  likeness: number;
}

/** Loudness in each band, dB above the floor, one row of bands for each 10 ms. */
function loudness(wave: Float64Array, sampleRate: number): Float64Array[] {
  const hop = (sampleRate * HOP_MS) / 1_000;
  const size = 2 ** Math.ceil(Math.log2(2 * hop));
  const rows: Float64Array[] = [];
  let peak = Number.NEGATIVE_INFINITY;
  for (let start = 0; start + hop <= wave.length; start += hop) {
    const spectrum = powerSpectrum(wave, start, size);
    const row = new Float64Array(EDGES_HZ.length - 1);
    for (let band = 0; band < row.length; band++) {
      const from = Math.round(((EDGES_HZ[band] ?? 0) * size) / sampleRate);
      const to = Math.round(((EDGES_HZ[band + 1] ?? 0) * size) / sampleRate);
      let power = 1e-6;
      for (let bin = from; bin < to; bin++) power += spectrum[bin] ?? 0;
      row[band] = 10 * Math.log10(power);
      peak = Math.max(peak, row[band] ?? 0);
    }
    rows.push(row);
  }
  for (const row of rows) {
    for (let band = 0; band < row.length; band++) {
      row[band] = Math.max(0, (row[band] ?? 0) - peak + FLOOR_DB);
    }
  }
  return rows;
}

/** Correlation coefficient of two runs of rows. */
function likenessOf(a: Float64Array[], b: Float64Array[], lag: number): number {
  const first = Math.max(0, -lag);
  const last = Math.min(b.length, a.length - lag);
  let [count, sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0, 0];
  for (let index = first; index < last; index++) {
    const rowA = a[index + lag];
    const rowB = b[index];
    if (!rowA || !rowB) continue;
    for (let band = 0; band < rowB.length; band++) {
      const x = rowA[band] ?? 0;
      const y = rowB[band] ?? 0;
      count += 1;
      sumA += x;
      sumB += y;
      sumAA += x * x;
      sumBB += y * y;
      sumAB += x * y;
    }
  }
  const variance = (sumAA - (sumA * sumA) / count) * (sumBB - (sumB * sumB) / count);
  return variance > 0 ? (sumAB - (sumA * sumB) / count) / Math.sqrt(variance) : 0;
}

/** The rough place, to 10 ms. */
export function alignRoughly(
  sent: Float64Array,
  recorded: Float64Array,
  sampleRate: number,
): Alignment {
  const sentRows = loudness(sent, sampleRate);
  const recordedRows = loudness(recorded, sampleRate);
  const shorter = Math.min(sentRows.length, recordedRows.length);
  // A third of what could be in common, so that two scraps that fit don't win.
  const overlap = Math.max(OVERLAP_MS_MIN / HOP_MS, Math.floor(shorter / 3));
  let best: Alignment = { lag: 0, likeness: 0 };
  for (let lag = overlap - sentRows.length; lag <= recordedRows.length - overlap; lag++) {
    const likeness = likenessOf(recordedRows, sentRows, lag);
    if (likeness > best.likeness) best = { lag: (lag * HOP_MS * sampleRate) / 1_000, likeness };
  }
  return best;
}

/**
 * The exact place of `piece`, which begins `expected` samples into the recording give or take
 * `slack`: lag in samples (relative to `expected` counted in) and waveform correlation there.
 */
export function alignExactly(
  piece: Float64Array,
  recorded: Float64Array,
  expected: number,
  slack: number,
): Alignment {
  const from = Math.round(expected) - slack;
  const part = shifted(recorded, from, piece.length + 2 * slack);
  const products = correlate(part, piece).subarray(piece.length - 1, piece.length + 2 * slack);
  const energies = runningEnergy(part, piece.length);
  let best = 0;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (let lag = 0; lag < products.length; lag++) {
    const value = (products[lag] ?? 0) / Math.sqrt((energies[lag] ?? 0) + 1e-9);
    if (value > bestValue) [best, bestValue] = [lag, value];
  }
  // Between the samples the correlation is as band-limited as the wave.
  let exact = best;
  let peak = products[best] ?? 0;
  for (let step = 1 - FRACTIONS; step < FRACTIONS; step++) {
    const lag = best + step / FRACTIONS;
    const value = step === 0 ? peak : (shifted(products, lag, 1)[0] ?? 0);
    if (value > peak) [exact, peak] = [lag, value];
  }
  const energy = piece.reduce((sum, value) => sum + value * value, 0) * (energies[best] ?? 0);
  return { lag: from + exact, likeness: energy > 0 ? peak / Math.sqrt(energy) : 0 };
}

/** Energy of `length` samples from each start there is. */
function runningEnergy(wave: Float64Array, length: number): Float64Array {
  const energies = new Float64Array(Math.max(0, wave.length - length) + 1);
  let energy = 0;
  for (let index = 0; index < wave.length; index++) {
    energy += (wave[index] ?? 0) ** 2;
    if (index >= length) energy -= (wave[index - length] ?? 0) ** 2;
    if (index >= length - 1) energies[index - length + 1] = Math.max(0, energy);
  }
  return energies;
}
