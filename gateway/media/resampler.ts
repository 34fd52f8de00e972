/**
 * Two to one and one to two, for the one pair of codecs whose rates differ: G.722 and G.711. A
 * half-band filter, linear phase: flat to 3.4 kHz, 60 dB down from 4.6 kHz, 1.5 ms of delay.
 * Above: the transcoder. Below nothing.
 */
import { PACKET_AUDIO_MS_MAX } from "../limits.ts";

export interface Resampler {
  /** Any even number of samples up to one packet's; the result is valid until the next call. */
  process(pcm: Int16Array): Int16Array;
}

/** The filter reaches this many samples of the higher rate to either side; odd. */
const REACH = 23;
const SAMPLES_MAX = (16_000 * PACKET_AUDIO_MS_MAX) / 1_000;

/** One side's coefficients at offsets 1, 3, … REACH; at even ones a half-band filter is zero. */
const SIDE: Float64Array = designSide();

/** From 16 to 8 kHz. */
export class Downsampler implements Resampler {
  readonly #work = new Float64Array(2 * REACH + SAMPLES_MAX);
  readonly #output = new OutputViews(SAMPLES_MAX / 2);

  process(pcm: Int16Array): Int16Array {
    const work = this.#work;
    append(work, 2 * REACH, pcm);
    const output = this.#output.of(pcm.length >> 1);
    for (let index = 0; index < output.length; index++) {
      const centre = REACH + 1 + 2 * index;
      let sum = 0.5 * (work[centre] ?? 0);
      for (let tap = 0; tap < SIDE.length; tap++) {
        const offset = 2 * tap + 1;
        sum += (SIDE[tap] ?? 0) * ((work[centre - offset] ?? 0) + (work[centre + offset] ?? 0));
      }
      output[index] = clip(sum);
    }
    work.copyWithin(0, pcm.length, pcm.length + 2 * REACH);
    return output;
  }
}

/** From 8 to 16 kHz. */
export class Upsampler implements Resampler {
  readonly #work = new Float64Array(REACH + SAMPLES_MAX / 2);
  readonly #output = new OutputViews(SAMPLES_MAX);

  process(pcm: Int16Array): Int16Array {
    const work = this.#work;
    append(work, REACH, pcm);
    const output = this.#output.of(2 * pcm.length);
    for (let index = 0; index < pcm.length; index++) {
      const centre = index + (REACH - 1) / 2;
      output[2 * index] = work[centre] ?? 0;
      let sum = 0;
      for (let tap = 0; tap < SIDE.length; tap++) {
        sum += (SIDE[tap] ?? 0) * ((work[centre - tap] ?? 0) + (work[centre + tap + 1] ?? 0));
      }
      output[2 * index + 1] = clip(2 * sum);
    }
    work.copyWithin(0, pcm.length, pcm.length + REACH);
    return output;
  }
}

/** One buffer, and the view of it that was asked for last: packets nearly all have one length. */
class OutputViews {
  readonly #buffer: Int16Array;
  #view: Int16Array;

  constructor(samples: number) {
    this.#buffer = new Int16Array(samples);
    this.#view = this.#buffer;
  }

  of(length: number): Int16Array {
    if (this.#view.length !== length) this.#view = this.#buffer.subarray(0, length);
    return this.#view;
  }
}

function append(work: Float64Array, at: number, pcm: Int16Array): void {
  for (let index = 0; index < pcm.length; index++) work[at + index] = pcm[index] ?? 0;
}

function clip(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample)));
}

/** A sinc cut off at a quarter of the rate under a Blackman window, scaled to unity at 0 Hz. */
function designSide(): Float64Array {
  const side = new Float64Array((REACH + 1) / 2);
  let sum = 0;
  for (let tap = 0; tap < side.length; tap++) {
    const offset = 2 * tap + 1;
    const phase = (Math.PI * offset) / (REACH + 1);
    const window = 0.42 + 0.5 * Math.cos(phase) + 0.08 * Math.cos(2 * phase);
    const value = (window * Math.sin((Math.PI * offset) / 2)) / (Math.PI * offset);
    side[tap] = value;
    sum += 2 * value;
  }
  return side.map((value) => (0.5 * value) / sum);
}
