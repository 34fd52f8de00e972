/**
 * Our certificate: self-signed, on P-256, made at each start (RFC 8827 §6.5 wants no more: the peer
 * checks the fingerprint in the SDP, RFC 8122, and nothing else of it).
 */
import { generateSigningKey, hash, type PrivateKey } from "../../crypto.ts";
import type { Random } from "../../random.ts";
import { selfSigned } from "../../x509.ts";
import type { Fingerprint } from "../protocol.ts";

export interface DtlsCertificate {
  readonly der: Uint8Array;
  readonly privateKey: PrivateKey;
  /** SHA-256, as SDP writes it. */
  readonly fingerprint: Fingerprint;
}

/** RFC 5280 §4.1.2.5: no end that matters. Nobody checks it, so no clock is needed. */
const NOT_BEFORE = "20000101000000Z";
const NOT_AFTER = "99991231235959Z";

/** A new key and its certificate; the serial number is drawn from `random`. */
export function createCertificate(random: Random): DtlsCertificate {
  const keys = generateSigningKey();
  const certificate = selfSigned(keys, {
    serial: random.bytes(8),
    commonName: "jackfield",
    from: NOT_BEFORE,
    until: NOT_AFTER,
  });
  const { privateKey } = keys;
  return { der: certificate, privateKey, fingerprint: fingerprintOf(certificate, "sha-256") };
}

/** RFC 8122 §5: upper-case hex pairs with colons. */
export function fingerprintOf(
  certificate: Uint8Array,
  algorithm: Fingerprint["algorithm"],
): Fingerprint {
  const names = { "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512" } as const;
  const hex = hash(names[algorithm], certificate).toHex().toUpperCase();
  return { algorithm, value: hex.replace(/(..)(?=.)/g, "$1:") };
}
