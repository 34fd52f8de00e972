/**
 * What we write of X.509 (RFC 5280) and of PKCS #10 (RFC 2986), on P-256: a certificate signed by
 * itself, and a request for one that somebody else signs. DER is ITU-T X.690.
 */
import { concat, utf8 } from "./bytes.ts";
import { type PrivateKey, signSha256 } from "./crypto.ts";

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
/** Context-specific: a certificate's version and extensions, a request's attributes, a DNS name. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const ATTRIBUTES = 0xa0;
const DNS_NAME = 0x82;

const ECDSA_WITH_SHA256 = Uint8Array.fromHex("2a8648ce3d040302");
const COMMON_NAME = Uint8Array.fromHex("550403");
const SUBJECT_ALT_NAME = Uint8Array.fromHex("551d11");
const EXTENSION_REQUEST = Uint8Array.fromHex("2a864886f70d01090e");

export interface KeyPair {
  readonly privateKey: PrivateKey;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
}

export interface SelfSigned {
  /** Drawn at random; at most 19 octets. */
  readonly serial: Uint8Array;
  readonly commonName: string;
  /** `YYYYMMDDHHMMSSZ`. */
  readonly from: string;
  readonly until: string;
  /** DNS names it is for; none: it is known by its fingerprint alone. */
  readonly names?: readonly string[];
}

/** A certificate whose key signs itself, DER. */
export function selfSigned(keys: KeyPair, it: SelfSigned): Uint8Array {
  const name = nameOf(it.commonName);
  const validity = der(
    SEQUENCE,
    der(GENERALIZED_TIME, utf8(it.from)),
    der(GENERALIZED_TIME, utf8(it.until)),
  );
  // A leading 0x01 keeps the number positive and of full length.
  const serial = der(INTEGER, concat(Uint8Array.of(1), it.serial));
  const version = der(VERSION, der(INTEGER, Uint8Array.of(2)));
  const extensions = it.names ? [der(EXTENSIONS, extensionsFor(it.names))] : [];
  const parts = [version, serial, ALGORITHM, name, validity, name, keys.publicKey, ...extensions];
  return signed(keys, der(SEQUENCE, ...parts));
}

/** A request for a certificate for the DNS names, DER. */
export function certificateRequest(keys: KeyPair, names: readonly string[]): Uint8Array {
  const version = der(INTEGER, Uint8Array.of(0));
  const wanted = der(
    SEQUENCE,
    der(OBJECT_IDENTIFIER, EXTENSION_REQUEST),
    der(SET, extensionsFor(names)),
  );
  // The names stand in the extension alone: a common name may be too short for one.
  const subject = der(SEQUENCE);
  return signed(keys, der(SEQUENCE, version, subject, keys.publicKey, der(ATTRIBUTES, wanted)));
}

/** RFC 7468. */
export function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

const ALGORITHM = der(SEQUENCE, der(OBJECT_IDENTIFIER, ECDSA_WITH_SHA256));

function signed({ privateKey }: KeyPair, body: Uint8Array): Uint8Array {
  const signature = der(BIT_STRING, Uint8Array.of(0), signSha256(privateKey, body));
  return der(SEQUENCE, body, ALGORITHM, signature);
}

function nameOf(commonName: string): Uint8Array {
  const common = der(
    SEQUENCE,
    der(OBJECT_IDENTIFIER, COMMON_NAME),
    der(UTF8_STRING, utf8(commonName)),
  );
  return der(SEQUENCE, der(SET, common));
}

/** RFC 5280 §4.2.1.6. */
function extensionsFor(names: readonly string[]): Uint8Array {
  const list = der(SEQUENCE, ...names.map((name) => der(DNS_NAME, utf8(name))));
  const extension = der(
    SEQUENCE,
    der(OBJECT_IDENTIFIER, SUBJECT_ALT_NAME),
    der(OCTET_STRING, list),
  );
  return der(SEQUENCE, extension);
}

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(...parts);
  const { length } = body;
  if (length < 0x80) return concat(Uint8Array.of(tag, length), body);
  if (length < 0x100) return concat(Uint8Array.of(tag, 0x81, length), body);
  return concat(Uint8Array.of(tag, 0x82, length >> 8, length & 0xff), body);
}
