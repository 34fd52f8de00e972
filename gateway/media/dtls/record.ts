/**
 * The record layer: RFC 6347 §4.1, with AES-GCM (RFC 5288) or ChaCha20
 * and Poly1305 (RFC 7905) from epoch 1 on. Anti-replay as in
 * §4.1.2.6; a record that does not check out is dropped without a word (§4.1.2.7).
 */
import { concat } from "../../bytes.ts";
import { GCM_TAG_BYTES, openGcm, sealGcm } from "../../crypto.ts";
import { openChaCha20, sealChaCha20 } from "./chacha20-poly1305.ts";
import type { DirectionKeys } from "./key-schedule.ts";
import { number } from "./wire.ts";

export const ContentType = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
} as const;

export interface RawRecord {
  readonly type: number;
  readonly epoch: number;
  readonly sequence: number;
  /** Still encrypted in epoch 1. */
  readonly fragment: Uint8Array;
}

export const RECORD_HEADER_BYTES = 13;
/** The explicit nonce and the tag: what a record grows by at most. */
export const SEALED_OVERHEAD_BYTES = 8 + GCM_TAG_BYTES;
/** DTLS 1.2 is { 254, 253 }; a first ClientHello may still say 1.0 here (§4.2.1). */
const VERSION = 0xfefd;
const VERSION_1_0 = 0xfeff;

/** The records of a datagram; reading stops at the first that is malformed. */
export function readRecords(datagram: Uint8Array): RawRecord[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const records: RawRecord[] = [];
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= datagram.length) {
    const version = view.getUint16(at + 1);
    const length = view.getUint16(at + 11);
    const end = at + RECORD_HEADER_BYTES + length;
    if ((version !== VERSION && version !== VERSION_1_0) || end > datagram.length) break;
    records.push({
      type: view.getUint8(at),
      epoch: view.getUint16(at + 3),
      sequence: view.getUint16(at + 5) * 2 ** 32 + view.getUint32(at + 7),
      fragment: datagram.subarray(at + RECORD_HEADER_BYTES, end),
    });
    at = end;
  }
  return records;
}

/** Writes records: counts in each epoch, encrypts in epoch 1. */
export class RecordWriter {
  readonly #sequences = [0, 0];
  #keys: DirectionKeys | undefined;

  useKeys(keys: DirectionKeys): void {
    this.#keys = keys;
  }

  write(type: number, epoch: 0 | 1, fragment: Uint8Array): Uint8Array {
    const sequence = this.#sequences[epoch] ?? 0;
    this.#sequences[epoch] = sequence + 1;
    const counter = concat(number(epoch, 2), number(sequence, 6));
    const payload = epoch === 0 ? fragment : this.#seal(type, counter, fragment);
    return concat(
      Uint8Array.of(type),
      number(VERSION, 2),
      counter,
      number(payload.length, 2),
      payload,
    );
  }

  #seal(type: number, counter: Uint8Array, fragment: Uint8Array): Uint8Array {
    if (!this.#keys) throw new Error("epoch 1 has no keys yet");
    const { cipher, key, iv } = this.#keys;
    if (cipher === "chacha20") {
      const more = additional(type, counter, fragment.length);
      return sealChaCha20(key, mixedNonce(iv, counter), more, fragment);
    }
    const sealed = new Uint8Array(fragment.length + SEALED_OVERHEAD_BYTES);
    sealed.set(counter);
    sealGcm(
      key,
      concat(iv, counter),
      additional(type, counter, fragment.length),
      fragment,
      sealed,
      8,
    );
    return sealed;
  }
}

/** Opens the records of epoch 1, each once. */
export class RecordOpener {
  readonly #keys: DirectionKeys;
  #highest = -1;
  #window = 0n;

  constructor(keys: DirectionKeys) {
    this.#keys = keys;
  }

  /** The content; undefined for a record that is forged, damaged or a replay. */
  open({ type, epoch, sequence, fragment }: RawRecord): Uint8Array | undefined {
    if (this.#isReplay(sequence)) return undefined;
    const counter = concat(number(epoch, 2), number(sequence, 6));
    const isChaCha20 = this.#keys.cipher === "chacha20";
    const plain = isChaCha20
      ? this.#openChaCha20(type, counter, fragment)
      : this.#openGcm(type, counter, fragment);
    if (plain) this.#mark(sequence);
    return plain;
  }

  #openChaCha20(type: number, counter: Uint8Array, fragment: Uint8Array): Uint8Array | undefined {
    const { key, iv } = this.#keys;
    const length = fragment.length - GCM_TAG_BYTES;
    if (length < 0) return undefined;
    return openChaCha20(key, mixedNonce(iv, counter), additional(type, counter, length), fragment);
  }

  #openGcm(type: number, counter: Uint8Array, fragment: Uint8Array): Uint8Array | undefined {
    if (fragment.length < SEALED_OVERHEAD_BYTES) return undefined;
    const { key, iv } = this.#keys;
    const length = fragment.length - SEALED_OVERHEAD_BYTES;
    const nonce = concat(iv, fragment.subarray(0, 8));
    const end = 8 + length;
    const sealed = fragment.subarray(8, end);
    return openGcm(key, nonce, additional(type, counter, length), sealed, fragment.subarray(end));
  }

  #isReplay(sequence: number): boolean {
    if (sequence > this.#highest) return false;
    const behind = this.#highest - sequence;
    return behind >= 64 || ((this.#window >> BigInt(behind)) & 1n) === 1n;
  }

  #mark(sequence: number): void {
    if (sequence > this.#highest) {
      const ahead = BigInt(Math.min(sequence - this.#highest, 64));
      this.#window = ((this.#window << ahead) | 1n) & 0xffff_ffff_ffff_ffffn;
      this.#highest = sequence;
    } else this.#window |= 1n << BigInt(this.#highest - sequence);
  }
}

/** RFC 7905 §2: nothing of the nonce is sent. */
function mixedNonce(iv: Uint8Array, counter: Uint8Array): Uint8Array {
  const nonce = iv.slice();
  counter.forEach((octet, index) => {
    nonce[index + 4] = (nonce[index + 4] ?? 0) ^ octet;
  });
  return nonce;
}

/** RFC 5246 §6.2.3.3. */
function additional(type: number, counter: Uint8Array, length: number): Uint8Array {
  return concat(counter, Uint8Array.of(type), number(VERSION, 2), number(length, 2));
}
