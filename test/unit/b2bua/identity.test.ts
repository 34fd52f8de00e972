/** Where a connection's requests go, and what of its transport they say. */
import { expect, test } from "bun:test";
import { routesOf, targetOf } from "../../../gateway/b2bua/identity.ts";
import type { Connection, ConnectionId } from "../../../schema/config.ts";

const connection = (more: Partial<Connection>): Connection => ({
  id: 1 as ConnectionId,
  name: "PBX",
  type: "outbound-trunk",
  enabled: true,
  host: "pbx.example",
  transport: "udp",
  realm: "*",
  registrationExpires: 300,
  weight: 100,
  patterns: [],
  allow: [],
  codecs: ["G722"],
  allowInbound: true,
  allowOutbound: true,
  ...more,
});

test("CON-10: a transport left to the domain is neither asked for nor promised", () => {
  const outboundProxy = { host: "proxy.example" };
  const tls = { verify: "pin", pin: "00".repeat(32) } as const;
  const auto = connection({ transport: "auto", outboundProxy, tls });
  expect(targetOf(auto)).toEqual({ transport: "auto", host: "proxy.example", tls });
  expect(routesOf(auto)).toEqual(["<sip:proxy.example;lr>"]);
  expect(routesOf({ ...auto, transport: "tls" })).toEqual(["<sip:proxy.example;lr;transport=tls>"]);
  expect(targetOf({ ...auto, transport: "tcp" })).toEqual({
    transport: "tcp",
    host: "proxy.example",
  });
});
