/**
 * G.711, A-law and µ-law (ITU-T G.711, RFC 3551 §4.5.14), by tables: 256 values to decode, and to
 * encode one code for each of the 16,384 (µ-law, 14 bits) or 8,192 (A-law, 13 bits) inputs there
 * are. TypeScript, because a table look-up gains nothing from WebAssembly. Above: codec.ts.
 */
import type { Decoder, Encoder } from "../codec.ts";
import { Concealment } from "../concealment.ts";

export type G711Law = "PCMA" | "PCMU";

/** 120 ms, the longest packet. */
const SAMPLES_MAX = 960;
/** What a payload that can't be decoded is taken to have lasted: 20 ms. */
const USUAL_SAMPLES = 160;

interface Tables {
  /** 16-bit PCM by code. */
  decode: Int16Array;
  /** Code by PCM as an unsigned number, shifted right by `shift`. */
  encode: Uint8Array;
  shift: number;
}

/** Table 1/G.711: the even bits of an A-law code are inverted on the line. */
function decodeALaw(code: number): number {
  const bits = code ^ 0x55;
  const segment = (bits >> 4) & 7;
  const step = bits & 15;
  const magnitude = segment === 0 ? 2 * step + 1 : (2 * step + 33) << (segment - 1);
  return (bits & 0x80 ? magnitude : -magnitude) << 3;
}

/** Table 2/G.711: all bits of a µ-law code are inverted on the line. */
function decodeMuLaw(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = ((2 * (bits & 15) + 33) << ((bits >> 4) & 7)) - 33;
  return (bits & 0x80 ? -magnitude : magnitude) << 2;
}

/** The A-law code of a 13-bit value; negative ones are the complement of positive ones. */
function encodeALaw(value: number): number {
  // Twelve bits of magnitude, the first decision level of each sign being zero.
  const magnitude = value < 0 ? ~value : value;
  const segment = Math.max(0, 27 - Math.clz32(magnitude | 1));
  const step = (magnitude >> Math.max(1, segment)) & 15;
  return ((value < 0 ? 0 : 0x80) | (segment << 4) | step) ^ 0x55;
}

/** The µ-law code of a 14-bit value, likewise. */
function encodeMuLaw(value: number): number {
  const magnitude = Math.min((value < 0 ? ~value : value) + 33, 8_191);
  const segment = 26 - Math.clz32(magnitude);
  const step = (magnitude >> (segment + 1)) & 15;
  return ~((value < 0 ? 0x80 : 0) | (segment << 4) | step) & 0xff;
}

function makeTables(law: G711Law): Tables {
  const shift = law === "PCMA" ? 3 : 2;
  const decode = law === "PCMA" ? decodeALaw : decodeMuLaw;
  const encode = law === "PCMA" ? encodeALaw : encodeMuLaw;
  return {
    decode: Int16Array.from({ length: 256 }, (_, code) => decode(code)),
    encode: Uint8Array.from({ length: 65_536 >> shift }, (_, index) =>
      encode(((index << shift) << 16) >> (16 + shift)),
    ),
    shift,
  };
}

const tables: Record<G711Law, Tables> = { PCMA: makeTables("PCMA"), PCMU: makeTables("PCMU") };

export class G711Encoder implements Encoder {
  readonly sampleRate = 8_000;
  readonly #tables: Tables;
  readonly #buffer = new Uint8Array(SAMPLES_MAX);
  #output = this.#buffer;

  constructor(law: G711Law) {
    this.#tables = tables[law];
  }

  encode(pcm: Int16Array): Uint8Array {
    const { length } = pcm;
    if (length > SAMPLES_MAX) throw new RangeError(`${length} samples in one packet`);
    if (this.#output.length !== length) this.#output = this.#buffer.subarray(0, length);
    const output = this.#output;
    const { encode, shift } = this.#tables;
    for (let index = 0; index < length; index++) {
      output[index] = encode[((pcm[index] ?? 0) & 0xffff) >> shift] ?? 0;
    }
    return output;
  }

  /** Nothing to forget: every sample stands for itself. */
  reset(): void {}

  close(): void {}
}

export class G711Decoder implements Decoder {
  readonly sampleRate = 8_000;
  readonly #decode: Int16Array;
  readonly #concealment = new Concealment(8_000);
  readonly #buffer = new Int16Array(SAMPLES_MAX);
  #output = this.#buffer;

  constructor(law: G711Law) {
    this.#decode = tables[law].decode;
  }

  decode(payload: Uint8Array): Int16Array {
    const { length } = payload;
    if (length === 0 || length > SAMPLES_MAX) return this.conceal(USUAL_SAMPLES);
    if (this.#output.length !== length) this.#output = this.#buffer.subarray(0, length);
    const output = this.#output;
    const decode = this.#decode;
    for (let index = 0; index < length; index++) output[index] = decode[payload[index] ?? 0] ?? 0;
    this.#concealment.received(output);
    return output;
  }

  conceal(samples: number): Int16Array {
    return this.#concealment.conceal(samples);
  }

  reset(): void {
    this.#concealment.reset();
  }

  close(): void {}
}
