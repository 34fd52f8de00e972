/**
 * Opus (RFC 6716, RFC 7587), mono, on libopus. libopus-wasm's own interface is asynchronous and
 * copies every packet into a new array; a thread that handles packets needs neither, so this calls
 * libopus's functions. Above: codec.ts. Below: libopus.ts.
 */
import type { Decoder, Encoder, OpusEncoderOptions, PcmRate } from "../codec.ts";
import type { Libopus, LibopusMemory } from "./libopus.ts";

/** opus_defines.h */
const APPLICATION_VOIP = 2_048;
const APPLICATION_RESTRICTED_LOWDELAY = 2_051;
const SET_BITRATE = 4_002;
const SET_COMPLEXITY = 4_010;
const SET_INBAND_FEC = 4_012;
const SET_PACKET_LOSS_PERCENT = 4_014;
const SET_SIGNAL = 4_024;
const SIGNAL_VOICE = 3_001;

/** CELT at its cheapest; what speech needs at 16 kHz without sounding coded. */
const LOW_DELAY_DEFAULTS = { bitrate: 32_000, complexity: 0 };
/**
 * SILK spends a third of it on the copy of the packet before. With less, packets of 10 ms lose 2 dB
 * at once, for the encoder gives up the upper half of the band.
 */
const RESILIENT_DEFAULTS = { bitrate: 31_000, complexity: 0 };
/** What the encoder is told of the loss; FEC is only written if it expects some. */
const EXPECTED_LOSS_PERCENT = 10;
/** RFC 6716 §3.2: a packet lasts at most 120 ms. */
const PACKET_MS_MAX = 120;
/** libopus conceals in steps of 2.5 ms. */
const STEPS_PER_SECOND = 400;
/** What a payload is taken to have lasted if none could be decoded yet. */
const USUAL_MS = 20;
/** Six frames of 1275 bytes and their lengths: the longest packet there is (RFC 6716 §3.4). */
const PACKET_BYTES_MAX = 7_664;

export interface Opus {
  encoder(sampleRate: PcmRate, options: OpusEncoderOptions): Encoder;
  decoder(sampleRate: PcmRate): Decoder;
}

/** The codec over an instance of libopus. */
export function opusOver(libopus: Libopus): Opus {
  // One call is made at a time and each leaves nothing behind, so all codecs share the buffers.
  const packet = libopus.memory(PACKET_BYTES_MAX);
  const pcm = libopus.memory((2 * 16_000 * PACKET_MS_MAX) / 1_000);
  return {
    encoder: (sampleRate, options) => new OpusEncoder(libopus, packet, pcm, sampleRate, options),
    decoder: (sampleRate) => new OpusDecoder(libopus, packet, pcm, sampleRate),
  };
}

/** An encoder's latest packet, outside libopus's memory: valid until its next one. */
class PacketCopy {
  readonly sizeBytes = 1_500;
  readonly #buffer = new Uint8Array(this.sizeBytes);
  /** One for each length there was: none is made for a packet, and few lengths are common. */
  readonly #views = new Map<number, Uint8Array>();

  take(source: Uint8Array, length: number): Uint8Array {
    const buffer = this.#buffer;
    for (let index = 0; index < length; index++) buffer[index] = source[index] ?? 0;
    const known = this.#views.get(length);
    if (known) return known;
    const view = buffer.subarray(0, length);
    this.#views.set(length, view);
    return view;
  }
}

class OpusEncoder implements Encoder {
  readonly sampleRate: PcmRate;
  readonly #libopus: Libopus;
  readonly #options: OpusEncoderOptions;
  readonly #packet: LibopusMemory;
  readonly #pcm: LibopusMemory;
  readonly #copy = new PacketCopy();
  #encoder: number;

  constructor(
    libopus: Libopus,
    packet: LibopusMemory,
    pcm: LibopusMemory,
    sampleRate: PcmRate,
    options: OpusEncoderOptions,
  ) {
    this.sampleRate = sampleRate;
    this.#libopus = libopus;
    this.#packet = packet;
    this.#pcm = pcm;
    this.#options = options;
    this.#encoder = createEncoder(libopus, sampleRate, options);
  }

