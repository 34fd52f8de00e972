/** Fragments in every bad order and shape, and a server under mutated datagrams: P8, bounded. */
import { expect, test } from "bun:test";
import { concat } from "../../../../gateway/bytes.ts";
import { DtlsEndpoint } from "../../../../gateway/media/dtls/dtls-endpoint.ts";
import { HandshakeType, writeFragment } from "../../../../gateway/media/dtls/handshake-message.ts";
import { type HandshakeMessage, Reassembly } from "../../../../gateway/media/dtls/reassembly.ts";
import { ContentType, RecordWriter, readRecords } from "../../../../gateway/media/dtls/record.ts";
import { number } from "../../../../gateway/media/dtls/wire.ts";
import { mutate, mutations, runSeed, seededChance } from "../chance.ts";
import { seededRandom } from "../seeded-random.ts";
import { Association, clientCertificate, serverCertificate } from "./association.ts";
import { ScriptedPeer } from "./scripted-peer.ts";

const BODY = Uint8Array.from({ length: 200 }, (_, index) => index);
const HELLO = HandshakeType.clientHello;

function piece(offset: number, length: number, sequence = 0): Uint8Array {
  return writeFragment(HELLO, sequence, BODY, offset, length);
}

/** What comes out when these record contents come in. */
function reassembled(...contents: Uint8Array[]): HandshakeMessage[] {
  const reassembly = new Reassembly();
  return contents.flatMap((content) => reassembly.add(content, 0).messages);
}

const WHOLE = [{ type: HELLO, sequence: 0, body: BODY }];

test("a message in one piece, in two, reversed, doubled and overlapping comes out once", () => {
  expect(reassembled(piece(0, 200))).toEqual(WHOLE);
  expect(reassembled(piece(0, 90), piece(90, 110))).toEqual(WHOLE);
  expect(reassembled(piece(90, 110), piece(0, 90))).toEqual(WHOLE);
  expect(reassembled(piece(0, 90), piece(0, 90), piece(90, 110), piece(90, 110))).toEqual(WHOLE);
  expect(reassembled(piece(50, 100), piece(0, 120), piece(10, 190))).toEqual(WHOLE);
  // Both pieces in one record.
  expect(reassembled(concat(piece(90, 110), piece(0, 90)))).toEqual(WHOLE);
});

test("a message with a hole doesn't come out, whatever is doubled or empty", () => {
  expect(reassembled(piece(0, 90), piece(91, 109), piece(0, 90), piece(91, 109))).toEqual([]);
  expect(reassembled(piece(0, 0), piece(200, 0), piece(90, 0))).toEqual([]);
});

test("pieces of one byte in any order come out whole", () => {
  const chance = seededChance(5);
  const order = Array.from({ length: 200 }, (_, index) => ({ index, key: chance() }));
  order.sort((a, b) => a.key - b.key);
  expect(reassembled(...order.map(({ index }) => piece(index, 1)))).toEqual(WHOLE);
});

test("messages come out in order, and one that came before is stale", () => {
  const reassembly = new Reassembly();
  expect(reassembly.add(piece(0, 200, 1), 0)).toEqual({ messages: [], stale: false });
  const { messages } = reassembly.add(piece(0, 200, 0), 0);
  expect(messages.map(({ sequence }) => sequence)).toEqual([0, 1]);
  expect(reassembly.next).toBe(2);
  expect(reassembly.add(piece(0, 10, 1), 0)).toEqual({ messages: [], stale: true });
});

test("a message without a body comes out", () => {
  const done = writeFragment(HandshakeType.serverHelloDone, 0, new Uint8Array(0), 0, 0);
  expect(reassembled(done)).toMatchObject([{ type: HandshakeType.serverHelloDone }]);
});

test("a piece that contradicts the first one of its message is dropped", () => {
  const longer = writeFragment(HELLO, 0, new Uint8Array(300), 90, 110);
  const ofAnotherType = writeFragment(HandshakeType.certificate, 0, BODY, 90, 110);
  expect(reassembled(piece(0, 90), longer, ofAnotherType)).toEqual([]);
  expect(reassembled(piece(0, 90), longer, ofAnotherType, piece(90, 110))).toEqual(WHOLE);
});

test("Finished in plaintext and anything else in epoch 1 is dropped", () => {
  const finished = writeFragment(HandshakeType.finished, 0, new Uint8Array(12), 0, 12);
  expect(new Reassembly().add(finished, 0).messages).toEqual([]);
  expect(new Reassembly().add(finished, 1).messages).toHaveLength(1);
  expect(new Reassembly().add(piece(0, 200), 1).messages).toEqual([]);
});

/** A header that claims anything, and a few bytes. */
function claim(length: number, sequence: number, offset: number): Uint8Array {
  return concat(
    Uint8Array.of(HELLO),
    number(length, 3),
    number(sequence, 2),
    number(offset, 3),
    number(4, 3),
    new Uint8Array(4),
  );
}

test("P8: a claimed length of 16 MB takes no memory and blocks nothing", () => {
  const reassembly = new Reassembly();
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 1_000; round++) {
    for (const sequence of [0, 1, 7]) reassembly.add(claim(0xff_ffff, sequence, 0), 0);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 2 ** 20);
  expect(reassembly.add(piece(0, 200), 0).messages).toEqual(WHOLE);
});

