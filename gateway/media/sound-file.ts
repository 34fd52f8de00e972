/**
 * WAV files as sound to be played: RIFF with 16-bit PCM or G.711, any rate and number of channels,
 * to mono at 16 kHz. In slices: a worker that converts an hour of music has calls to serve
 * meanwhile. Bytes in, samples out. Above: who reads files, and the announcer. Below nothing.
 */
import { SOUND_SECONDS_MAX } from "../limits.ts";
import { Downsampler } from "./resampler.ts";

/** What is played, packet by packet. */
export interface Source {
  /** Fills `pcm` with what comes at its sample `first`, or next where it knows by itself. */
  sound(pcm: Int16Array, first: number, sampleRate: 8_000 | 16_000): void;
  /** How long it is played where it is played once; undefined while that isn't known. */
  readonly durationMs: number | undefined;
}

export const SOUND_RATE = 16_000;

export type Parsed = { ok: true; sound: WavSound } | { ok: false; reason: string };

const PCM = 1;
const A_LAW = 6;
const MU_LAW = 7;
const EXTENSIBLE = 0xfffe;
const EXPECTED = "a WAV file with 16-bit PCM, A-law or mu-law at 8 to 48 kHz is expected";

/** Reads the file's head; `ok: false` says what is wrong and what would be right. */
export function readWavSound(bytes: Uint8Array): Parsed {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isWav = bytes.length >= 12 && nameAt(view, 0) === "RIFF" && nameAt(view, 8) === "WAVE";
  if (!isWav) return bad("it is no WAV file");
  let format: WavFormat | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = nameAt(view, at);
    const start = at + 8;
    const length = view.getUint32(at + 4, true);
    if (name === "fmt " && start + 16 <= bytes.length) {
      format = formatAt(view, start);
      if (!format) return bad("its audio has another form");
    }
    if (name === "data") {
      if (!format) return bad("its format is not told before its audio");
      const end = Math.min(bytes.length, length === 0 ? bytes.length : start + length);
      return enclosed(view, format, start, end);
    }
    at = start + length + (length & 1);
  }
  return bad("there is no audio in it");
}

interface WavFormat {
  kind: number;
  channels: number;
  sampleRate: number;
}

function formatAt(view: DataView, at: number): WavFormat | undefined {
  const kind = view.getUint16(at, true);
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  const isPcm = (kind === PCM || kind === EXTENSIBLE) && bits === 16;
  const isCompanded = (kind === A_LAW || kind === MU_LAW) && bits === 8;
  const isInReach = channels >= 1 && channels <= 8 && sampleRate >= 8_000 && sampleRate <= 48_000;
  const isUsual = phasesOf(sampleRate) <= PHASES_MAX;
  const isGood = (isPcm || isCompanded) && isInReach && isUsual;
  return isGood ? { kind, channels, sampleRate } : undefined;
}

function enclosed(view: DataView, format: WavFormat, start: number, end: number): Parsed {
  const sound = new WavSound(view, format, start, end);
  if (sound.samples === 0) return bad("there is no audio in it");
  if (sound.seconds > SOUND_SECONDS_MAX) {
    return { ok: false, reason: `it is longer than ${SOUND_SECONDS_MAX} s, which is the most` };
  }
  return { ok: true, sound };
}

function bad(found: string): Parsed {
  return { ok: false, reason: `${found}: ${EXPECTED}` };
}

/** To either side of a sample, in periods of the lower rate. */
const REACH = 8;
/** Work in one slice, in multiplications: about a millisecond. */
const SLICE_WORK = 100_000;
/** The work a sample is beside its multiplications, and that of a kernel's weight. */
const SAMPLE_WORK = 10;
const WEIGHT_WORK = 10;
/** Places between two samples, each with a filter of its own; 11025 Hz has 640. */
const PHASES_MAX = 2_000;

export class WavSound {
  readonly #view: DataView;
  readonly #format: WavFormat;
  readonly #start: number;
  readonly #frames: number;

  constructor(view: DataView, format: WavFormat, start: number, end: number) {
    this.#view = view;
    this.#format = format;
    this.#start = start;
    this.#frames = Math.floor((end - start) / this.#frameBytes);
  }

  get seconds(): number {
    return this.#frames / this.#format.sampleRate;
  }