  encode(pcm: Int16Array): Uint8Array {
    // Outside WebAssembly nothing else stops libopus from writing where no encoder is.
    if (this.#encoder === 0) throw new Error("The encoder is closed.");
    if (pcm.length > this.#pcm.int16.length) throw new RangeError(`${pcm.length} samples`);
    this.#pcm.int16.set(pcm);
    const length = this.#libopus.encode(
      this.#encoder,
      this.#pcm.pointer,
      pcm.length,
      this.#packet.pointer,
      this.#copy.sizeBytes,
    );
    if (length < 0) throw new RangeError(`Opus does not encode ${pcm.length} samples (${length})`);
    return this.#copy.take(this.#packet.bytes, length);
  }

  reset(): void {
    this.close();
    this.#encoder = createEncoder(this.#libopus, this.sampleRate, this.#options);
  }

  close(): void {
    if (this.#encoder !== 0) this.#libopus.destroyEncoder(this.#encoder);
    this.#encoder = 0;
  }
}

class OpusDecoder implements Decoder {
  readonly sampleRate: PcmRate;
  readonly #libopus: Libopus;
  readonly #packet: LibopusMemory;
  readonly #pcm: LibopusMemory;
  /** A copy outside the shared memory: valid until this decoder's next packet. */
  readonly #buffer: Int16Array;
  #output: Int16Array;
  /** How long the latest packet lasted. */
  #latestSamples: number;
  #decoder: number;

  constructor(libopus: Libopus, packet: LibopusMemory, pcm: LibopusMemory, sampleRate: PcmRate) {
    this.sampleRate = sampleRate;
    this.#libopus = libopus;
    this.#packet = packet;
    this.#pcm = pcm;
    this.#buffer = new Int16Array((sampleRate * PACKET_MS_MAX) / 1_000);
    this.#output = this.#buffer;
    this.#latestSamples = (sampleRate * USUAL_MS) / 1_000;
    this.#decoder = createDecoder(libopus, sampleRate);
  }

  decode(payload: Uint8Array): Int16Array {
    const samples = this.#run(payload, this.#buffer.length, false);
    if (samples <= 0) return this.conceal(this.#latestSamples);
    this.#latestSamples = samples;
    return this.#take(samples);
  }

  conceal(samples: number): Int16Array {
    const wanted = Math.max(0, Math.min(samples, this.#buffer.length));
    const made = this.#run(undefined, this.#wholeSteps(wanted), false);
    return this.#take(wanted, made);
  }

  decodeFec(payload: Uint8Array, samples: number): Int16Array {
    const wanted = Math.max(0, Math.min(samples, this.#buffer.length));
    const made = this.#run(payload, this.#wholeSteps(wanted), true);
    return made > 0 ? this.#take(wanted, made) : this.conceal(wanted);
  }

  reset(): void {
    this.close();
    this.#decoder = createDecoder(this.#libopus, this.sampleRate);
  }

  close(): void {
    if (this.#decoder !== 0) this.#libopus.destroyDecoder(this.#decoder);
    this.#decoder = 0;
  }

  /** `samples`, and what it takes to make them a multiple of 2.5 ms. */
  #wholeSteps(samples: number): number {
    const step = this.sampleRate / STEPS_PER_SECOND;
    return Math.ceil(samples / step) * step;
  }

  /** Decodes into the shared memory; how many samples, or an error code of libopus. */
  #run(payload: Uint8Array | undefined, samplesMax: number, fec: boolean): number {
    const length = payload?.length ?? 0;
    if (this.#decoder === 0) return -1;
    if (payload && (length === 0 || length > PACKET_BYTES_MAX)) return -1;
    if (payload) this.#packet.bytes.set(payload);
    try {
      return this.#libopus.decode(
        this.#decoder,
        payload ? this.#packet.pointer : 0,
        length,
        this.#pcm.pointer,
        samplesMax,
        fec,
      );
    } catch {
      // A trap left the state half changed, not even fit to be freed: the call goes on with a new
      // one, or with silence if there is none.
      this.#decoder = this.#libopus.createDecoder(this.sampleRate);
      return -1;
    }
  }

  /** Copies `samples` out of the shared memory, of which only `made` are there; then silence. */
  #take(samples: number, made: number = samples): Int16Array {
    if (this.#output.length !== samples) this.#output = this.#buffer.subarray(0, samples);
    const output = this.#output;
    const source = this.#pcm.int16;
    for (let index = 0; index < samples; index++) {
      output[index] = index < made ? (source[index] ?? 0) : 0;
    }
    return output;
  }
}

function createEncoder(libopus: Libopus, rate: PcmRate, options: OpusEncoderOptions): number {
  const resilient = options.mode === "resilient";
  const application = resilient ? APPLICATION_VOIP : APPLICATION_RESTRICTED_LOWDELAY;
  const encoder = libopus.createEncoder(rate, application);
  if (encoder === 0) throw new Error("libopus has no memory for an encoder");
  const defaults = resilient ? RESILIENT_DEFAULTS : LOW_DELAY_DEFAULTS;
  const fec = resilient && (options.fec ?? true);
  const settings: [request: number, value: number][] = [
    [SET_BITRATE, options.bitrate ?? defaults.bitrate],
    [SET_COMPLEXITY, options.complexity ?? defaults.complexity],
    [SET_SIGNAL, SIGNAL_VOICE],
    [SET_INBAND_FEC, fec ? 1 : 0],
    [SET_PACKET_LOSS_PERCENT, fec ? EXPECTED_LOSS_PERCENT : 0],
  ];
  for (const [request, value] of settings) {
    const error = libopus.setEncoder(encoder, request, value);
    if (error < 0) throw new RangeError(`Opus encoder setting ${request} = ${value} (${error})`);
  }
  return encoder;
}

function createDecoder(libopus: Libopus, rate: PcmRate): number {
  const decoder = libopus.createDecoder(rate);
  if (decoder === 0) throw new Error("libopus has no memory for a decoder");
  return decoder;
}
