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
  return node.hash(name, data, "hex");
}

/** HMAC-SHA256 under one key, its key schedule made once. */
export function hmacSha256(key: Uint8Array): (data: string) => Uint8Array {
  const keyed = new Bun.CryptoHasher("sha256", Buffer.from(key));
  return (data) => keyed.copy().update(data).digest();
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

/** A private key of the process; never leaves node:crypto. */
export type PrivateKey = node.KeyObject;

/** A fresh ECDSA key on P-256, and its public half as SubjectPublicKeyInfo in DER. */
export function generateSigningKey(): { privateKey: PrivateKey; publicKey: Uint8Array } {
  const { privateKey, publicKey } = node.generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, publicKey: publicKey.export({ type: "spki", format: "der" }) };
}

/** ECDSA with SHA-256, the signature in DER (RFC 5480). */
export function signSha256(key: PrivateKey, data: Uint8Array): Uint8Array {
  return node.sign("sha256", data, key);
}

export type SignatureScheme = "ecdsa" | "rsa" | "rsa-pss";

/**
 * Checks a signature made with the key of a certificate in DER. False also where the certificate
 * can't be read or its key is of another kind.
 */
export function verifyWithCertificate(
  certificate: Uint8Array,
  scheme: SignatureScheme,
  hashName: "sha256" | "sha384" | "sha512",
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = new node.X509Certificate(certificate).publicKey;
    if (key.asymmetricKeyType !== (scheme === "ecdsa" ? "ec" : "rsa")) return false;
    const padding =
      scheme === "rsa-pss"
        ? {
            padding: node.constants.RSA_PKCS1_PSS_PADDING,
            saltLength: node.constants.RSA_PSS_SALTLEN_DIGEST,
          }
        : {};
    return node.verify(hashName, data, { key, ...padding }, signature);
  } catch {
    return false;
  }
}

export type CurveName = "x25519" | "secp256r1" | "secp384r1";

/** Our half of an ephemeral Diffie-Hellman exchange (RFC 8422 §5.4). */
export interface EphemeralKey {
  /** As it goes on the wire: 32 bytes, or an uncompressed point of 65 or 97. */
  readonly publicBytes: Uint8Array;
  /** The shared secret; undefined for a public key that is none. */
  agree(peer: Uint8Array): Uint8Array | undefined;
}

/** What stands before a raw X25519 public key in its SubjectPublicKeyInfo (RFC 8410 §4). */
const X25519_PREFIX = Uint8Array.fromHex("302a300506032b656e032100");

export function generateEphemeralKey(curve: CurveName): EphemeralKey {
  return curve === "x25519" ? ephemeralX25519() : ephemeralNist(curve);
}

function ephemeralX25519(): EphemeralKey {
  const { privateKey, publicKey } = node.generateKeyPairSync("x25519");
  const encoded = publicKey.export({ type: "spki", format: "der" });
  return {
    publicBytes: new Uint8Array(encoded.subarray(X25519_PREFIX.length)),
    agree: (peer) => {
      if (peer.length !== 32) return undefined;
      try {
        const key = Buffer.concat([X25519_PREFIX, peer]);
        const theirs = node.createPublicKey({ key, format: "der", type: "spki" });
        const secret = node.diffieHellman({ privateKey, publicKey: theirs });
        // RFC 7748 §6.1: an all-zero secret means a point of small order.
        return secret.every((byte) => byte === 0) ? undefined : secret;
      } catch {
        return undefined;
      }
    },
  };
}

function ephemeralNist(curve: Exclude<CurveName, "x25519">): EphemeralKey {
  // Node calls secp256r1 by the name ANSI X9.62 gave it.
  const exchange = node.createECDH(curve === "secp256r1" ? "prime256v1" : curve);
  const publicBytes = new Uint8Array(exchange.generateKeys());
  return {
    publicBytes,
    agree: (peer) => {
      try {
        return exchange.computeSecret(peer);
      } catch {
        return undefined;
      }
    },
  };
}
