/**
 * P8: whoever changes the handshake, whether in the middle or as the peer itself, is refused. Every
 * test begins with a handshake that succeeds without the change.
 */
import { expect, test } from "bun:test";
import { concat } from "../../../../gateway/bytes.ts";
import { createCertificate } from "../../../../gateway/media/dtls/certificate.ts";
import { DtlsEndpoint, type DtlsOutput } from "../../../../gateway/media/dtls/dtls-endpoint.ts";
import {
  HandshakeType,
  type Hello,
  writeCertificate,
  writeClientHello,
  writeFragment,
} from "../../../../gateway/media/dtls/handshake-message.ts";
import { ContentType, RecordWriter, readRecords } from "../../../../gateway/media/dtls/record.ts";
import { number, Reader } from "../../../../gateway/media/dtls/wire.ts";
import { seededRandom } from "../seeded-random.ts";
import { Association, clientCertificate, type Side, serverCertificate } from "./association.ts";
import { type HandshakeItem, ScriptedPeer } from "./scripted-peer.ts";

/** Re-encodes the plaintext handshake messages of one type in a datagram; MTU fits each whole. */
function rewrite(
  datagram: Uint8Array,
  type: number,
  change: (body: Uint8Array) => Uint8Array,
): Uint8Array {
  return concat(
    ...readRecords(datagram).map((record) => {
      const { fragment, epoch, sequence } = record;
      let content = fragment;
      if (record.type === ContentType.handshake && epoch === 0 && fragment[0] === type) {
        const body = change(fragment.slice(12));
        const messageSequence = new Reader(fragment.subarray(4)).uint16();
        content = writeFragment(type, messageSequence, body, 0, body.length);
      }
      return concat(
        Uint8Array.of(record.type, 0xfe, 0xfd),
        number(epoch, 2),
        number(sequence, 6),
        number(content.length, 2),
        content,
      );
    }),
  );
}

function inTheMiddle(from: Side, type: number, change: (body: Uint8Array) => Uint8Array) {
  const association = new Association();
  let changed = 0;
  association.tamper = (datagram, sender) => {
    if (sender !== from) return datagram;
    return rewrite(datagram, type, (body) => {
      changed += 1;
      return change(body);
    });
  };
  association.run();
  expect(changed).toBeGreaterThan(0);
  return association;
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[at] = (flipped[at] ?? 0) ^ 1;
  return flipped;
}

function expectRefused(association: Association, by: Side, detail: RegExp): void {
  const [failed, ...more] = association.all(by, "failed");
  expect(more).toEqual([]);
  expect(failed?.detail).toMatch(detail);
  expect(association.all("client", "connected")).toEqual([]);
  expect(association.all("server", "connected")).toEqual([]);
}

test("rewriting alone, without a change, hurts nothing", () => {
  for (const type of Object.values(HandshakeType)) {
    const association = new Association();
    association.tamper = (datagram) => rewrite(datagram, type, (body) => body);
    association.run();
    expect(association.all("client", "connected")).toHaveLength(1);
    expect(association.all("server", "connected")).toHaveLength(1);
  }
});

