/**
 * STUN messages written into a reused buffer: RFC 8489 §5, §14. Attributes in the order of the
 * calls; `integrity` and `fingerprint` come last, for each covers what stands before it.
 * Reading is stun.ts.
 */
import { utf8 } from "../bytes.ts";
import { hmac } from "../crypto.ts";
import { addressBytes, type TransportAddress } from "./address.ts";
import { crc32 } from "./crc32.ts";
import {
  ERROR_CODE,
  FINGERPRINT,
  FINGERPRINT_XOR,
  MAGIC_COOKIE,
  MESSAGE_INTEGRITY,
  STUN_HEADER_BYTES,
  type StunClass,
  UNKNOWN_ATTRIBUTES,
  XOR_MAPPED_ADDRESS,
  xorAddress,
} from "./stun.ts";

const CLASS_BITS: Record<StunClass, number> = {
  request: 0x000,
  indication: 0x010,
  success: 0x100,
  error: 0x110,
};

export class StunWriter {
  readonly #out: Uint8Array;
  readonly #view: DataView;
  #length = 0;

  /** `out` must have room for the whole message; writing past it throws, our own bug. */
  constructor(out: Uint8Array) {
    this.#out = out;
    this.#view = new DataView(out.buffer, out.byteOffset, out.length);
  }

  /** Begins a new message. */
  start(messageClass: StunClass, method: number, transactionId: Uint8Array): this {
    const methodBits = (method & 0x000f) | ((method & 0x0070) << 1) | ((method & 0x0f80) << 2);
    this.#view.setUint16(0, methodBits | CLASS_BITS[messageClass]);
    this.#view.setUint32(4, MAGIC_COOKIE);
    this.#out.set(transactionId, 8);
    this.#length = STUN_HEADER_BYTES;
    return this;
  }

  bytes(type: number, value: Uint8Array): this {
    this.#view.setUint16(this.#length, type);
    this.#view.setUint16(this.#length + 2, value.length);
    this.#out.set(value, this.#length + 4);
    const end = this.#length + 4 + value.length;
    this.#length = (end + 3) & ~3;
    this.#out.fill(0, end, this.#length);
    return this;
  }

  text(type: number, value: string): this {
    return this.bytes(type, utf8(value));
  }

  uint32(type: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return this.bytes(type, bytes);
  }

  /** §14.2. The address must be an IP literal. */
  xorMappedAddress(source: TransportAddress): this {
    const address = addressBytes(source.address);
    if (!address) throw new Error(`not an IP address: ${source.address}`);
    xorAddress(address, this.#out.subarray(8, STUN_HEADER_BYTES));
    const value = new Uint8Array(4 + address.length);
    value[1] = address.length === 4 ? 1 : 2;
    new DataView(value.buffer).setUint16(2, source.port ^ (MAGIC_COOKIE >>> 16));
    value.set(address, 4);
    return this.bytes(XOR_MAPPED_ADDRESS, value);
  }

  /** §14.8. */
  errorCode(code: number, reason: string): this {
    const text = utf8(reason);
    const value = new Uint8Array(4 + text.length);
    value[2] = Math.floor(code / 100);
    value[3] = code % 100;
    value.set(text, 4);
    return this.bytes(ERROR_CODE, value);
  }

  /** §14.13. */
  unknownAttributes(types: readonly number[]): this {
    const value = new Uint8Array(2 * types.length);
    const view = new DataView(value.buffer);
    for (const [at, type] of types.entries()) view.setUint16(2 * at, type);
    return this.bytes(UNKNOWN_ATTRIBUTES, value);
  }

  /** §14.5: the code covers a header whose length already counts the attribute itself. */
  integrity(key: Uint8Array): this {
    const length = this.#length;
    this.#view.setUint16(2, length + 24 - STUN_HEADER_BYTES);
    return this.bytes(MESSAGE_INTEGRITY, hmac("sha1", key, this.#out.subarray(0, length)));
  }

  /** §14.7, likewise. */
  fingerprint(): this {
    const length = this.#length;
    this.#view.setUint16(2, length + 8 - STUN_HEADER_BYTES);
    return this.uint32(FINGERPRINT, (crc32(this.#out.subarray(0, length)) ^ FINGERPRINT_XOR) >>> 0);
  }

  /** The finished message: a view of the buffer, good until the next `start`. */
  finish(): Uint8Array {
    this.#view.setUint16(2, this.#length - STUN_HEADER_BYTES);
    return this.#out.subarray(0, this.#length);
  }
}
