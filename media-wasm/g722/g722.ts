/**
 * G.722 at 64 kbit/s (ITU-T G.722, RFC 3551 §4.5.2) over g722.as. An instance of the module is a
 * bank of slots with fixed memory, so that the views handed out stay valid; when all banks are full
 * another is made from the same compiled module. Above: codec.ts.
 */
import type { Decoder, Encoder } from "../codec.ts";
import { Concealment } from "../concealment.ts";
import wasmPath from "./build/g722.wasm" with { type: "file" };

/** What g722.as exports; offsets are in bytes. */
interface G722Exports {
  memory: WebAssembly.Memory;
  slots(): number;
  pcmOffset(slot: number): number;
  payloadOffset(slot: number): number;
  reset(slot: number): void;
  encode(slot: number, payloadBytes: number): void;
  decode(slot: number, payloadBytes: number): void;
}

interface Bank {
  exports: G722Exports;
  free: number[];
}

/** A slot of a bank, and views on its buffers. */
interface Slot {
  bank: Bank;
  index: number;
  /** Room for 120 ms. */
  pcm: Int16Array;
  payload: Uint8Array;
}

const SAMPLES_MAX = 1_920;
const PAYLOAD_BYTES_MAX = SAMPLES_MAX / 2;
/** What a payload that can't be decoded is taken to have lasted: 20 ms. */
const USUAL_SAMPLES = 320;

export interface G722 {
  encoder(): Encoder;
  decoder(): Decoder;
}

export async function loadG722(): Promise<G722> {
  const module = await WebAssembly.compile(await Bun.file(wasmPath).arrayBuffer());
  const banks: Bank[] = [];
  return {
    encoder: () => new G722Encoder(takeSlot(module, banks)),
    decoder: () => new G722Decoder(takeSlot(module, banks)),
  };
}

function takeSlot(module: WebAssembly.Module, banks: Bank[]): Slot {
  let bank = banks.find(({ free }) => free.length > 0);
  if (!bank) {
    // Nothing can abort: the module calls no function of its host's.
    const imports = { env: { abort: () => undefined } };
    const exports = new WebAssembly.Instance(module, imports).exports as unknown as G722Exports;
    bank = { exports, free: Array.from({ length: exports.slots() }, (_, index) => index) };
    banks.push(bank);
  }
  const index = bank.free.pop();
  if (index === undefined) throw new Error("a G.722 bank without a slot");
  const { exports } = bank;
  const { buffer } = exports.memory;
  exports.reset(index);
  return {
    bank,
    index,
    pcm: new Int16Array(buffer, exports.pcmOffset(index), SAMPLES_MAX),
    payload: new Uint8Array(buffer, exports.payloadOffset(index), PAYLOAD_BYTES_MAX),
  };
}

class G722Encoder implements Encoder {
  readonly sampleRate = 16_000;
  readonly #slot: Slot;
  readonly #exports: G722Exports;
  #output: Uint8Array;
  #closed = false;

  constructor(slot: Slot) {
    this.#slot = slot;
    this.#exports = slot.bank.exports;
    this.#output = slot.payload;
  }

  encode(pcm: Int16Array): Uint8Array {
    if (pcm.length > SAMPLES_MAX) throw new RangeError(`${pcm.length} samples in one packet`);
    const bytes = pcm.length >> 1;
    this.#slot.pcm.set(pcm);
    this.#exports.encode(this.#slot.index, bytes);
    if (this.#output.length !== bytes) this.#output = this.#slot.payload.subarray(0, bytes);
    return this.#output;
  }

  reset(): void {
    this.#exports.reset(this.#slot.index);
  }

  close(): void {
    if (!this.#closed) this.#slot.bank.free.push(this.#slot.index);
    this.#closed = true;
  }
}

class G722Decoder implements Decoder {
  readonly sampleRate = 16_000;
  readonly #slot: Slot;
  readonly #exports: G722Exports;
  readonly #concealment = new Concealment(16_000);
  #output: Int16Array;
  #closed = false;

  constructor(slot: Slot) {
    this.#slot = slot;
    this.#exports = slot.bank.exports;
    this.#output = slot.pcm;
  }

  decode(payload: Uint8Array): Int16Array {
    const bytes = payload.length;
    if (bytes === 0 || bytes > PAYLOAD_BYTES_MAX) return this.conceal(USUAL_SAMPLES);
    this.#slot.payload.set(payload);
    this.#exports.decode(this.#slot.index, bytes);
    if (this.#output.length !== 2 * bytes) this.#output = this.#slot.pcm.subarray(0, 2 * bytes);
    this.#concealment.received(this.#output);
    return this.#output;
  }

  conceal(samples: number): Int16Array {
    return this.#concealment.conceal(samples);
  }

  reset(): void {
    this.#exports.reset(this.#slot.index);
    this.#concealment.reset();
  }

  close(): void {
    if (!this.#closed) this.#slot.bank.free.push(this.#slot.index);
    this.#closed = true;
  }
}
