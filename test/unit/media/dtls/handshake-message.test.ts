/** Handshake messages: what is written is read, and what no message may look like is refused. */
import { expect, test } from "bun:test";
import { concat, EMPTY } from "../../../../gateway/bytes.ts";
import {
  DTLS_1_2,
  readCertificate,
  readCertificateRequest,
  readCertificateVerify,
  readClientHello,
  readClientKeyExchange,
  readHelloVerifyRequest,
  readServerHello,
  readServerKeyExchange,
  writeCertificate,
  writeCertificateRequest,
  writeClientHello,
  writeKeyParameters,
  writeServerHello,
  writeSigned,
} from "../../../../gateway/media/dtls/handshake-message.ts";
import { number, uint16s, vector } from "../../../../gateway/media/dtls/wire.ts";

const RANDOM = new Uint8Array(32).fill(7);
const RENEGOTIATION_INFO = 0xff01;

const extension = (type: number, body: Uint8Array) => concat(number(type, 2), vector(2, body));

interface Changes {
  version?: number;
  suites?: number[];
  compressions?: number[];
  extensions?: Uint8Array;
  behind?: Uint8Array;
}

function clientHello({ version, suites, compressions, extensions, behind }: Changes): Uint8Array {
  return concat(
    number(version ?? DTLS_1_2, 2),
    RANDOM,
    vector(1),
    vector(1),
    vector(2, uint16s(suites ?? [0xc02b])),
    vector(1, Uint8Array.from(compressions ?? [0])),
    extensions ? vector(2, extensions) : EMPTY,
    behind ?? EMPTY,
  );
}

test("a ClientHello is read as it was written", () => {
  const offer = {
    suites: [0xc02b, 0xc030],
    groups: [29, 23],
    signatures: [0x0403, 0x0804],
    srtpProfiles: [7, 8, 1],
  };
  const cookie = Uint8Array.of(1, 2, 3);
  const read = readClientHello(writeClientHello(RANDOM, cookie, offer));
  expect(read).toEqual({
    ...offer,
    version: DTLS_1_2,
    random: RANDOM,
    sessionId: EMPTY,
    cookie,
    extendedMasterSecret: true,
    secureRenegotiation: true,
  });
});

test("a ServerHello answers only the extensions its client named", () => {
  for (const asked of [true, false]) {
    const client = { extendedMasterSecret: asked, secureRenegotiation: asked };
    const read = readServerHello(writeServerHello(RANDOM, 0xc02c, 8, client));
    expect(read).toMatchObject({ suites: [0xc02c], srtpProfiles: [8], ...client });
  }
});

test("a ClientHello without extensions is well formed, and offers nothing", () => {
  const hello = readClientHello(clientHello({}));
  expect(hello).toMatchObject({ srtpProfiles: [], groups: [], secureRenegotiation: false });
});

test("the signalling suite stands for an empty renegotiation_info (RFC 5746 §3.3)", () => {
  expect(readClientHello(clientHello({ suites: [0x00ff] }))?.secureRenegotiation).toBe(true);
});

test("the versions of DTLS are read, others are none", () => {
  for (const version of [0xfeff, 0xfefd, 0xfefc])
    expect(readClientHello(clientHello({ version }))?.version).toBe(version);
  for (const version of [0x0303, 0x0000, 0xffff])
    expect(readClientHello(clientHello({ version }))).toBeUndefined();
});

const REFUSED: [string, Changes][] = [
  ["without null compression", { compressions: [1] }],
  ["without any compression method", { compressions: [] }],
  [
    "that begins a renegotiation",
    { extensions: extension(RENEGOTIATION_INFO, vector(1, new Uint8Array(12))) },
  ],
  ["with an empty renegotiation_info body", { extensions: extension(RENEGOTIATION_INFO, EMPTY) }],
  ["with an extension twice", { extensions: concat(extension(23, EMPTY), extension(23, EMPTY)) }],
  ["with an extension cut short", { extensions: Uint8Array.of(0, 23, 0) }],
  ["with bytes behind its extensions", { extensions: EMPTY, behind: Uint8Array.of(0) }],
];

