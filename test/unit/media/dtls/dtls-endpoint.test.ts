/** A client and a server of ours against each other, over good and bad networks. */
import { expect, test } from "bun:test";
import { concat } from "../../../../gateway/bytes.ts";
import { fingerprintOf } from "../../../../gateway/media/dtls/certificate.ts";
import {
  HandshakeType,
  readClientHello,
  writeFragment,
} from "../../../../gateway/media/dtls/handshake-message.ts";
import { ContentType, RecordWriter, readRecords } from "../../../../gateway/media/dtls/record.ts";
import { vector } from "../../../../gateway/media/dtls/wire.ts";
import { seededChance } from "../chance.ts";
import { Association, clientCertificate, type Side, serverCertificate } from "./association.ts";

const SIDES: readonly Side[] = ["client", "server"];
const other: Record<Side, Side> = { client: "server", server: "client" };

function expectConnected(association: Association): void {
  const [client, ...moreOfClient] = association.all("client", "connected");
  const [server, ...moreOfServer] = association.all("server", "connected");
  expect(moreOfClient.length + moreOfServer.length).toBe(0);
  expect(association.all("client", "failed")).toEqual([]);
  expect(association.all("server", "failed")).toEqual([]);
  expect(client?.profile).toBe(0x0007);
  expect(server?.profile).toBe(0x0007);
  expect(client?.keys.localKey).toHaveLength(16);
  expect(client?.keys.localSalt).toHaveLength(12);
  expect(client?.keys.localKey).toEqual(server?.keys.remoteKey as Uint8Array);
  expect(client?.keys.localSalt).toEqual(server?.keys.remoteSalt as Uint8Array);
  expect(client?.keys.remoteKey).toEqual(server?.keys.localKey as Uint8Array);
  expect(client?.keys.remoteSalt).toEqual(server?.keys.localSalt as Uint8Array);
  expect(client?.keys.localKey).not.toEqual(client?.keys.remoteKey as Uint8Array);
}

test("over a perfect network both sides connect at once, with the same keys", () => {
  const association = new Association().run();
  expectConnected(association);
  expect(association.now).toBe(0);
  expect(association.client.deadline()).toBeUndefined();
  expect(association.server.deadline()).toBeUndefined();
});

test("300 handshakes over lossy, doubling, reordering networks of every MTU connect", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chance = seededChance(seed);
    const network = {
      loss: 0.4 * chance(),
      duplication: 0.3 * chance(),
      delayMaxMs: Math.floor(150 * chance()),
    };
    const mtu = 228 + Math.floor(chance() * (1_400 - 228 + 1));
    const association = new Association(seed, { client: { mtu }, server: { mtu } }, network).run(
      25_000,
    );
    try {
      expectConnected(association);
      for (const { datagram } of association.sent) expect(datagram.length).toBeLessThanOrEqual(mtu);
      // No storm: a repetition that calls forth a repetition must die out.
      expect(association.sent.length).toBeLessThan(80);
    } catch (error) {
      console.log(`seed ${seed}, mtu ${mtu}`, network, `${association.sent.length} datagrams`);
      throw error;
    }
  }
});

test("a Finished that overtakes the rest of its flight waits its turn", () => {
  const association = new Association(1, { client: { mtu: 228 } });
  const flight: Uint8Array[] = [];
  association.tamper = (datagram, from) => {
    if (from === "server" || association.outputs.server.length === 0) return datagram;
    flight.push(datagram);
    return undefined;
  };
  association.run(0);
  expect(flight.length).toBeGreaterThan(2);
  // The Certificate comes last and completes all that waits: what ClientKeyExchange then unlocks
  // must not run ahead of CertificateVerify.
  for (const datagram of flight.reverse()) association.deliver("server", datagram);
  expectConnected(association.settle());
});

