/** Reading and writing the vectors of TLS's presentation language: RFC 5246 §4. */
import { concat } from "../../bytes.ts";

/** Reads on; any read past the end makes `failed` true and yields zeros or nothing. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  uint8(): number {
    return this.#number(1);
  }

  uint16(): number {
    return this.#number(2);
  }

  uint24(): number {
    return this.#number(3);
  }

  bytes(length: number): Uint8Array {
    if (length > this.left) {
      this.failed = true;
      return new Uint8Array(0);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector with a length of one, two or three bytes in front. */
  vector(lengthBytes: 1 | 2 | 3): Uint8Array {
    return this.bytes(this.#number(lengthBytes));
  }

  #number(size: number): number {
    if (size > this.left) {
      this.failed = true;
      return 0;
    }
    let value = 0;
    for (let index = 0; index < size; index++)
      value = value * 256 + (this.#bytes[this.#at + index] ?? 0);
    this.#at += size;
    return value;
  }
}

/** A number as that many bytes, most significant first. */
export function number(value: number, size: number): Uint8Array {
  return Uint8Array.from(
    { length: size },
    (_, index) => Math.floor(value / 256 ** (size - 1 - index)) % 256,
  );
}

/** The bytes with their length in front. */
export function vector(lengthBytes: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(...parts);
  return concat(number(body.length, lengthBytes), body);
}

/** A list of 16-bit numbers. */
export function uint16s(values: readonly number[]): Uint8Array {
  return concat(...values.map((value) => number(value, 2)));
}

export function readUint16s(bytes: Uint8Array): number[] {
  const reader = new Reader(bytes);
  return Array.from({ length: bytes.length >> 1 }, () => reader.uint16());
}
