/**
 * Our certificate: self-signed, on P-256, made at each start (RFC 8827 §6.5 wants no more: the peer
 * checks the fingerprint in the SDP, RFC 8122, and nothing else of it). X.509 is RFC 5280.
 */
import { concat, utf8 } from "../../bytes.ts";
import { generateSigningKey, hash, type PrivateKey, signSha256 } from "../../crypto.ts";
import type { Random } from "../../random.ts";
import type { Fingerprint } from "../protocol.ts";
import { number } from "./wire.ts";

export interface DtlsCertificate {
  readonly der: Uint8Array;
  readonly privateKey: PrivateKey;
  /** SHA-256, as SDP writes it. */
  readonly fingerprint: Fingerprint;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
const VERSION = 0xa0;

const ECDSA_WITH_SHA256 = Uint8Array.fromHex("2a8648ce3d040302");
const COMMON_NAME = Uint8Array.fromHex("550403");
/** RFC 5280 §4.1.2.5: no end that matters. Nobody checks it, so no clock is needed. */
const NOT_BEFORE = "20000101000000Z";
const NOT_AFTER = "99991231235959Z";

/** A new key and its certificate; the serial number is drawn from `random`. */
export function createCertificate(random: Random): DtlsCertificate {
  const { privateKey, publicKey } = generateSigningKey();
  const algorithm = der(SEQUENCE, der(OBJECT_IDENTIFIER, ECDSA_WITH_SHA256));
  const common = der(
    SEQUENCE,
    der(OBJECT_IDENTIFIER, COMMON_NAME),
    der(UTF8_STRING, utf8("jackfield")),
  );
  const name = der(SEQUENCE, der(SET, common));
  const validity = der(
    SEQUENCE,
    der(GENERALIZED_TIME, utf8(NOT_BEFORE)),
    der(GENERALIZED_TIME, utf8(NOT_AFTER)),
  );
  // A leading 0x01 keeps the number positive and of full length.
  const serial = der(INTEGER, concat(Uint8Array.of(1), random.bytes(8)));
  const version = der(VERSION, der(INTEGER, Uint8Array.of(2)));
  const body = der(SEQUENCE, version, serial, algorithm, name, validity, name, publicKey);
  const signature = der(BIT_STRING, Uint8Array.of(0), signSha256(privateKey, body));
  const certificate = der(SEQUENCE, body, algorithm, signature);
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

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(...parts);
  const { length } = body;
  if (length < 0x80) return concat(Uint8Array.of(tag, length), body);
  const size = length < 0x100 ? 1 : 2;
  return concat(Uint8Array.of(tag, 0x80 | size), number(length, size), body);
}
