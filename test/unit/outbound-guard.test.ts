import { expect, test } from "bun:test";
import { parseAddress } from "../../gateway/address.ts";
import { mayConnect } from "../../gateway/outbound-guard.ts";

const may = (text: string, loopback = false) => {
  const address = parseAddress(text);
  return address !== undefined && mayConnect(address, loopback);
};

test("D16, W8: neither this machine nor the link nor a cloud's secrets; private networks are allowed", () => {
  const denied = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "fe80::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "168.63.129.16",
    "192.0.0.192",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "::7f00:1",
  ];
  for (const address of denied) expect([address, may(address)]).toEqual([address, false]);
  const allowed = [
    "10.0.0.1",
    "192.168.1.2",
    "172.16.0.9",
    "203.0.113.7",
    "2001:db8::1",
    "fd12::1",
    "64:ff9b::cb00:7107",
    "2002:cb00:7107::1",
  ];
  for (const address of allowed) expect([address, may(address)]).toEqual([address, true]);
  expect([may("127.0.0.1", true), may("::1", true), may("169.254.169.254", true)]).toEqual([
    true,
    true,
    false,
  ]);
});
