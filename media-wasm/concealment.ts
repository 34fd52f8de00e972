/**
 * Packet loss concealment for codecs that have none, after the idea of ITU-T G.711 Appendix I: the
 * latest pitch period is repeated, from 10 ms on ever more quietly, and 60 ms into the loss there
 * is silence. Unlike the Appendix it adds no delay: the joints are smoothed within what is made up
 * and within the first packet after it. Above: G.711 and G.722.
 */

/** Pitch is looked for between these: 66 to 400 Hz. */
const PITCH_MS_MIN = 2.5;
const PITCH_MS_MAX = 15;
/** Audio two candidate periods are compared over. */
const WINDOW_MS = 10;
/** How long one signal fades into the other at a joint. */
const JOINT_MS = 4;
const FULL_MS = 10;
const SILENT_MS = 60;
/** The longest packet, so the most asked for at once. */
const CONCEAL_MS_MAX = 120;
/** Every other lag, over every other sample, is enough to find the peak; then it is refined. */
const COARSE_STEP = 2;

export class Concealment {
  readonly #perMs: number;
  /** The latest audio, newest last: as long as a window and the longest period before it. */
  readonly #history: Int16Array;
  readonly #period: Float32Array;
  readonly #output: Int16Array;
  #view: Int16Array;
  #periodLength = 0;
  /** How far the first made-up sample would jump from the latest real one; fades away. */
  #step = 0;
  /** Where in the period the next made-up sample is, and how many were made up since the loss. */
  #phase = 0;
  #concealed = 0;

  constructor(sampleRate: 8_000 | 16_000) {
    this.#perMs = sampleRate / 1_000;
    this.#history = new Int16Array((WINDOW_MS + PITCH_MS_MAX + JOINT_MS) * this.#perMs);
    this.#period = new Float32Array(PITCH_MS_MAX * this.#perMs);
    this.#output = new Int16Array(CONCEAL_MS_MAX * this.#perMs);
    this.#view = this.#output;
  }

  /** Takes note of decoded audio; after a loss its beginning is changed in place to join on. */
  received(pcm: Int16Array): void {
    if (this.#concealed > 0) this.#join(pcm);
    this.#remember(pcm);
  }

  /** Makes up `samples` samples, at most 120 ms. */
  conceal(samples: number): Int16Array {
    const length = Math.max(0, Math.min(samples, this.#output.length));
    if (this.#view.length !== length) this.#view = this.#output.subarray(0, length);
    if (this.#concealed === 0) this.#findPeriod();
    const output = this.#view;
    for (let index = 0; index < length; index++) output[index] = this.#next();
    this.#remember(output);
    return output;
  }

  reset(): void {
    this.#history.fill(0);
    this.#concealed = 0;
  }

  /** The next made-up sample. */
  #next(): number {
    const fullSamples = FULL_MS * this.#perMs;
    const silentSamples = SILENT_MS * this.#perMs;
    const fade = (silentSamples - this.#concealed) / (silentSamples - fullSamples);
    const gain = fade >= 1 ? 1 : fade <= 0 ? 0 : fade;
    const step = this.#step * Math.max(0, 1 - this.#concealed / (JOINT_MS * this.#perMs));
    const sample = ((this.#period[this.#phase] ?? 0) + step) * gain;
    this.#phase = this.#phase + 1 === this.#periodLength ? 0 : this.#phase + 1;
    this.#concealed += 1;
    return Math.max(-32_768, Math.min(32_767, sample));
  }

  /** Fades from what would have been made up further into what came. */
  #join(pcm: Int16Array): void {
    const length = Math.min(pcm.length, JOINT_MS * this.#perMs);
    for (let index = 0; index < length; index++) {
      const share = (index + 1) / (length + 1);
      pcm[index] = (pcm[index] ?? 0) * share + this.#next() * (1 - share);
    }
    this.#concealed = 0;
  }

  #remember(pcm: Int16Array): void {
    const history = this.#history;
    const kept = history.length - pcm.length;
    if (kept > 0) history.copyWithin(0, pcm.length);
    // A plain loop: `set` would need a view made of the end of a long packet.
    for (let index = Math.max(0, -kept); index < pcm.length; index++) {
      history[kept + index] = pcm[index] ?? 0;
    }
  }

  /** Cuts the latest period out of the history, its end faded into what came before its start. */
  #findPeriod(): void {
    const length = this.#pitch();
    const start = this.#history.length - length;
    const joint = Math.min(length >> 2, JOINT_MS * this.#perMs);
    for (let index = 0; index < length; index++) {
      this.#period[index] = this.#history[start + index] ?? 0;
    }
    for (let index = 1; index <= joint; index++) {
      const share = (joint + 1 - index) / (joint + 1);
      const end = this.#period[length - index] ?? 0;
      const before = this.#history[start - index] ?? 0;
      this.#period[length - index] = end * (1 - share) + before * share;
    }
    this.#periodLength = length;
    this.#phase = 0;
    this.#step = (this.#history[this.#history.length - 1] ?? 0) - (this.#history[start - 1] ?? 0);
  }

  /** The lag at which the latest audio is most like itself, in samples. */
  #pitch(): number {
    const least = PITCH_MS_MIN * this.#perMs;
    const most = PITCH_MS_MAX * this.#perMs;
    let best = least;
    let bestLikeness = Number.NEGATIVE_INFINITY;
    for (let lag = least; lag <= most; lag += COARSE_STEP) {
      const likeness = this.#likeness(lag, COARSE_STEP);
      if (likeness > bestLikeness) [best, bestLikeness] = [lag, likeness];
    }
    const coarse = best;
    bestLikeness = this.#likeness(coarse, 1);
    for (const lag of [coarse - 1, coarse + 1]) {
      if (lag < least || lag > most) continue;
      const likeness = this.#likeness(lag, 1);
      if (likeness > bestLikeness) [best, bestLikeness] = [lag, likeness];
    }
    return best;
  }

  /** Normalized correlation of the last 10 ms with the audio `lag` samples earlier. */
  #likeness(lag: number, step: number): number {
    const history = this.#history;
    const start = history.length - WINDOW_MS * this.#perMs;
    let product = 0;
    let energy = 1;
    for (let index = start; index < history.length; index += step) {
      const earlier = history[index - lag] ?? 0;
      product += (history[index] ?? 0) * earlier;
      energy += earlier * earlier;
    }
    return product / Math.sqrt(energy);
  }
}
