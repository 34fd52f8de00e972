/**
 * AEAD_CHACHA20_POLY1305 (RFC 8439), for peers without AES in hardware that put it first. Written
 * here because the runtime's crypto has none. It protects the two or three records of a handshake
 * and never media, so that it is short rather than fast; BigInt takes no constant time, which a key
 * of one Finished that is used once gives nobody. Above: the record layer. Below nothing.
 */
import { concat } from "../../bytes.ts";
import { equalSecret } from "../../crypto.ts";

const TAG_BYTES = 16;
const BLOCK_BYTES = 64;
const PRIME = 2n ** 130n - 5n;
/** §2.5: the bits of r that have to be zero. */
const CLAMP = 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffffn;

/** The ciphertext and its tag, one after the other. */
export function sealChaCha20(
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const cipher = chacha20(key, 1, nonce, plain);
  return concat(cipher, tagOf(key, nonce, additional, cipher));
}

/** The content of ciphertext and tag; undefined where the tag is wrong. */
export function openChaCha20(
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const cipher = sealed.subarray(0, -TAG_BYTES);
  const tag = sealed.subarray(-TAG_BYTES);
  if (!equalSecret(tag, tagOf(key, nonce, additional, cipher))) return undefined;
  return chacha20(key, 1, nonce, cipher);
}

/** §2.4: the data under the keystream that begins at block `counter`. */
export function chacha20(
  key: Uint8Array,
  counter: number,
  nonce: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const output = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    const stream = block(key, counter + at / BLOCK_BYTES, nonce);
    const end = Math.min(at + BLOCK_BYTES, data.length);
    for (let index = at; index < end; index++) {
      output[index] = (data[index] ?? 0) ^ (stream[index - at] ?? 0);
    }
  }
  return output;
}

/** §2.5.1: the one-time authenticator. */
export function poly1305(oneTimeKey: Uint8Array, message: Uint8Array): Uint8Array {
  const r = littleEndian(oneTimeKey.subarray(0, 16)) & CLAMP;
  const s = littleEndian(oneTimeKey.subarray(16, 32));
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const piece = message.subarray(at, at + 16);
    sum = ((sum + littleEndian(piece) + (1n << BigInt(8 * piece.length))) * r) % PRIME;
  }
  const tag = new Uint8Array(TAG_BYTES);
  let rest = sum + s;
  for (let index = 0; index < TAG_BYTES; index++) {
    tag[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return tag;
}

/** §2.8: over what is not encrypted, what is, and both lengths. */
function tagOf(
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  cipher: Uint8Array,
): Uint8Array {
  const lengths = new Uint8Array(16);
  const view = new DataView(lengths.buffer);
  view.setUint32(0, additional.length, true);
  view.setUint32(8, cipher.length, true);
  const oneTimeKey = block(key, 0, nonce).subarray(0, 32);
  return poly1305(oneTimeKey, concat(padded(additional), padded(cipher), lengths));
}

function padded(data: Uint8Array): Uint8Array {
  return concat(data, new Uint8Array((16 - (data.length % 16)) % 16));
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let index = bytes.length - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(bytes[index] ?? 0);
  }
  return value;
}

/** §2.3: "expand 32-byte k", the key, the counter and the nonce through twenty rounds. */
function block(key: Uint8Array, counter: number, nonce: Uint8Array): Uint8Array {
  const start = new Uint32Array(16);
  start.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
  const words = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index, true));
  };
  start.set(words(key), 4);
  start[12] = counter;
  start.set(words(nonce), 13);
  const state = start.slice();
  for (let round = 0; round < 10; round++) {
    for (let column = 0; column < 4; column++) {
      quarter(state, column, column + 4, column + 8, column + 12);
    }
    for (let diagonal = 0; diagonal < 4; diagonal++) {
      const [b, c, d] = [1, 2, 3].map((step) => (diagonal + step) % 4);
      quarter(state, diagonal, 4 + (b ?? 0), 8 + (c ?? 0), 12 + (d ?? 0));
    }
  }
  const output = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(output.buffer);
  state.forEach((word, index) => {
    view.setUint32(4 * index, word + (start[index] ?? 0), true);
  });
  return output;
}

function quarter(state: Uint32Array, a: number, b: number, c: number, d: number): void {
  mix(state, a, b, d, 16);
  mix(state, c, d, b, 12);
  mix(state, a, b, d, 8);
  mix(state, c, d, b, 7);
}

/** Adds `other` to `sum`, and turns what that makes of `turned` by so many bits to the left. */
function mix(state: Uint32Array, sum: number, other: number, turned: number, bits: number): void {
  state[sum] = (state[sum] ?? 0) + (state[other] ?? 0);
  const mixed = (state[turned] ?? 0) ^ (state[sum] ?? 0);
  state[turned] = (mixed << bits) | (mixed >>> (32 - bits));
}
