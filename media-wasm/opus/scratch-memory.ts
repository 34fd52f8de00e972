/**
 * A piece of libopus's memory that packets and PCM pass through, for as long as the instance lives.
 * The memory may grow when a codec is made, which detaches every view: they are renewed then.
 */
import type { Libopus } from "./opus.ts";

export class ScratchMemory {
  /** Where it is, for libopus. */
  readonly pointer: number;
  readonly #libopus: Libopus;
  readonly #sizeBytes: number;
  #bytes: Uint8Array;
  #int16: Int16Array;

  /** `sizeBytes` is even. */
  constructor(libopus: Libopus, sizeBytes: number) {
    this.#libopus = libopus;
    this.#sizeBytes = sizeBytes;
    this.pointer = libopus._malloc(sizeBytes);
    if (this.pointer === 0) throw new Error("libopus has no memory for its buffers");
    this.#bytes = new Uint8Array(libopus.HEAPU8.buffer, this.pointer, sizeBytes);
    this.#int16 = new Int16Array(libopus.HEAPU8.buffer, this.pointer, sizeBytes / 2);
  }

  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#renew();
    return this.#bytes;
  }

  get int16(): Int16Array {
    if (this.#int16.length === 0) this.#renew();
    return this.#int16;
  }

  #renew(): void {
    const { buffer } = this.#libopus.HEAPU8;
    this.#bytes = new Uint8Array(buffer, this.pointer, this.#sizeBytes);
    this.#int16 = new Int16Array(buffer, this.pointer, this.#sizeBytes / 2);
  }
}
