/** Handshake messages and their extensions, written and read: RFC 5246 §7.4, RFC 8422, RFC 5764. */
import { concat, EMPTY } from "../../bytes.ts";
import { number, Reader, readUint16s, uint16s, vector } from "./wire.ts";

export const HandshakeType = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

export const HANDSHAKE_HEADER_BYTES = 12;
/** DTLS counts down: 1.0 is 0xfeff, and a later version offers 1.2 or less here (RFC 6347 §4.2.1). */
export const DTLS_1_2 = 0xfefd;
const DTLS_MAJOR = 0xfe;
const VERSION = number(DTLS_1_2, 2);
const NULL_COMPRESSION = 0;
const NAMED_CURVE = 3;
/** RFC 5746 §3.3: says the same as an empty renegotiation_info. */
const RENEGOTIATION_SCSV = 0x00ff;
const CERTIFICATE_TYPES = Uint8Array.of(64, 1);

const Extension = {
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  useSrtp: 14,
  extendedMasterSecret: 23,
  renegotiationInfo: 0xff01,
} as const;

/** A message or a piece of it, with its DTLS header (RFC 6347 §4.2.2). */
export function writeFragment(
  type: number,
  sequence: number,
  body: Uint8Array,
  offset: number,
  length: number,
): Uint8Array {
  return concat(
    Uint8Array.of(type),
    number(body.length, 3),
    number(sequence, 2),
    number(offset, 3),
    number(length, 3),
    body.subarray(offset, offset + length),
  );
}

export interface Hello {
  /** A client's highest, a server's choice; 1.3 hides behind 1.2 in supported_versions. */
  version: number;
  random: Uint8Array;
  sessionId: Uint8Array;
  /** ClientHello only. */
  cookie: Uint8Array;
  suites: number[];
  groups: number[];
  signatures: number[];
  srtpProfiles: number[];
  extendedMasterSecret: boolean;
  secureRenegotiation: boolean;
}

export function writeClientHello(
  random: Uint8Array,
  cookie: Uint8Array,
  offer: Pick<Hello, "suites" | "groups" | "signatures" | "srtpProfiles">,
): Uint8Array {
  const extensions = concat(
    extension(Extension.supportedGroups, vector(2, uint16s(offer.groups))),
    extension(Extension.pointFormats, vector(1, Uint8Array.of(0))),
    extension(Extension.signatureAlgorithms, vector(2, uint16s(offer.signatures))),
    extension(Extension.useSrtp, concat(vector(2, uint16s(offer.srtpProfiles)), vector(1))),
    extension(Extension.extendedMasterSecret, EMPTY),
    extension(Extension.renegotiationInfo, vector(1)),
  );
  const suites = vector(2, uint16s(offer.suites));
  const compression = vector(1, Uint8Array.of(0));
  return concat(
    VERSION,
    random,
    vector(1),
    vector(1, cookie),
    suites,
    compression,
    vector(2, extensions),
  );
}

export function writeServerHello(
  random: Uint8Array,
  suite: number,
  srtpProfile: number,
  client: Pick<Hello, "extendedMasterSecret" | "secureRenegotiation">,
): Uint8Array {
  const extensions = concat(
    extension(Extension.pointFormats, vector(1, Uint8Array.of(0))),
    extension(Extension.useSrtp, concat(vector(2, uint16s([srtpProfile])), vector(1))),
    client.extendedMasterSecret ? extension(Extension.extendedMasterSecret, EMPTY) : EMPTY,
    client.secureRenegotiation ? extension(Extension.renegotiationInfo, vector(1)) : EMPTY,
  );
  return concat(
    VERSION,
    random,
    vector(1),
    uint16s([suite]),
    Uint8Array.of(0),
    vector(2, extensions),
  );
}

/** Undefined when the body is malformed, which a begun renegotiation counts as (RFC 5746 §3.6). */
export function readClientHello(body: Uint8Array): Hello | undefined {
  const reader = new Reader(body);
  const version = reader.uint16();
  const random = reader.bytes(32);
  const sessionId = reader.vector(1);
  const cookie = reader.vector(1);
  const suites = readUint16s(reader.vector(2));
  const compressions = reader.vector(1);
  const extensions = readExtensions(reader);
  if (!extensions || !compressions.includes(NULL_COMPRESSION)) return undefined;
  const hello = helloOf(version, random, sessionId, cookie, suites, extensions);
  if (hello) hello.secureRenegotiation ||= suites.includes(RENEGOTIATION_SCSV);
  return hello;
}

export function readServerHello(body: Uint8Array): Hello | undefined {
  const reader = new Reader(body);
  const version = reader.uint16();
  const random = reader.bytes(32);
  const sessionId = reader.vector(1);
  const suite = reader.uint16();
  const compression = reader.uint8();
  const extensions = readExtensions(reader);
  if (!extensions || compression !== NULL_COMPRESSION) return undefined;
  return helloOf(version, random, sessionId, EMPTY, [suite], extensions);
}

