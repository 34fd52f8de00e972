/** NAT-02, NAT-03: which address peers are told. */
import { expect, test } from "bun:test";
import { OwnAddresses } from "../../../gateway/io/network.ts";
import { ownFlow } from "../../../gateway/io/own-flow.ts";
import type { FlowId } from "../../../gateway/sip/flow.ts";

const INSIDE = "10.0.0.5";

test("NAT-02: the command line's address before the settings', theirs before what STUN servers see", () => {
  const own = new OwnAddresses({ media: INSIDE });
  expect([own.hostFor("192.0.2.9"), own.advertisedFrom]).toEqual([INSIDE, "interface"]);
  own.configure({ stunServers: ["stun.example.com", "stun.example.net"] });
  expect(own.stunServers).toHaveLength(2);
  expect([own.seen(["203.0.113.1", "203.0.113.2", "203.0.113.2"]), own.advertised]).toEqual([
    true,
    "203.0.113.2",
  ]);
  expect(own.seen(["203.0.113.2"])).toBe(false);
  // Nobody answers: what was seen last stands.
  expect([own.seen([]), own.advertised, own.advertisedFrom]).toEqual([
    false,
    "203.0.113.2",
    "stun",
  ]);
  own.configure({ stunServers: ["stun.example.com"], externalAddress: "198.51.100.7" });
  expect([own.hostFor("192.0.2.9"), own.advertisedFrom]).toEqual(["198.51.100.7", "setting"]);
  expect(own.stunServers).toEqual([]);
  const given = new OwnAddresses({ media: INSIDE, externalIp: "198.51.100.8" });
  given.configure({ externalAddress: "198.51.100.7" });
  expect([given.advertised, given.advertisedFrom]).toEqual(["198.51.100.8", "command line"]);
});

test("NAT-03: who is in a local network is told the interface's own address, loopback its own", () => {
  const own = new OwnAddresses({ media: INSIDE, externalIp: "198.51.100.8" });
  own.configure({ localNetworks: ["192.168.1.0/24", "fd00::/8"] });
  for (const [remote, host] of [
    ["192.168.1.77", INSIDE],
    ["192.168.2.77", "198.51.100.8"],
    ["fd00::1", INSIDE],
    ["127.0.0.9", "127.0.0.1"],
    ["::1", "::1"],
  ] as const) {
    expect([remote, own.hostFor(remote)]).toEqual([remote, host]);
  }
});

test("NAT-03: a change holds at once, for flows that are open too", () => {
  const own = new OwnAddresses({ media: INSIDE, externalIp: "198.51.100.8" });
  const flow = ownFlow({
    id: "trunk" as FlowId,
    transport: "udp",
    remote: { address: "192.168.1.77", port: 5060 },
    sentByPort: 5060,
    localPort: 5060,
    localHostFor: own.hostFor,
  });
  expect(flow.sentBy).toBe("198.51.100.8:5060");
  own.configure({ localNetworks: ["192.168.1.0/24"] });
  expect(flow.sentBy).toBe(`${INSIDE}:5060`);
  expect(flow.local).toEqual({ address: INSIDE, port: 5060 });
  own.configure({});
  expect(flow.local.address).toBe("198.51.100.8");
});

test("NAT-02: behind a NAT where registrars see us counts where nobody has told and STUN says nothing", () => {
  const own = new OwnAddresses({ media: INSIDE });
  expect(own.registeredAs(["10.0.0.5", "192.168.7.7"])).toBe(false);
  expect(own.registeredAs(["10.0.0.5", "203.0.113.9"])).toBe(true);
  expect([own.hostFor("192.0.2.9"), own.advertisedFrom]).toEqual(["203.0.113.9", "registrar"]);
  // Nobody is registered just now, or only in our own network: it stands.
  for (const none of [[], ["10.0.0.5"], ["203.0.113.9"]]) {
    expect(own.registeredAs(none)).toBe(false);
    expect(own.advertised).toBe("203.0.113.9");
  }
  expect(own.registeredAs(["203.0.113.10"])).toBe(true);
  own.configure({ stunServers: ["stun.example.com"] });
  expect(own.seen(["198.51.100.3"])).toBe(true);
  expect(own.registeredAs(["203.0.113.11"])).toBe(false);
  expect([own.advertised, own.advertisedFrom]).toEqual(["198.51.100.3", "stun"]);
  // A machine that has a public address is where it says it is.
  const open = new OwnAddresses({ media: "198.51.100.20" });
  expect(open.registeredAs(["203.0.113.9"])).toBe(false);
  expect(open.advertised).toBeUndefined();
});
