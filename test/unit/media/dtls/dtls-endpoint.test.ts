/** A client and a server of ours against each other, over good and bad networks. */
import { expect, test } from "bun:test";
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
      expect(association.sent.length).toBeLessThan(120);
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
    if (from === "server" || association.sent.length < 3) return datagram;
    flight.push(datagram);
    return undefined;
  };
  association.run(0);
  expect(flight.length).toBeGreaterThan(3);
  // ClientKeyExchange last of all but one: what it unlocks must not run ahead of what it completes.
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
    console.log(association.sent.length);
  }
});