/** The cookie of a HelloVerifyRequest (RFC 6347 §4.2.1). */
export function readHelloVerifyRequest(body: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(body);
  reader.uint16();
  const cookie = reader.vector(1);
  return reader.failed ? undefined : cookie;
}

export function writeCertificate(certificate: Uint8Array): Uint8Array {
  return vector(3, vector(3, certificate));
}

/** The first certificate of the chain, which is the peer's own. */
export function readCertificate(body: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(body);
  const chain = new Reader(reader.vector(3));
  const certificate = chain.vector(3);
  return reader.failed || chain.failed || certificate.length === 0 ? undefined : certificate;
}

/** The part of ServerKeyExchange that is signed (RFC 8422 §5.4). */
export function writeKeyParameters(group: number, publicKey: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(NAMED_CURVE), number(group, 2), vector(1, publicKey));
}

export interface ServerKeyExchange {
  group: number;
  publicKey: Uint8Array;
  /** What was signed, after the two randoms. */
  parameters: Uint8Array;
  algorithm: number;
  signature: Uint8Array;
}

export function readServerKeyExchange(body: Uint8Array): ServerKeyExchange | undefined {
  const reader = new Reader(body);
  const curveType = reader.uint8();
  const group = reader.uint16();
  const publicKey = reader.vector(1);
  const parameters = body.subarray(0, body.length - reader.left);
  const signed = readSigned(reader);
  if (!signed || curveType !== NAMED_CURVE) return undefined;
  return { group, publicKey, parameters, ...signed };
}

/** RFC 5246 §7.4.4; any certificate authority will do, the fingerprint decides. */
export function writeCertificateRequest(signatures: readonly number[]): Uint8Array {
  return concat(vector(1, CERTIFICATE_TYPES), vector(2, uint16s(signatures)), vector(2));
}

/** The signature algorithms the server takes. */
export function readCertificateRequest(body: Uint8Array): number[] | undefined {
  const reader = new Reader(body);
  reader.vector(1);
  const signatures = readUint16s(reader.vector(2));
  return reader.failed ? undefined : signatures;
}

export function readClientKeyExchange(body: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(body);
  const publicKey = reader.vector(1);
  return reader.failed || reader.left > 0 ? undefined : publicKey;
}

export function writeSigned(algorithm: number, signature: Uint8Array): Uint8Array {
  return concat(number(algorithm, 2), vector(2, signature));
}

export function readCertificateVerify(
  body: Uint8Array,
): { algorithm: number; signature: Uint8Array } | undefined {
  return readSigned(new Reader(body));
}

function readSigned(reader: Reader): { algorithm: number; signature: Uint8Array } | undefined {
  const algorithm = reader.uint16();
  const signature = reader.vector(2);
  return reader.failed || reader.left > 0 ? undefined : { algorithm, signature };
}

function extension(type: number, body: Uint8Array): Uint8Array {
  return concat(number(type, 2), vector(2, body));
}

/** The end of a hello. RFC 5246 §7.4.1.4: each extension at most once; §7.4.1.2: nothing after. */
function readExtensions(reader: Reader): Map<number, Uint8Array> | undefined {
  const extensions = new Map<number, Uint8Array>();
  if (reader.left === 0) return reader.failed ? undefined : extensions;
  const list = new Reader(reader.vector(2));
  while (list.left > 0 && !list.failed) {
    const type = list.uint16();
    if (extensions.has(type)) return undefined;
    extensions.set(type, list.vector(2));
  }
  return reader.failed || reader.left > 0 || list.failed ? undefined : extensions;
}

function helloOf(
  version: number,
  random: Uint8Array,
  sessionId: Uint8Array,
  cookie: Uint8Array,
  suites: number[],
  extensions: ReadonlyMap<number, Uint8Array>,
): Hello | undefined {
  if (version >> 8 !== DTLS_MAJOR) return undefined;
  // A connection that is being renegotiated would be named here; we never have one.
  const renegotiation = extensions.get(Extension.renegotiationInfo);
  if (renegotiation && (renegotiation.length !== 1 || renegotiation[0] !== 0)) return undefined;
  const list = (type: number) => readUint16s(new Reader(extensions.get(type) ?? EMPTY).vector(2));
  return {
    version,
    random,
    sessionId,
    cookie,
    suites,
    groups: list(Extension.supportedGroups),
    signatures: list(Extension.signatureAlgorithms),
    srtpProfiles: list(Extension.useSrtp),
    extendedMasterSecret: extensions.has(Extension.extendedMasterSecret),
    secureRenegotiation: renegotiation !== undefined,
  };
}
