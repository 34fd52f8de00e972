/**
 * The one door to node:crypto. Everything here is a pure function of its arguments but for the key
 * generators, which draw from the operating system; protocol code gets those passed in.
 */
import * as node from "node:crypto";

export type HashName = "md5" | "sha1" | "sha256" | "sha384" | "sha512" | "sha512-256";

export function hash(name: HashName, data: Uint8Array | string): Uint8Array {
  return node.createHash(name).update(data).digest();
}

/** The hash in lower-case hex, as digest authentication (RFC 7616) and fingerprints want it. */
export function hashHex(name: HashName, data: Uint8Array | string): string {
  return node.createHash(name).update(data).digest("hex");
}

export function hmac(name: HashName, key: Uint8Array, data: Uint8Array | string): Uint8Array {
  return node.createHmac(name, key).update(data).digest();
}

/** Compares secrets in constant time; texts of different length differ at once. */
export function equalSecret(a: Uint8Array | string, b: Uint8Array | string): boolean {
  const left = Buffer.from(a as string);
  const right = Buffer.from(b as string);
  return left.length === right.length && node.timingSafeEqual(left, right);
}

/**
 * AES on single blocks under one key: what a counter-mode keystream is made of (RFC 3711 §4.1.1).
 * One cipher lives as long as the key, because making one costs four times the encryption.
 * The function takes whole 16-byte blocks and returns a fresh buffer of the same length.
 */
export function aesBlockCipher(key: Uint8Array): (blocks: Uint8Array) => Uint8Array {
  const cipher = node.createCipheriv(key.length === 32 ? "aes-256-ecb" : "aes-128-ecb", key, null);
  cipher.setAutoPadding(false);
  return (blocks) => cipher.update(blocks);
}

/**
 * HMAC-SHA1 under one key, its key schedule made once. The function writes the 20-byte code at the
 * start of `into`, which must have room for 64 bytes (the hasher asks for its largest digest).
 */
export function hmacSha1(key: Uint8Array): (data: Uint8Array, into: Uint8Array) => void {
  const keyed = new Bun.CryptoHasher("sha1", Buffer.from(key));
  return (data, into) => {
    keyed.copy().update(data).digest(into);
  };
}

/** Bytes of the AES-GCM tag everywhere in the gateway. */
export const GCM_TAG_BYTES = 16;

/**
 * AES-GCM (the key's length selects AES-128 or AES-256): writes ciphertext and tag into `into` from
 * `offset` on. `into` may be the buffer `plain` is a view of.
 */
export function sealGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  plain: Uint8Array,
  into: Uint8Array,
  offset: number,
): void {
  const name = key.length === 32 ? "aes-256-gcm" : "aes-128-gcm";
  const cipher = node.createCipheriv(name, key, nonce);
  cipher.setAAD(additional);
  into.set(cipher.update(plain), offset);
  cipher.final();
  into.set(cipher.getAuthTag(), offset + plain.length);
}

/** The reverse: the plaintext, or undefined where the tag is wrong; nothing leaks before that. */
export function openGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  sealed: Uint8Array,
  tag: Uint8Array,
): Uint8Array | undefined {
  const name = key.length === 32 ? "aes-256-gcm" : "aes-128-gcm";
  const cipher = node.createDecipheriv(name, key, nonce, { authTagLength: GCM_TAG_BYTES });
  cipher.setAAD(additional);
  cipher.setAuthTag(tag);
  const plain = cipher.update(sealed);
  try {
    cipher.final();
  } catch {
    return undefined;
  }
  return plain;
}
