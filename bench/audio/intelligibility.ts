/**
 * STOI, the short-time objective intelligibility measure (Taal, Hendriks, Heusdens and Jensen, IEEE
 * TASLP 19(7), 2011): how much of the speech's envelope in third-octave bands survived, 0 to 1.
 * Listeners' scores follow it closely for noise, codecs and lost packets alike. Both signals must be
 * in place already. Above: hearing.ts. Below: fourier.ts.
 */
import { transform } from "./fourier.ts";
import { resampled } from "./resample.ts";

/** The paper's constants: 10 kHz, frames of 256 half overlapped, 15 bands from 150 Hz, 30 frames. */
const RATE = 10_000;
const FRAME = 256;
const HOP = FRAME / 2;
const SPECTRUM_SIZE = 512;
const BANDS = 15;
const LOWEST_HZ = 150;
const SEGMENT = 30;
/** Frames quieter than the loudest by this are silence and left out, dB. */
const SILENCE_DB = 40;
/** What differs by more than this, dB, is as bad as that. */
const CLIP_DB = -15;

const bands = Array.from({ length: BANDS }, (_, band) => {
  const centre = LOWEST_HZ * 2 ** (band / 3);
  const bin = (hertz: number) => Math.round((hertz * SPECTRUM_SIZE) / RATE);
  return { from: bin(centre * 2 ** (-1 / 6)), to: bin(centre * 2 ** (1 / 6)) };
});

const hann = Float64Array.from(
  { length: FRAME },
  (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (index + 1)) / (FRAME + 1)),
);

/** `heard` against `said`, sample by sample, at 16 kHz. 0 where less than 0.4 s of speech is common. */
export function stoi(said: Float64Array, heard: Float64Array): number {
  const [x, y] = withoutSilence(downsampled(said), downsampled(heard));
  const [clean, processed] = [envelopes(x), envelopes(y)];
  const frames = clean[0]?.length ?? 0;
  let [sum, count] = [0, 0];
  for (let end = SEGMENT; end <= frames; end++) {
    for (let band = 0; band < BANDS; band++) {
      const cleanPart = clean[band]?.subarray(end - SEGMENT, end);
      const part = processed[band]?.subarray(end - SEGMENT, end);
      if (!cleanPart || !part) continue;
      sum += likeness(cleanPart, part);
      count += 1;
    }
  }
  return count === 0 ? 0 : sum / count;
}

function downsampled(wave: Float64Array): Float64Array {
  const pcm = Int16Array.from(wave, (value) =>
    Math.max(-32_768, Math.min(32_767, Math.round(value))),
  );
  return resampled({ pcm, sampleRate: 16_000 }, RATE);
}

/** The frames in which something was said, put together again by overlapping. */
function withoutSilence(x: Float64Array, y: Float64Array): [Float64Array, Float64Array] {
  const length = Math.min(x.length, y.length);
  const levels: number[] = [];
  for (let at = 0; at + FRAME <= length; at += HOP) {
    let energy = 1e-9;
    for (let index = 0; index < FRAME; index++) {
      energy += ((x[at + index] ?? 0) * (hann[index] ?? 0)) ** 2;
    }
    levels.push(10 * Math.log10(energy));
  }
  const loudest = Math.max(...levels);
  const kept = levels.flatMap((level, frame) =>
    level > loudest - SILENCE_DB ? [frame * HOP] : [],
  );
  const join = (wave: Float64Array) => {
    const out = new Float64Array(Math.max(0, (kept.length - 1) * HOP + FRAME));
    for (const [frame, from] of kept.entries()) {
      for (let index = 0; index < FRAME; index++) {
        const to = frame * HOP + index;
        out[to] = (out[to] ?? 0) + (wave[from + index] ?? 0) * (hann[index] ?? 0);
      }
    }
    return out;
  };
  return [join(x), join(y)];
}

/** The amplitude in each band, frame by frame. */
function envelopes(wave: Float64Array): Float64Array[] {
  const frames = Math.max(0, Math.floor((wave.length - FRAME) / HOP) + 1);
  const rows = Array.from({ length: BANDS }, () => new Float64Array(frames));
  const real = new Float64Array(SPECTRUM_SIZE);
  const imaginary = new Float64Array(SPECTRUM_SIZE);
  for (let at = 0; at < frames; at++) {
    real.fill(0);
    imaginary.fill(0);
    for (let index = 0; index < FRAME; index++) {
      real[index] = (wave[at * HOP + index] ?? 0) * (hann[index] ?? 0);
    }
    transform(real, imaginary);
    for (const [band, { from, to }] of bands.entries()) {
      let power = 0;
      for (let bin = from; bin < to; bin++) {
        power += (real[bin] ?? 0) ** 2 + (imaginary[bin] ?? 0) ** 2;
      }
      const row = rows[band];
      if (row) row[at] = Math.sqrt(power);
    }
  }
  return rows;
}

/** Correlation of two envelopes, the second brought to the first's level and clipped. */
function likeness(clean: Float64Array, processed: Float64Array): number {
  const gain = Math.sqrt(energy(clean) / (energy(processed) + 1e-12));
  const clip = 1 + 10 ** (-CLIP_DB / 20);
  const clipped = processed.map((value, at) => Math.min(value * gain, (clean[at] ?? 0) * clip));
  const [meanX, meanY] = [mean(clean), mean(clipped)];
  let [xy, xx, yy] = [0, 1e-12, 1e-12];
  for (let at = 0; at < clean.length; at++) {
    const x = (clean[at] ?? 0) - meanX;
    const y = (clipped[at] ?? 0) - meanY;
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  return xy / Math.sqrt(xx * yy);
}

function energy(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