  /** How many there are at 16 kHz. */
  get samples(): number {
    return Math.floor((this.#frames * SOUND_RATE) / this.#format.sampleRate);
  }

  /** Mono at 16 kHz; between two values something else may be done. */
  *convert(): Generator<undefined, Int16Array> {
    const { channels, sampleRate } = this.#format;
    const output = new Int16Array(this.samples);
    const isAsItIs = sampleRate === SOUND_RATE;
    const kernels: Float64Array[] = [];
    const phases = phasesOf(sampleRate);
    const reach = reachFor(sampleRate);
    const work = SAMPLE_WORK + channels * (isAsItIs ? 1 : 2 * reach);
    let left = SLICE_WORK;
    for (let index = 0; index < output.length; index++) {
      if (left < work) {
        yield undefined;
        left = SLICE_WORK;
      }
      left -= work;
      if (isAsItIs) {
        output[index] = this.#frame(index);
        continue;
      }
      let kernel = kernels[index % phases];
      if (!kernel) {
        kernel = kernelFor(sampleRate, index);
        kernels.push(kernel);
        left -= WEIGHT_WORK * kernel.length;
      }
      const first = Math.floor((index * sampleRate) / SOUND_RATE) - reach + 1;
      output[index] = this.#around(first, kernel);
    }
    return output;
  }

  #around(first: number, kernel: Float64Array): number {
    let sum = 0;
    for (let tap = 0; tap < kernel.length; tap++) {
      const at = first + tap;
      if (at >= 0 && at < this.#frames) sum += (kernel[tap] ?? 0) * this.#frame(at);
    }
    return Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }

  /** The mean of all channels. */
  #frame(index: number): number {
    const { channels, kind } = this.#format;
    const at = this.#start + index * this.#frameBytes;
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      if (kind === A_LAW) sum += fromALaw(this.#view.getUint8(at + channel));
      else if (kind === MU_LAW) sum += fromMuLaw(this.#view.getUint8(at + channel));
      else sum += this.#view.getInt16(at + 2 * channel, true);
    }
    return Math.round(sum / channels);
  }

  get #frameBytes(): number {
    const { kind, channels } = this.#format;
    return kind === A_LAW || kind === MU_LAW ? channels : 2 * channels;
  }
}

/** Samples at 16 kHz, played from their beginning, again and again. */
export class Recording implements Source {
  readonly #samples: Int16Array;
  #at = 0;
  #downsampler: Downsampler | undefined;
  #wide = new Int16Array();

  constructor(samples: Int16Array) {
    this.#samples = samples;
  }

  get durationMs(): number {
    return (this.#samples.length * 1_000) / SOUND_RATE;
  }

  sound(pcm: Int16Array, _first: number, sampleRate: 8_000 | 16_000): void {
    if (sampleRate === SOUND_RATE) {
      this.#take(pcm);
      return;
    }
    if (this.#wide.length !== 2 * pcm.length) this.#wide = new Int16Array(2 * pcm.length);
    this.#downsampler ??= new Downsampler();
    this.#take(this.#wide);
    pcm.set(this.#downsampler.process(this.#wide));
  }

  #take(pcm: Int16Array): void {
    const samples = this.#samples;
    for (let filled = 0; filled < pcm.length; ) {
      const piece = samples.subarray(this.#at, this.#at + pcm.length - filled);
      pcm.set(piece, filled);
      filled += piece.length;
      this.#at = (this.#at + piece.length) % samples.length;
    }
  }
}

/** Below both rates' halves: what the output can't hold would come back as another tone. */
function cutoffFor(sampleRate: number): number {
  return Math.min(1, SOUND_RATE / sampleRate) * 0.97;
}

function reachFor(sampleRate: number): number {
  return Math.ceil(REACH / cutoffFor(sampleRate));
}

/** A windowed sinc for the place a sample of the output has between two of the input. */
function kernelFor(sampleRate: number, index: number): Float64Array {
  const cutoff = cutoffFor(sampleRate);
  const reach = reachFor(sampleRate);
  const place = ((index * sampleRate) / SOUND_RATE) % 1;
  const kernel = new Float64Array(2 * reach);
  let sum = 0;
  for (let tap = 0; tap < kernel.length; tap++) {
    const offset = tap - reach + 1 - place;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * offset) / (reach + 1));
    kernel[tap] = window * sinc(offset * cutoff);
    sum += kernel[tap] ?? 0;
  }
  return kernel.map((weight) => weight / sum);
}

/** After so many samples of the output their places between those of the input come round again. */
function phasesOf(sampleRate: number): number {
  return SOUND_RATE / greatestDivisor(sampleRate, SOUND_RATE);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** ITU-T G.711 §3.1: sign, segment, step; every other bit inverted. */
function fromALaw(octet: number): number {
  const value = octet ^ 0x55;
  const segment = (value >> 4) & 7;
  const step = ((value & 15) << 4) + 8;
  const size = segment === 0 ? step : (step + 256) << (segment - 1);
  return value & 0x80 ? size : -size;
}

/** §3.2: all bits inverted, and a bias of 132. */
function fromMuLaw(octet: number): number {
  const value = ~octet & 0xff;
  const size = ((((value & 15) << 3) + 132) << ((value >> 4) & 7)) - 132;
  return value & 0x80 ? -size : size;
}

function nameAt(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
}
