/**
 * Comfort noise, RFC 3389: what a silent peer's room sounds like, as a level and perhaps a spectrum,
 * made audible for a peer that doesn't do so itself, and said to one that does.
 * Above: the transcoder. Below nothing.
 */

/** The loudest there is in dBov: a square wave of 16 bits (§3.1). */
const FULL_SCALE = 32_768;
/** §3.1: 0 to 127 dB below that; what can't be heard at all is the last. */
const LEVEL_MAX = 127;
/** Reflection coefficients beyond these shape nothing one hears in noise. */
const ORDER_MAX = 12;
/** A filter at the edge would ring for ever. */
const REFLECTION_MAX = 0.98;
/** Normal noise has a root mean square of so much times its mean magnitude: √(π/2). */
const RMS_OF_MEAN = 1.2533;

export class ComfortNoise {
  #amplitude = 0;
  #order = 0;
  readonly #reflections = new Float64Array(ORDER_MAX);
  /** The lattice filter's memory (§3.2: an all-pole model). */
  readonly #backward = new Float64Array(ORDER_MAX + 1);
  #state = 0x2545f491;

  /** Takes a CN payload: level, then reflection coefficients. An empty one changes nothing. */
  describe(buffer: Uint8Array, offset: number, length: number): void {
    if (length < 1) return;
    this.#order = Math.min(ORDER_MAX, length - 1);
    let gain = 1;
    for (let index = 0; index < this.#order; index++) {
      const written = (((buffer[offset + 1 + index] ?? 127) - 127) * 258) / FULL_SCALE;
      const reflection = Math.max(-REFLECTION_MAX, Math.min(REFLECTION_MAX, written));
      this.#reflections[index] = reflection;
      gain *= 1 - reflection * reflection;
    }
    const level = (buffer[offset] ?? LEVEL_MAX) & 0x7f;
    this.#setLevel(level === LEVEL_MAX ? 0 : FULL_SCALE * 10 ** (-level / 20), gain);
  }

  /** Noise as loud as audio whose samples' mean magnitude is `mean`. */
  match(mean: number): void {
    this.#order = 0;
    this.#setLevel(mean * RMS_OF_MEAN, 1);
  }

  /** Fills `pcm`. */
  generate(pcm: Int16Array): void {
    for (let index = 0; index < pcm.length; index++) {
      pcm[index] = Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(this.#next())));
    }
  }

  #setLevel(rootMeanSquare: number, gain: number): void {
    // Evenly distributed noise reaches √3 times its root mean square.
    this.#amplitude = rootMeanSquare * Math.sqrt(3 * gain);
  }

  #next(): number {
    // xorshift32: noise needs to be uneven, not unguessable.
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    let forward = (this.#state / 2 ** 31) * this.#amplitude;
    for (let stage = this.#order; stage > 0; stage--) {
      const reflection = this.#reflections[stage - 1] ?? 0;
      const before = this.#backward[stage - 1] ?? 0;
      forward -= reflection * before;
      this.#backward[stage] = before + reflection * forward;
    }
    this.#backward[0] = forward;
    return forward;
  }
}

/** The level octet of a CN payload (§3.1) for audio whose samples' mean magnitude is `mean`. */
export function noiseLevel(mean: number): number {
  const below = 20 * Math.log10(FULL_SCALE / Math.max(1e-9, mean * RMS_OF_MEAN));
  return Math.max(0, Math.min(LEVEL_MAX, Math.round(below)));
}
