/** NAT-02, NAT-09: what a registrar's answer tells of the way between us. */
import { expect, test } from "bun:test";
import { registeredWay } from "../../../gateway/b2bua/registered-way.ts";
import { utf8 } from "../../../gateway/bytes.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import { parseMessage } from "../../../gateway/sip/parse.ts";

const FLOW: Flow = {
  id: "trunk" as FlowId,
  transport: "udp",
  sentBy: "192.168.1.5:5060",
  remote: { address: "203.0.113.50", port: 5_060 },
  local: { address: "192.168.1.5", port: 5_060 },
};

function way(via: string, contact: string) {
  const parsed = parseMessage(
    utf8(
      `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP ${via};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n${contact}Content-Length: 0\r\n\r\n`,
    ),
  );
  if (!parsed.ok || parsed.message.kind !== "response") throw new Error("no response");
  return registeredWay(parsed.message, "token", FLOW);
}

const OURS = "Contact: <sip:token@192.168.1.5:5060>;expires=300\r\n";

test("NAT-02: where it sees us, by received, or as we said where it says nothing", () => {
  expect(way("192.168.1.5:5060;received=198.51.100.7;rport=40000", OURS)).toEqual({
    seenAs: "198.51.100.7",
  });
  expect(way("192.168.1.5:5060", OURS)).toEqual({ seenAs: "192.168.1.5" });
  expect(way("gateway.example:5060", OURS)).toEqual({});
});

test("NAT-09: another address for us than we said is told; others' bindings are not ours", () => {
  const other = "Contact: <sip:someone@10.9.9.9:5062>;expires=100\r\n";
  for (const [contact, boundAs] of [
    [OURS, undefined],
    ["Contact: <sip:token@192.168.1.5>\r\n", undefined],
    ["Contact: <sip:token@198.51.100.7:40000>\r\n", "198.51.100.7:40000"],
    ["Contact: <sip:token@192.168.1.5:1024>\r\n", "192.168.1.5:1024"],
    ["Contact: <sip:token@198.51.100.7:1>\r\nContact: <sip:token@192.168.1.5:5060>\r\n", undefined],
    [other, undefined],
    ["", undefined],
  ] as const) {
    expect([contact, way("192.168.1.5:5060", contact).boundAs]).toEqual([contact, boundAs]);
  }
});
