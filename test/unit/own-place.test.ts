import { expect, test } from "bun:test";
import { parseCidr } from "../../gateway/address.ts";
import { hostTowards, NATS } from "../../gateway/own-place.ts";

const cidr = parseCidr("192.168.1.0/24")?.cidr;
const place = {
  ...{ inside: "192.168.1.2", outside: "203.0.113.9" },
  localNetworks: cidr ? [cidr] : [],
};

test("NAT-01: as the peer's address says, always or never", () => {
  const towards = (remote: string) => NATS.map((nat) => hostTowards(remote, place, nat));
  expect(NATS).toEqual(["auto", "yes", "no"]);
  expect(towards("198.51.100.1")).toEqual(["203.0.113.9", "203.0.113.9", "192.168.1.2"]);
  expect(towards("192.168.1.77")).toEqual(["192.168.1.2", "203.0.113.9", "192.168.1.2"]);
  expect(towards("127.0.0.1")).toEqual(["192.168.1.2", "203.0.113.9", "192.168.1.2"]);
});
