/** Connections without a word (S10): alone, and in the house. */
import { expect, test } from "bun:test";
import { B2bua } from "../../../gateway/b2bua/b2bua.ts";
import { Newcomers } from "../../../gateway/b2bua/newcomers.ts";
import { utf8 } from "../../../gateway/bytes.ts";
import type { Flow, FlowId, Transport } from "../../../gateway/sip/flow.ts";
import { seededRandom } from "../../sim/random.ts";

const flow = (id: string, transport: Transport): Flow => ({
  id: id as FlowId,
  transport,
  sentBy: "gateway",
  remote: { address: "203.0.113.1", port: 1 },
  local: { address: "192.0.2.1", port: 1 },
});

test("ten seconds on streams, thirty on WebSockets, none on UDP", () => {
  const newcomers = new Newcomers();
  newcomers.arrived(flow("udp", "udp"), 0);
  expect(newcomers.size).toBe(0);
  newcomers.arrived(flow("ws", "wss"), 0);
  newcomers.arrived(flow("tcp", "tcp"), 0);
  newcomers.arrived(flow("tls", "tls"), 0);
  newcomers.settled("tls" as FlowId);
  expect(newcomers.deadline()).toBe(10_000);
  expect(newcomers.takeDue(9_999)).toBeUndefined();
  expect(newcomers.takeDue(10_000)).toBe("tcp" as FlowId);
  expect(newcomers.takeDue(10_000)).toBeUndefined();
  expect(newcomers.takeDue(30_000)).toBe("ws" as FlowId);
  expect(newcomers.deadline()).toBeUndefined();
});

test("S10: ten thousand idle connections and octets without an end are closed; a word is enough", () => {
  const b2bua = new B2bua({ random: seededRandom(1), wallClock: (at) => at });
  const config = { revision: 1, realm: "r", users: [], connections: [] };
  b2bua.handle({ type: "configured", config }, 0);
  for (let index = 0; index < 10_000; index++) {
    b2bua.handle({ type: "opened", flow: flow(`tcp ${index}`, "tcp") }, 0);
  }
  const loris = flow("tcp 1", "tcp");
  for (let at = 1_000; at < 10_000; at += 1_000) {
    b2bua.handle({ type: "received", flow: loris, bytes: utf8("I") }, at);
  }
  const polite = flow("tcp 2", "tcp");
  const options =
    "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
  b2bua.handle({ type: "received", flow: polite, bytes: utf8(options) }, 9_500);
  const closed = b2bua
    .handle({ type: "timeout" }, 10_000)
    .flatMap((it) => (it.type === "close" ? [it.flow] : []));
  expect(closed.length).toBe(9_999);
  expect(closed).toContain(loris.id);
  expect(closed).not.toContain(polite.id);
  expect(b2bua.status(10_000).alive["newcomers"]).toBe(0);
});
