/**
 * Test signals, the same in every run: tones, a sweep, noise, something that moves as speech does.
 * Levels are in dBov: 0 is the loudest square wave 16 bits hold, so the loudest sine is -3.
 * Above: tests and bench. Below: wav.ts for the type alone.
 */
import type { Audio } from "./wav.ts";

const FULL_SCALE = 32_768;

export interface SignalOptions {
  sampleRate: number;
  durationMs: number;
  /** Root mean square; -20 dBov unless told otherwise. */
  levelDbov?: number;
}

/** A sine. */
export function tone(frequencyHz: number, options: SignalOptions): Audio {
  return tones([frequencyHz], options);
}

/** Sines of equal strength. */
export function tones(frequenciesHz: readonly number[], options: SignalOptions): Audio {
  return synthesize(options, (seconds) => {
    let sum = 0;
    for (const frequency of frequenciesHz) sum += Math.sin(2 * Math.PI * frequency * seconds);
    return sum;
  });
}

/** A sine whose frequency rises evenly. */
export function sweep(fromHz: number, toHz: number, options: SignalOptions): Audio {
  const duration = options.durationMs / 1_000;
  return synthesize(options, (seconds) => {
    const cycles = fromHz * seconds + ((toHz - fromHz) * seconds * seconds) / (2 * duration);
    return Math.sin(2 * Math.PI * cycles);
  });
}

/** White noise. */
export function noise(seed: number, options: SignalOptions): Audio {
  const chance = chanceFrom(seed);
  return synthesize(options, () => chance() - 0.5);
}

/**
 * Buzzing with a wandering pitch through two wandering resonances, in syllables with pauses: what
 * speech codecs are made for. Another seed is another "sentence".
 */
export function speechLike(seed: number, options: SignalOptions): Audio {
  const { sampleRate } = options;
  const chance = chanceFrom(seed);
  const first = new Resonance(sampleRate);
  const second = new Resonance(sampleRate);
  let left = 0;
  let length = 1;
  let loudness = 0;
  let pitchHz = 120;
  let phase = 0;
  return synthesize(options, () => {
    if (left <= 0) {
      length = Math.round((0.08 + 0.22 * chance()) * sampleRate);
      left = length;
      loudness = chance() < 0.2 ? 0 : 0.3 + 0.7 * chance();
      pitchHz = 90 + 120 * chance();
      first.tune(300 + 500 * chance(), 90);
      second.tune(900 + 1_600 * chance(), 140);
    }
    left -= 1;
    phase += (pitchHz * (1 + 0.1 * (left / length))) / sampleRate;
    const pulse = phase >= 1 ? 1 : 0;
    phase -= pulse;
    const source = pulse + 0.02 * (chance() - 0.5);
    const envelope = Math.sin((Math.PI * left) / length) * loudness;
    return envelope * (first.pass(source) + 0.6 * second.pass(source));
  });
}

/** Root mean square in dBov; -Infinity for silence. */
export function levelDbov(pcm: Int16Array): number {
  let energy = 0;
  for (const sample of pcm) energy += sample * sample;
  return 10 * Math.log10(energy / Math.max(1, pcm.length) / FULL_SCALE ** 2);
}

/** How strong a tone is in the audio (Goertzel), and everything else against it. */
export function toneIn(audio: Audio, frequencyHz: number): { levelDbov: number; snrDb: number } {
  const { pcm, sampleRate } = audio;
  const step = (2 * Math.PI * frequencyHz) / sampleRate;
  let real = 0;
  let imaginary = 0;
  let energy = 0;
  for (let index = 0; index < pcm.length; index++) {
    const sample = pcm[index] ?? 0;
    real += sample * Math.cos(step * index);
    imaginary += sample * Math.sin(step * index);
    energy += sample * sample;
  }
  const length = Math.max(1, pcm.length);
  const toneEnergy = (2 * (real * real + imaginary * imaginary)) / length;
  const rest = Math.max(1e-9, energy - toneEnergy);
  return {
    levelDbov: 10 * Math.log10(toneEnergy / length / FULL_SCALE ** 2),
    snrDb: 10 * Math.log10(toneEnergy / rest),
  };
}

/** Numbers in [0, 1) that follow from the seed. */
export function chanceFrom(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Samples of `at(seconds)`, brought to the level asked for. */
function synthesize(options: SignalOptions, at: (seconds: number) => number): Audio {
  const { sampleRate, durationMs } = options;
  const wave = new Float64Array(Math.round((sampleRate * durationMs) / 1_000));
  let energy = 0;
  for (let index = 0; index < wave.length; index++) {
    const value = at(index / sampleRate);
    wave[index] = value;
    energy += value * value;
  }
  const wanted = FULL_SCALE * 10 ** ((options.levelDbov ?? -20) / 20);
  const gain = energy === 0 ? 0 : wanted / Math.sqrt(energy / wave.length);
  const pcm = Int16Array.from(wave, (value) =>
    Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(value * gain))),
  );
  return { pcm, sampleRate };
}

/** A two-pole resonance. */
class Resonance {
  readonly #sampleRate: number;
  #pole1 = 0;
  #pole2 = 0;
  #latest = 0;
  #before = 0;

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  tune(frequencyHz: number, bandwidthHz: number): void {
    const radius = Math.exp((-Math.PI * bandwidthHz) / this.#sampleRate);
    this.#pole1 = 2 * radius * Math.cos((2 * Math.PI * frequencyHz) / this.#sampleRate);
    this.#pole2 = -radius * radius;
  }

  pass(input: number): number {
    const output = input + this.#pole1 * this.#latest + this.#pole2 * this.#before;
    this.#before = this.#latest;
    this.#latest = output;
    return output;
  }
}

/** The audio, as often one after the other. */
export function repeated({ pcm, sampleRate }: Audio, times: number): Audio {
  const all = new Int16Array(pcm.length * times);
  for (let index = 0; index < times; index++) all.set(pcm, index * pcm.length);
  return { pcm: all, sampleRate };
}
