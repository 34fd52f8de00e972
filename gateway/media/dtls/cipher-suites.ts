/** The cipher suites and signature schemes spoken: ephemeral keys and AEAD only (RFC 5289). */
import type { CurveName, SignatureScheme } from "../../crypto.ts";

export interface CipherSuite {
  readonly id: number;
  readonly signs: "ecdsa" | "rsa";
  readonly keyBytes: 16 | 32;
  /** Of the PRF and the transcript. */
  readonly hash: "sha256" | "sha384";
}

/** In our order of preference. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  { id: 0xc02b, signs: "ecdsa", keyBytes: 16, hash: "sha256" },
  { id: 0xc02f, signs: "rsa", keyBytes: 16, hash: "sha256" },
  { id: 0xc02c, signs: "ecdsa", keyBytes: 32, hash: "sha384" },
  { id: 0xc030, signs: "rsa", keyBytes: 32, hash: "sha384" },
];

/**
 * RFC 8422 §5.1.1, in our order of preference. The list also says which curves a server's
 * certificate may be on (§5.1): without the third, one on P-384 could not be offered to us.
 */
export const CURVES: readonly { id: number; name: CurveName }[] = [
  { id: 29, name: "x25519" },
  { id: 23, name: "secp256r1" },
  { id: 24, name: "secp384r1" },
];

export interface SignatureAlgorithm {
  readonly id: number;
  readonly scheme: SignatureScheme;
  readonly hash: "sha256" | "sha384" | "sha512";
}

/** RFC 8446 §4.2.3's numbers, which RFC 5246's (hash, signature) pairs share. No SHA-1. */
export const SIGNATURE_ALGORITHMS: readonly SignatureAlgorithm[] = [
  { id: 0x0403, scheme: "ecdsa", hash: "sha256" },
  { id: 0x0503, scheme: "ecdsa", hash: "sha384" },
  { id: 0x0603, scheme: "ecdsa", hash: "sha512" },
  { id: 0x0804, scheme: "rsa-pss", hash: "sha256" },
  { id: 0x0805, scheme: "rsa-pss", hash: "sha384" },
  { id: 0x0806, scheme: "rsa-pss", hash: "sha512" },
  { id: 0x0401, scheme: "rsa", hash: "sha256" },
  { id: 0x0501, scheme: "rsa", hash: "sha384" },
  { id: 0x0601, scheme: "rsa", hash: "sha512" },
];

/** What our own key signs with. */
export const OWN_SIGNATURE = 0x0403;
