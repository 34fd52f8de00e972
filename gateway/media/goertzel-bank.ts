/**
 * Goertzel filters, one for each frequency, over windows of two hops that overlap by half: each hop
 * is worked once and turned on to where the next one ends. Above: the digit detector. Below nothing.
 */

export class GoertzelBank {
  readonly hopSamples: number;
  readonly windowSamples: number;
  /** Of each frequency in the latest window: a sine of amplitude A leaves (A · samples / 2)². */
  readonly powers: Float64Array;
  /** Sum of the latest window's squares. */
  energy = 0;

  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  readonly #turnCosines: Float64Array;
  readonly #turnSines: Float64Array;
  readonly #hopReal: Float64Array;
  readonly #hopImaginary: Float64Array;
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;
  #hopEnergy = 0;
  /** Whether the hop before the next one is known. */
  #hasHop = false;

  constructor(frequenciesHz: readonly number[], sampleRate: number, hopSamples: number) {
    this.hopSamples = hopSamples;
    this.windowSamples = 2 * hopSamples;
    const steps = frequenciesHz.map((hertz) => (2 * Math.PI * hertz) / sampleRate);
    this.#cosines = Float64Array.from(steps, Math.cos);
    this.#sines = Float64Array.from(steps, Math.sin);
    this.#turnCosines = Float64Array.from(steps, (step) => Math.cos(hopSamples * step));
    this.#turnSines = Float64Array.from(steps, (step) => Math.sin(hopSamples * step));
    this.#hopReal = new Float64Array(steps.length);
    this.#hopImaginary = new Float64Array(steps.length);
    this.#real = new Float64Array(steps.length);
    this.#imaginary = new Float64Array(steps.length);
    this.powers = new Float64Array(steps.length);
  }

  /** Works a hop of `hopSamples`. False where it is the first: half a window is none. */
  hear(hop: Float64Array): boolean {
    let energy = 0;
    for (let at = 0; at < hop.length; at++) energy += (hop[at] ?? 0) ** 2;
    for (let filter = 0; filter < this.powers.length; filter++) this.#filter(filter, hop);
    this.energy = this.#hopEnergy + energy;
    this.#hopEnergy = energy;
    const isWhole = this.#hasHop;
    this.#hasHop = true;
    return isWhole;
  }

  /** What follows doesn't follow on what was heard. */
  forget(): void {
    this.#hasHop = false;
  }

  /** Of the frequency at the latest window's end, -π to π. */
  phase(filter: number): number {
    return Math.atan2(this.#imaginary[filter] ?? 0, this.#real[filter] ?? 0);
  }

  #filter(filter: number, hop: Float64Array): void {
    const cosine = this.#cosines[filter] ?? 0;
    const coefficient = 2 * cosine;
    let first = 0;
    let second = 0;
    for (let at = 0; at < hop.length; at++) {
      const next = (hop[at] ?? 0) + coefficient * first - second;
      second = first;
      first = next;
    }
    const hopReal = first - cosine * second;
    const hopImaginary = (this.#sines[filter] ?? 0) * second;
    const turnReal = this.#turnCosines[filter] ?? 0;
    const turnImaginary = this.#turnSines[filter] ?? 0;
    const realBefore = this.#hopReal[filter] ?? 0;
    const imaginaryBefore = this.#hopImaginary[filter] ?? 0;
    const real = hopReal + realBefore * turnReal - imaginaryBefore * turnImaginary;
    const imaginary = hopImaginary + realBefore * turnImaginary + imaginaryBefore * turnReal;
    this.#hopReal[filter] = hopReal;
    this.#hopImaginary[filter] = hopImaginary;
    this.#real[filter] = real;
    this.#imaginary[filter] = imaginary;
    this.powers[filter] = real * real + imaginary * imaginary;
  }
}
