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
