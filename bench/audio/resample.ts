/**
 * Changing the sample rate and the band of recorded audio, by windowed sinc: slow and exact, for
 * measuring. Linear phase throughout, so nothing moves in time. Above: compare.ts, speech.ts.
 */
import type { Audio } from "./wav.ts";

/** Zero crossings of the sinc on each side. */
const CROSSINGS = 24;
/** Of the narrower of the two bands, how much is kept; the rest is the filter's slope. */
const PASSED_SHARE = 0.94;
/** Values of the sinc kept between two zero crossings. */
const TABLE_STEPS = 512;

const windowedSinc = Float64Array.from({ length: CROSSINGS * TABLE_STEPS + 2 }, (_, index) => {
  const at = index / TABLE_STEPS;
  if (at >= CROSSINGS) return 0;
  const window = 0.5 + 0.5 * Math.cos((Math.PI * at) / CROSSINGS);
  return at === 0 ? 1 : (window * Math.sin(Math.PI * at)) / (Math.PI * at);
});

/** The audio at another rate, as numbers rather than 16 bits. */
export function resampled({ pcm, sampleRate }: Audio, rate: number): Float64Array {
  if (sampleRate === rate) return Float64Array.from(pcm);
  const length = Math.floor((pcm.length * rate) / sampleRate);
  const step = sampleRate / rate;
  const cutoff = PASSED_SHARE * Math.min(1, 1 / step);
  const output = new Float64Array(length);
  for (let index = 0; index < length; index++) output[index] = valueAt(pcm, index * step, cutoff);
  return output;
}

/** The audio at another rate. */
export function resample(audio: Audio, rate: number): Audio {
  const pcm = Int16Array.from(resampled(audio, rate), (value) =>
    Math.max(-32_768, Math.min(32_767, Math.round(value))),
  );
  return { pcm, sampleRate: rate };
}

/** `length` samples from position `start`, which may lie between samples and outside the wave. */
export function shifted(wave: ArrayLike<number>, start: number, length: number): Float64Array {
  const output = new Float64Array(length);
  const whole = Number.isInteger(start);
  for (let index = 0; index < length; index++) {
    output[index] = whole ? (wave[start + index] ?? 0) : valueAt(wave, start + index, 1);
  }
  return output;
}

/** What is between two frequencies. */
export function bandOf(
  wave: Float64Array,
  sampleRate: number,
  fromHz: number,
  toHz: number,
): Float64Array {
  const half = Math.round(sampleRate / 50);
  const kernel = new Float64Array(2 * half + 1);
  for (let index = -half; index <= half; index++) {
    const window = 0.54 + 0.46 * Math.cos((Math.PI * index) / half);
    const from = (2 * fromHz) / sampleRate;
    const to = (2 * toHz) / sampleRate;
    const value =
      index === 0
        ? to - from
        : (Math.sin(Math.PI * to * index) - Math.sin(Math.PI * from * index)) / (Math.PI * index);
    kernel[half + index] = value * window;
  }
  const output = new Float64Array(wave.length);
  for (let index = 0; index < wave.length; index++) {
    let sum = 0;
    const first = Math.max(0, half - index);
    const last = Math.min(2 * half, wave.length - 1 - index + half);
    for (let tap = first; tap <= last; tap++) {
      sum += (kernel[tap] ?? 0) * (wave[index + tap - half] ?? 0);
    }
    output[index] = sum;
  }
  return output;
}

/** The band-limited wave's value at a position between samples. */
function valueAt(wave: ArrayLike<number>, position: number, cutoff: number): number {
  const reach = CROSSINGS / cutoff;
  const first = Math.max(0, Math.ceil(position - reach));
  const last = Math.min(wave.length - 1, Math.floor(position + reach));
  let sum = 0;
  for (let index = first; index <= last; index++) {
    const at = Math.abs(index - position) * cutoff * TABLE_STEPS;
    const slot = Math.floor(at);
    const below = windowedSinc[slot] ?? 0;
    const value = below + (at - slot) * ((windowedSinc[slot + 1] ?? 0) - below);
    sum += (wave[index] ?? 0) * value;
  }
  return sum * cutoff;
}
