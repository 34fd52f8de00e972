/**
 * Changing the sample rate and the band of recorded audio, by windowed sinc: slow and exact, for
 * measuring. Linear phase throughout, so nothing moves in time. Above: compare.ts, speech.ts.
 * Below: fourier.ts.
 */
import { transform } from "./fourier.ts";
import type { Audio } from "./wav.ts";

/** Zero crossings of the sinc on each side. */
const CROSSINGS = 24;
/** Of the narrower of the two bands, how much is kept; the rest is the filter's slope. */
const PASSED_SHARE = 0.94;
/** Width of a band's edges. */
const SLOPE_HZ = 100;
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
  const wave = Float64Array.from(pcm);
  if (sampleRate === rate) return wave;
  const length = Math.floor((pcm.length * rate) / sampleRate);
  const step = sampleRate / rate;
  const cutoff = PASSED_SHARE * Math.min(1, 1 / step);
  const output = new Float64Array(length);
  for (let index = 0; index < length; index++) output[index] = valueAt(wave, index * step, cutoff);
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
export function shifted(wave: Float64Array, start: number, length: number): Float64Array {
  const output = new Float64Array(length);
  const whole = Number.isInteger(start);
  for (let index = 0; index < length; index++) {
    output[index] = whole ? (wave[start + index] ?? 0) : valueAt(wave, start + index, 1);
  }
  return output;
}

/** What is between two frequencies, with slopes of 100 Hz inside them. */
export function bandOf(
  wave: Float64Array,
  sampleRate: number,
  fromHz: number,
  toHz: number,
): Float64Array {
  // Zeros after the end, so that it doesn't run over into the beginning.
  const size = 2 ** Math.ceil(Math.log2(wave.length + sampleRate / 10));
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  real.set(wave);
  transform(real, imaginary);
  for (let bin = 0; bin < size; bin++) {
    const frequency = (Math.min(bin, size - bin) * sampleRate) / size;
    const inside = Math.min(frequency - fromHz, toHz - frequency) / SLOPE_HZ;
    const gain = inside <= 0 ? 0 : inside >= 1 ? 1 : Math.sin((Math.PI / 2) * inside) ** 2;
    // Conjugated, so that a forward transform inverts it.
    real[bin] = ((real[bin] ?? 0) * gain) / size;
    imaginary[bin] = (-(imaginary[bin] ?? 0) * gain) / size;
  }
  transform(real, imaginary);
  return real.slice(0, wave.length);
}

/** The band-limited wave's value at a position between samples. */
function valueAt(wave: Float64Array, position: number, cutoff: number): number {
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