test("P8: a ServerKeyExchange whose signature was changed is refused", () => {
  const change = (body: Uint8Array) => flip(body, body.length - 1);
  const association = inTheMiddle("server", HandshakeType.serverKeyExchange, change);
  expectRefused(association, "client", /isn't signed/);
});

test("P8: a ServerKeyExchange whose public key was changed is refused", () => {
  const association = inTheMiddle("server", HandshakeType.serverKeyExchange, (b) => flip(b, 10));
  expectRefused(association, "client", /isn't signed/);
});

test("P8: a CertificateVerify whose signature was changed is refused", () => {
  const change = (body: Uint8Array) => flip(body, body.length - 1);
  const association = inTheMiddle("client", HandshakeType.certificateVerify, change);
  expectRefused(association, "server", /can't prove/);
});

test("P8: another certificate put in from the middle fails on the fingerprint", () => {
  const stranger = writeCertificate(createCertificate(seededRandom(3)).der);
  for (const [from, by] of [
    ["client", "server"],
    ["server", "client"],
  ] as const) {
    const association = inTheMiddle(from, HandshakeType.certificate, () => stranger);
    expectRefused(association, by, /session description/);
    expect(association.all(by, "failed")[0]?.reason).toBe("fingerprint");
  }
});

test("P8: no use_srtp in the ClientHello is refused", () => {
  const change = (body: Uint8Array) => renumberExtension(body, 14, 0x7777);
  const association = inTheMiddle("client", HandshakeType.clientHello, change);
  expectRefused(association, "server", /no SRTP profile/);
});

test("P8: no use_srtp in the ServerHello is refused", () => {
  const change = (body: Uint8Array) => renumberExtension(body, 14, 0x7777);
  const association = inTheMiddle("server", HandshakeType.serverHello, change);
  expectRefused(association, "client", /no SRTP profile/);
});

test("P8: an extended master secret taken out of both hellos is noticed", () => {
  const association = new Association();
  const change = (body: Uint8Array) => renumberExtension(body, 23, 0x7777);
  association.tamper = (datagram) =>
    rewrite(
      rewrite(datagram, HandshakeType.clientHello, change),
      HandshakeType.serverHello,
      change,
    );
  expectRefused(association.run(), "server", /can't prove/);
});

test("P8: a profile that was taken out of the offer is noticed", () => {
  // Downgrade from 0x0007 to the next: the transcripts differ.
  const change = (body: Uint8Array) => {
    const changed = body.slice();
    const at = changed.findIndex((_, i) => changed[i] === 0 && changed[i + 1] === 14);
    for (let i = at; i + 1 < changed.length; i++) {
      if (changed[i] === 0 && changed[i + 1] === 7) {
        changed[i] = 0x77;
        break;
      }
    }
    return changed;
  };
  const association = inTheMiddle("client", HandshakeType.clientHello, change);
  expectRefused(association, "server", /can't prove/);
});

test("P8: a ServerHello with a suite never offered is refused", () => {
  // Behind version, random and an empty session id.
  const association = inTheMiddle("server", HandshakeType.serverHello, (body) => flip(body, 36));
  expectRefused(association, "client", /never offered/);
});

function renumberExtension(body: Uint8Array, from: number, to: number): Uint8Array {
  const isClient = body[34 + (body[34] ?? 0) + 1] === 0 && body.length > 60;
  const changed = body.slice();
  for (let at = isClient ? 36 : 34; at + 4 <= changed.length; at++) {
    const type = ((changed[at] ?? 0) << 8) | (changed[at + 1] ?? 0);
    const length = ((changed[at + 2] ?? 0) << 8) | (changed[at + 3] ?? 0);
    if (type === from && at + 4 + length <= changed.length && at > 40) {
      changed.set(number(to, 2), at);
      return changed;
    }
  }
  throw new Error("no such extension");
}

/** The scripted peer against an endpoint of ours in the other role; what the endpoint said. */
function play(peer: ScriptedPeer, role: Side): { endpoint: DtlsEndpoint; outputs: DtlsOutput[] } {
  const endpoint = new DtlsEndpoint({
    role,
    certificate: role === "client" ? clientCertificate : serverCertificate,
    fingerprints: [(role === "client" ? serverCertificate : clientCertificate).fingerprint],
    random: seededRandom(8),
  });
  const outputs: DtlsOutput[] = [];
  const fromPeer: Uint8Array[] = [];
  const hear = (heard: readonly DtlsOutput[]) => {
    outputs.push(...heard);
    for (const output of heard)
      if (output.type === "send") fromPeer.push(...peer.receive(output.datagram));
  };
  fromPeer.push(...peer.start());
  hear(endpoint.start(0));
  for (let datagram = fromPeer.shift(); datagram; datagram = fromPeer.shift())
    hear(endpoint.receive(datagram, 0));
  return { endpoint, outputs };
}

function expectPeerRefused(peer: ScriptedPeer, role: Side, detail: RegExp): void {
  const { endpoint, outputs } = play(peer, role);
  const said = outputs.filter(({ type }) => type !== "send");
  expect(said).toMatchObject([{ type: "failed" }]);
  expect(said[0]?.type === "failed" && said[0].detail).toMatch(detail);
  expect(endpoint.state).toBe("failed");
  // A fatal alert told the peer.
  expect(peer.alerts).toHaveLength(1);
  expect(peer.alerts[0]?.[0]).toBe(2);
}

const onType =
  (type: number, change: (item: HandshakeItem) => HandshakeItem | undefined) =>
  (item: HandshakeItem) =>
    item.type === type ? change(item) : item;

test("a scripted peer that changes nothing connects in both roles", () => {
  for (const [side, role] of [
    ["client", "server"],
    ["server", "client"],
  ] as const) {
    const peer = new ScriptedPeer(side);
    const { endpoint, outputs } = play(peer, role);
    expect(endpoint.state).toBe("connected");
    expect(peer.isFinished).toBe(true);
    expect(outputs.filter(({ type }) => type === "connected")).toHaveLength(1);
  }
});

test("P8: a Finished with one wrong bit is refused in both roles", () => {
  for (let at = 0; at < 12; at++) {
    const wrong = onType(HandshakeType.finished, (item) => ({
      ...item,
      body: flip(item.body, at),
    }));
    expectPeerRefused(new ScriptedPeer("client", wrong), "server", /Finished/);
    expectPeerRefused(new ScriptedPeer("server", wrong), "client", /Finished/);
  }
});

test("P8: a Finished that is cut short or empty is refused", () => {
  for (const length of [0, 1, 11]) {
    const cut = onType(HandshakeType.finished, (item) => ({
      ...item,
      body: item.body.slice(0, length),
    }));
    expectPeerRefused(new ScriptedPeer("client", cut), "server", /Finished/);
    expectPeerRefused(new ScriptedPeer("server", cut), "client", /Finished/);
  }
});

test("P8: a peer with the right certificate and another's key is refused", () => {
  // The signatures are real ones, of the right length, over the right bytes: of the wrong key.
  const thief = createCertificate(seededRandom(4)).privateKey;
  const asClient = { ...clientCertificate, privateKey: thief };
  expectPeerRefused(new ScriptedPeer("client", undefined, asClient), "server", /can't prove/);
  const asServer = { ...serverCertificate, privateKey: thief };
  expectPeerRefused(new ScriptedPeer("server", undefined, asServer), "client", /isn't signed/);
});

/** Leaves messages out and closes the gap in the numbers. */
function without(...left: number[]) {
  let gone = 0;
  return (item: HandshakeItem) => {
    if (left.includes(item.type)) {
      gone += 1;
      return undefined;
    }
    return { ...item, sequence: item.sequence - gone };
  };
}

test("P8: a client without certificate, with an empty one, or without proof is refused", () => {
  const { certificate, certificateVerify } = HandshakeType;
  const turn = /out of turn/;
  const neither = without(certificate, certificateVerify);
  expectPeerRefused(new ScriptedPeer("client", neither), "server", turn);
  expectPeerRefused(new ScriptedPeer("client", without(certificate)), "server", turn);
  expectPeerRefused(new ScriptedPeer("client", without(certificateVerify)), "server", turn);
  const empty = onType(certificate, (item) => ({ ...item, body: new Uint8Array(3) }));
  expectPeerRefused(new ScriptedPeer("client", empty), "server", /no certificate/);
});

test("P8: a server that leaves out its certificate or its key exchange is refused", () => {
  const turn = /out of turn/;
  for (const type of [HandshakeType.certificate, HandshakeType.serverKeyExchange])
    expectPeerRefused(new ScriptedPeer("server", without(type)), "client", turn);
  const empty = onType(HandshakeType.certificate, (item) => ({ ...item, body: new Uint8Array(3) }));
  expectPeerRefused(new ScriptedPeer("server", empty), "client", /no certificate/);
});

test("P8: a Finished in plaintext, right as it is, connects nobody", () => {
  const plain = onType(HandshakeType.finished, (item) => ({ ...item, epoch: 0 }));
  for (const [side, role] of [
    ["client", "server"],
    ["server", "client"],
  ] as const) {
    const { endpoint, outputs } = play(new ScriptedPeer(side, plain), role);
    expect(endpoint.state).toBe("handshaking");
    expect(outputs.every(({ type }) => type === "send")).toBe(true);
  }
});

const OFFER: Pick<Hello, "suites" | "groups" | "signatures" | "srtpProfiles"> = {
  suites: [0xc02b],
  groups: [29, 23],
  signatures: [0x0403],
  srtpProfiles: [7],
};

const USELESS: [string, Partial<typeof OFFER>][] = [
  ["unknown suites", { suites: [0x1301, 0x009c, 0xc013] }],
  ["suites for RSA, which we have no certificate of,", { suites: [0xc02f, 0xc030] }],
  ["unknown groups", { groups: [0x11ec, 25, 30] }],
  ["SHA-1 and RSA signatures", { signatures: [0x0203, 0x0201, 0x0401] }],
  ["unknown SRTP profiles", { srtpProfiles: [5, 6, 0x7777] }],
  ["no SRTP profile", { srtpProfiles: [] }],
];

for (const [what, change] of USELESS) {
  test(`P8: a ClientHello that offers ${what} only is refused`, () => {
    const hello = (offer: typeof OFFER) =>
      onType(HandshakeType.clientHello, (item) => ({
        ...item,
        body: writeClientHello(new Uint8Array(32), new Uint8Array(0), offer),
      }));
    const { srtpProfiles } = { ...OFFER, ...change };
    const detail = srtpProfiles[0] === 7 ? /no cipher/ : /no SRTP profile/;
    const merged = { ...OFFER, ...change };
    expectPeerRefused(new ScriptedPeer("client", hello(merged)), "server", detail);
    // The same hello without the change is answered.
    const { outputs } = play(new ScriptedPeer("client", hello(OFFER)), "server");
    expect(outputs[0]?.type).toBe("send");
    expect(outputs[0]?.type === "send" && outputs[0].datagram[0]).toBe(ContentType.handshake);
  });
}

test("a connected peer's wish to renegotiate is not heard, in epoch 1 neither", () => {
  for (const [side, role] of [
    ["client", "server"],
    ["server", "client"],
  ] as const) {
    const peer = new ScriptedPeer(side);
    const { endpoint } = play(peer, role);
    const hello = writeClientHello(new Uint8Array(32), new Uint8Array(0), OFFER);
    const begin = side === "client" ? hello : new Uint8Array(0);
    const type = side === "client" ? HandshakeType.clientHello : HandshakeType.helloRequest;
    for (let sequence = 0; sequence < 12; sequence++) {
      const fragment = writeFragment(type, sequence, begin, 0, begin.length);
      for (const epoch of [0, 1] as const) {
        const record = peer.writer.write(ContentType.handshake, epoch, fragment);
        expect(endpoint.receive(record, 1)).toEqual([]);
      }
    }
    expect(endpoint.state).toBe("connected");
    expect(endpoint.deadline()).toBeUndefined();
    const farewell = peer.writer.write(ContentType.alert, 1, Uint8Array.of(1, 0));
    expect(endpoint.receive(farewell, 2)).toEqual([{ type: "closed" }]);
    expect(endpoint.receive(farewell, 3)).toEqual([]);
  }
});

test("application data and unknown content in epoch 1 go by unheard", () => {
  const peer = new ScriptedPeer("client");
  const { endpoint } = play(peer, "server");
  for (const type of [0, 20, 23, 24, 255])
    expect(endpoint.receive(peer.writer.write(type, 1, new Uint8Array(40)), 1)).toEqual([]);
  const empty = peer.writer.write(ContentType.alert, 1, new Uint8Array(0));
  expect(endpoint.receive(empty, 1)).toEqual([]);
  expect(endpoint.state).toBe("connected");
});

test("a fatal alert in epoch 1 ends the association", () => {
  const peer = new ScriptedPeer("client");
  const { endpoint } = play(peer, "server");
  const warning = peer.writer.write(ContentType.alert, 1, Uint8Array.of(1, 100));
  expect(endpoint.receive(warning, 1)).toEqual([]);
  const fatal = peer.writer.write(ContentType.alert, 1, Uint8Array.of(2, 80));
  expect(endpoint.receive(fatal, 1)).toEqual([{ type: "closed" }]);
});

test("a record of ours can't be reflected: each direction has its own keys", () => {
  const peer = new ScriptedPeer("client");
  const { endpoint, outputs } = play(peer, "server");
  for (const output of outputs)
    if (output.type === "send") expect(endpoint.receive(output.datagram, 1)).toEqual([]);
  const { keys } = peer.handshake;
  if (!keys) throw new Error("the peer has no keys");
  const reflected = new RecordWriter();
  reflected.useKeys(keys.remote);
  const alert = reflected.write(ContentType.alert, 1, Uint8Array.of(1, 0));
  expect(endpoint.receive(alert, 1)).toEqual([]);
  expect(endpoint.state).toBe("connected");
});