test("P8: what is buffered stays under 64 KiB over all messages", () => {
  const reassembly = new Reassembly();
  // Two of 30,000 fit, a third does not, so it never comes out.
  const large = new Uint8Array(30_000);
  for (const sequence of [1, 2, 3])
    reassembly.add(writeFragment(HELLO, sequence, large, 0, large.length), 0);
  const { messages } = reassembly.add(piece(0, 200), 0);
  expect(messages.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
  // And the room is there again.
  expect(reassembly.add(writeFragment(HELLO, 3, large, 0, large.length), 0).messages).toHaveLength(
    1,
  );
});

test("P8: a message far ahead is refused", () => {
  const reassembly = new Reassembly();
  for (let sequence = 8; sequence < 65_536; sequence += 97)
    expect(reassembly.add(piece(0, 200, sequence), 0).messages).toEqual([]);
  reassembly.add(piece(0, 200, 8), 0);
  for (let sequence = 0; sequence < 8; sequence++)
    expect(reassembly.add(piece(0, 200, sequence), 0).messages).toHaveLength(1);
  // Number 8 was not kept: it is still due.
  expect(reassembly.next).toBe(8);
});

test("a piece that reaches past its message is dropped", () => {
  const beyond = claim(200, 0, 197);
  expect(reassembled(beyond, piece(0, 197))).toEqual([]);
});

test("a ClientHello in two pieces, reversed, is answered by a server", () => {
  const [hello] = new Association().client.start(0);
  if (hello?.type !== "send") throw new Error("no hello");
  const [record] = readRecords(hello.datagram);
  const body = record?.fragment.subarray(12) ?? new Uint8Array(0);
  const association = new Association();
  const writer = new RecordWriter();
  const send = (offset: number, length: number) =>
    association.server.receive(
      writer.write(ContentType.handshake, 0, writeFragment(HELLO, 0, body, offset, length)),
      0,
    );
  expect(send(60, body.length - 60)).toEqual([]);
  expect(send(60, body.length - 60)).toEqual([]);
  expect(send(0, 60).map(({ type }) => type)).toContain("send");
});

function newServer(seed: number): DtlsEndpoint {
  return new DtlsEndpoint({
    role: "server",
    certificate: serverCertificate,
    fingerprints: [clientCertificate.fingerprint],
    random: seededRandom(seed),
  });
}

/** A server that an honest client has brought to one of the stages of a handshake. */
function serverAtStage(seed: number, stage: number): { server: DtlsEndpoint; next: Uint8Array[] } {
  const server = newServer(seed);
  const client = new ScriptedPeer("client");
  let next = client.start();
  for (let step = 0; step < stage; step++) {
    const outputs = next.flatMap((datagram) => server.receive(datagram, 0));
    const sent = outputs.flatMap((output) => (output.type === "send" ? [output.datagram] : []));
    const answer = sent.flatMap((datagram) => client.receive(datagram));
    if (answer.length === 0) break;
    next = answer;
  }
  return { server, next };
}

test("P8: mutated datagrams never throw and leave an association as it was", () => {
  const seed = runSeed("DTLS mutations");
  const chance = seededChance(seed);
  const count = mutations(20_000);
  let { server, next } = serverAtStage(seed, 0);
  for (let index = 0; index < count; index++) {
    // A refused handshake is over; the next one starts where chance puts it: fresh, after flight
    // 4, or connected.
    if (index % 50 === 0 || server.state === "failed" || server.state === "closed") {
      ({ server, next } = serverAtStage(index, Math.floor(chance() * 3)));
    }
    const datagram = next[Math.floor(chance() * next.length)] ?? new Uint8Array(0);
    const wasConnected = server.state === "connected";
    const outputs = server.receive(mutate(datagram, chance), index % 50);
    expect(outputs.length).toBeLessThan(20);
    if (wasConnected) expect(server.state).toBe("connected");
  }
  const { server: last, next: flight } = serverAtStage(seed, 1);
  for (const datagram of flight) last.receive(datagram, 1);
  expect(last.state).toBe("connected");
}, 600_000);

test("P8: a server connects after garbage that isn't a valid message", () => {
  const seed = runSeed("DTLS garbage");
  const chance = seededChance(seed);
  const association = new Association(seed);
  for (let index = 0; index < 2_000; index++) {
    const garbage = Uint8Array.from({ length: chance() * 100 }, () => chance() * 256);
    // As a record of any type but alert and handshake, and as none.
    garbage[0] = [20, 23, 24, 0, 255][index % 5] ?? 0;
    expect(association.server.receive(garbage, 0)).toEqual([]);
    expect(association.server.receive(claimRecord(garbage), 0)).toEqual([]);
  }
  association.run();
  expect(association.server.state).toBe("connected");
});

/** The bytes as a handshake record of a far epoch. */
function claimRecord(content: Uint8Array): Uint8Array {
  const header = [Uint8Array.of(22, 0xfe, 0xfd), number(2, 2), number(0, 6)];
  return concat(...header, number(content.length, 2), content);
}