test("doubled datagrams call forth no storm of repeated flights", () => {
  const network = { loss: 0, duplication: 1, delayMaxMs: 150 };
  for (let seed = 1; seed <= 50; seed++) {
    const association = new Association(
      seed,
      { client: { mtu: 228 }, server: { mtu: 228 } },
      network,
    ).run();
    expectConnected(association);
    expect(association.sent.length).toBeLessThan(40);
  }
});

for (const side of SIDES) {
  test(`a certificate of the ${other[side]} that the SDP did not name fails on the ${side}`, () => {
    const stranger = { algorithm: "sha-256", value: `${"AB:".repeat(31)}AB` } as const;
    const association = new Association(1, { [side]: { fingerprints: [stranger] } }).run();
    expect(association.all(side, "failed")).toMatchObject([{ reason: "fingerprint" }]);
    expect(association[side].state).toBe("failed");
    expect(association.all(other[side], "failed")).toMatchObject([{ reason: "dtls" }]);
    expect(association.all("client", "connected")).toEqual([]);
    expect(association.all("server", "connected")).toEqual([]);
    // A failed endpoint says nothing more.
    for (const { from, datagram } of [...association.sent])
      if (from !== side) expect(association.deliver(side, datagram)).toEqual([]);
  });

  test(`the ${side} without any fingerprint to go by accepts nobody`, () => {
    const association = new Association(1, { [side]: { fingerprints: [] } }).run();
    expect(association.all(side, "failed")).toMatchObject([{ reason: "fingerprint" }]);
    expect(association.all(other[side], "connected")).toEqual([]);
  });

  test(`the ${side} takes fingerprints of SHA-384 and SHA-512, in lower case, and any of several`, () => {
    const { der } = other[side] === "client" ? clientCertificate : serverCertificate;
    for (const algorithm of ["sha-384", "sha-512"] as const) {
      const { value } = fingerprintOf(der, algorithm);
      const fingerprints = [
        { algorithm: "sha-256", value: "00" } as const,
        { algorithm, value: value.toLowerCase() },
      ];
      expectConnected(new Association(1, { [side]: { fingerprints } }).run());
    }
  });

  test(`an established association on the ${side} is not disturbed by forged plaintext`, () => {
    const association = new Association().run();
    const { now } = association;
    const before = association.sent.length;
    for (const description of [0, 10, 40, 50, 90, 100]) {
      for (const level of [1, 2]) {
        const alert = new RecordWriter().write(
          ContentType.alert,
          0,
          Uint8Array.of(level, description),
        );
        expect(association.deliver(side, alert)).toEqual([]);
      }
    }
    for (let sequence = 0; sequence < 12; sequence++) {
      for (const { from, datagram } of association.sent.slice(0, before)) {
        const [record] = readRecords(datagram);
        if (from === side || !record || record.epoch !== 0) continue;
        const content = record.fragment.slice();
        content[5] = sequence;
        const hello = new RecordWriter().write(ContentType.handshake, 0, content);
        expect(association.deliver(side, hello)).toEqual([]);
      }
    }
    expect(association.now).toBe(now);
    expect(association[side].state).toBe("connected");
    expect(association[side].deadline()).toBeUndefined();
    // Still the same association: an honest goodbye gets through.
    association.take(other[side], association[other[side]].close(now));
    association.settle();
    expect(association.all(side, "closed")).toHaveLength(1);
  });

  test(`records replayed to a connected ${side} lead to no second connection`, () => {
    const association = new Association().run();
    const heard = association.sent.filter(({ from }) => from !== side);
    for (let round = 0; round < 3; round++) {
      association.now += 1_000;
      for (const { datagram } of heard) {
        // The server alone may repeat its last flight: its Finished may have been lost.
        for (const output of association[side].receive(datagram, association.now)) {
          expect(output.type).toBe("send");
          expect(side).toBe("server");
        }
      }
    }
    expectConnected(association);
    expect(association[side].state).toBe("connected");
  });

  test(`the ${side} closes: the other side hears of it, once`, () => {
    const association = new Association().run();
    association.take(side, association[side].close(association.now));
    association.settle();
    expect(association.all(other[side], "closed")).toHaveLength(1);
    expect(association[side].state).toBe("closed");
    expect(association[other[side]].state).toBe("closed");
    for (const { from, datagram } of [...association.sent])
      expect(association.deliver(other[from], datagram)).toEqual([]);
  });
}

