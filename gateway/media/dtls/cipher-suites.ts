/** The cipher suites and signature schemes spoken: ephemeral keys and AEAD only (RFC 5289, RFC 7905). */
import type { CurveName, SignatureScheme } from "../../crypto.ts";

export interface CipherSuite {
  readonly id: number;
  readonly signs: "ecdsa" | "rsa";
  readonly cipher: "gcm" | "chacha20";
  readonly keyBytes: 16 | 32;
  /** The part of the nonce that is agreed on: RFC 5288 §3, RFC 7905 §2. */
  readonly ivBytes: 4 | 12;
  /** Of the PRF and the transcript. */
  readonly hash: "sha256" | "sha384";
}

const GCM_128 = { cipher: "gcm", keyBytes: 16, ivBytes: 4, hash: "sha256" } as const;
const GCM_256 = { cipher: "gcm", keyBytes: 32, ivBytes: 4, hash: "sha384" } as const;
const CHACHA20 = { cipher: "chacha20", keyBytes: 32, ivBytes: 12, hash: "sha256" } as const;

/** In our order of preference. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  { id: 0xc02b, signs: "ecdsa", ...GCM_128 },
  { id: 0xc02f, signs: "rsa", ...GCM_128 },
  { id: 0xc02c, signs: "ecdsa", ...GCM_256 },
  { id: 0xc030, signs: "rsa", ...GCM_256 },
  { id: 0xcca9, signs: "ecdsa", ...CHACHA20 },
  { id: 0xcca8, signs: "rsa", ...CHACHA20 },
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