test.each(REFUSED)("a ClientHello %s is malformed", (_, changes) => {
  expect(readClientHello(clientHello({}))).toBeDefined();
  expect(readClientHello(clientHello(changes))).toBeUndefined();
});

test("a ServerHello with compression, or that renegotiates, is malformed", () => {
  const hello = (compression: number, renegotiation: Uint8Array) =>
    concat(
      number(DTLS_1_2, 2),
      RANDOM,
      vector(1),
      uint16s([0xc02b]),
      Uint8Array.of(compression),
      vector(2, extension(RENEGOTIATION_INFO, vector(1, renegotiation))),
    );
  expect(readServerHello(hello(0, EMPTY))).toBeDefined();
  expect(readServerHello(hello(1, EMPTY))).toBeUndefined();
  expect(readServerHello(hello(0, new Uint8Array(24)))).toBeUndefined();
});

test("the other messages are read as they were written", () => {
  const certificate = Uint8Array.of(1, 2, 3, 4);
  expect(readCertificate(writeCertificate(certificate))).toEqual(certificate);
  expect(readCertificateRequest(writeCertificateRequest([0x0403]))).toEqual([0x0403]);
  const key = new Uint8Array(32).fill(9);
  const parameters = writeKeyParameters(29, key);
  const signature = new Uint8Array(70).fill(5);
  const signed = writeSigned(0x0403, signature);
  const exchange = { group: 29, publicKey: key, parameters, algorithm: 0x0403, signature };
  expect(readServerKeyExchange(concat(parameters, signed))).toEqual(exchange);
  expect(readCertificateVerify(signed)).toEqual({ algorithm: 0x0403, signature });
  expect(readClientKeyExchange(vector(1, key))).toEqual(key);
});

test("every message cut short anywhere is malformed, never an exception", () => {
  const offer = { suites: [0xc02b], groups: [29], signatures: [0x0403], srtpProfiles: [7] };
  const client = { extendedMasterSecret: true, secureRenegotiation: true };
  const signed = writeSigned(0x0403, new Uint8Array(70));
  const whole: [(body: Uint8Array) => unknown, Uint8Array, readonly number[]][] = [
    // Where the extensions would begin, a hello may end.
    [readClientHello, writeClientHello(RANDOM, EMPTY, offer), [42]],
    [readServerHello, writeServerHello(RANDOM, 0xc02b, 7, client), [38]],
    [readHelloVerifyRequest, concat(number(0xfeff, 2), vector(1, RANDOM)), []],
    [readCertificate, writeCertificate(RANDOM), []],
    [readServerKeyExchange, concat(writeKeyParameters(29, RANDOM), signed), []],
    [readCertificateRequest, writeCertificateRequest([0x0403]).subarray(0, -2), []],
    [readCertificateVerify, signed, []],
    [readClientKeyExchange, vector(1, RANDOM), []],
  ];
  for (const [read, body, mayEnd] of whole) {
    expect(read(body)).toBeDefined();
    for (let length = 0; length < body.length; length++) {
      const isWhole = read(body.subarray(0, length)) !== undefined;
      expect({ name: read.name, length, isWhole }).toEqual({
        name: read.name,
        length,
        isWhole: mayEnd.includes(length),
      });
    }
  }
});

test("a certificate list that is empty names nobody", () => {
  expect(readCertificate(vector(3))).toBeUndefined();
  expect(readCertificate(vector(3, vector(3)))).toBeUndefined();
});

test("a key exchange on explicit curve parameters is refused (RFC 8422 §5.4)", () => {
  const named = concat(writeKeyParameters(29, RANDOM), writeSigned(0x0403, RANDOM));
  const explicit = named.slice();
  explicit[0] = 1;
  expect(readServerKeyExchange(named)).toBeDefined();
  expect(readServerKeyExchange(explicit)).toBeUndefined();
});