test("a record of epoch 1 that was changed by one bit is dropped without a word", () => {
  const association = new Association().run();
  const [goodbye] = association.client.close(association.now);
  if (goodbye?.type !== "send") throw new Error("no close_notify was sent");
  for (let bit = 3 * 8; bit < goodbye.datagram.length * 8; bit++) {
    const forged = goodbye.datagram.slice();
    forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(association.deliver("server", forged)).toEqual([]);
  }
  expect(association.deliver("server", goodbye.datagram)).toEqual([{ type: "closed" }]);
});

test("a server's lost Finished comes again when the client repeats its flight", () => {
  const association = new Association();
  let lost = 0;
  association.tamper = (datagram, from) => {
    if (from === "client" || association.server.state !== "connected" || lost === 3)
      return datagram;
    lost += 1;
    return undefined;
  };
  expectConnected(association.run());
  expect(lost).toBe(3);
});

test("the client gives up after thirty seconds of silence, with growing pauses", () => {
  const association = new Association();
  association.tamper = () => undefined;
  association.run();
  expect(association.all("client", "failed")).toMatchObject([{ reason: "dtls" }]);
  expect(association.now).toBe(30_000);
  // At once, after 200, 400 and 800 ms, then every 1200: where much is lost the next may get
  // through; and an alert in the end.
  expect(association.all("client", "send").length).toBe(4 + 23 + 1);
});

test("two handshakes never agree on the same keys", () => {
  const keys = [1, 1, 2].map((seed) =>
    new Association(seed).run().all("client", "connected")[0]?.keys.localKey.toHex(),
  );
  expect(new Set(keys).size).toBe(3);
});

/** A HelloVerifyRequest, which our own server never sends. */
function verifyRequest(sequence: number, cookie: Uint8Array): Uint8Array {
  const body = concat(Uint8Array.of(0xfe, 0xff), vector(1, cookie));
  const fragment = writeFragment(HandshakeType.helloVerifyRequest, sequence, body, 0, body.length);
  return new RecordWriter().write(ContentType.handshake, 0, fragment);
}

test("a client asked for a cookie says its hello again with it, and the same random", () => {
  const { client } = new Association();
  const hellos = [
    ...client.start(0),
    ...client.receive(verifyRequest(0, Uint8Array.of(7, 8, 9)), 1),
  ].map((output) => {
    const datagram = output.type === "send" ? output.datagram : new Uint8Array(0);
    const fragment = readRecords(datagram)[0]?.fragment ?? new Uint8Array(0);
    return { sequence: fragment[5], hello: readClientHello(fragment.subarray(12)) };
  });
  expect(hellos.map(({ sequence }) => sequence)).toEqual([0, 1]);
  expect(hellos.map(({ hello }) => hello?.cookie)).toEqual([
    new Uint8Array(0),
    Uint8Array.of(7, 8, 9),
  ]);
  expect(hellos[0]?.hello?.random).toEqual(hellos[1]?.hello?.random as Uint8Array);
  // A server that asks once more never comes to an end.
  const [, failed] = client.receive(verifyRequest(1, Uint8Array.of(1)), 2);
  expect(failed).toMatchObject({ type: "failed", reason: "dtls" });
});

test("P8: what is no record, or a forged one, is dropped and counted", () => {
  const { server } = new Association();
  server.start(0);
  expect(server.receive(Uint8Array.of(22, 254, 253, 0, 0), 1)).toEqual([]);
  expect(server.dropped).toBe(1);
  const strange = new RecordWriter().write(ContentType.handshake, 0, Uint8Array.of(1));
  // An epoch nobody has agreed on.
  strange[4] = 9;
  expect(server.receive(strange, 2)).toEqual([]);
  expect(server.dropped).toBe(2);
});
