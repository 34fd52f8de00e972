/** Who may call: AMB-20's order, SEC-01's lists, and a refusal that is logged for everybody else. */
import { expect, test } from "bun:test";
import { identifyTrunk } from "../../../gateway/b2bua/admission.ts";
import { B2bua } from "../../../gateway/b2bua/b2bua.ts";
import { Trunk } from "../../../gateway/b2bua/trunk.ts";
import { fromUtf8, utf8 } from "../../../gateway/bytes.ts";
import { createRequest } from "../../../gateway/sip/build.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import type { Connection, ConnectionId } from "../../../schema/config.ts";
import { seededRandom } from "../../sim/random.ts";

const random = seededRandom(17);

function trunkOf(id: number, name: string, changes: Partial<Connection> = {}): Trunk {
  const connection: Connection = {
    id: id as ConnectionId,
    name,
    type: "outbound-trunk",
    enabled: true,
    host: "pbx.example.com",
    transport: "udp",
    realm: "*",
    registrationExpires: 300,
    weight: 100,
    patterns: [],
    allow: [],
    codecs: ["G722"],
    allowInbound: true,
    allowOutbound: true,
    ...changes,
  };
  return new Trunk(connection, random, id, 0);
}

const flowFrom = (address: string, id = `udp ${address}`): Flow => ({
  id: id as FlowId,
  transport: "udp",
  sentBy: "192.0.2.1:5060",
  remote: { address, port: 5_060 },
  local: { address: "192.0.2.1", port: 5_060 },
});

const inviteTo = (user: string) =>
  createRequest({
    method: "INVITE",
    uri: `sip:${user}@192.0.2.1`,
    from: { uri: "sip:caller@pbx", params: new Map([["tag", "t"]]) },
    to: { uri: `sip:${user}@192.0.2.1`, params: new Map() },
    callId: "c",
    cseq: 1,
  });

const nameOf = (trunks: Trunk[], flow: Flow, user = "alice") =>
  identifyTrunk(trunks, flow, inviteTo(user)).trunk?.connection.name;

test("REG-06: our Contact's token identifies the connection, wherever the call comes from", () => {
  const registered = { type: "outbound-registration", username: "u", password: "p" } as const;
  const trunks = [trunkOf(1, "one", registered), trunkOf(2, "two", registered)];
  const token = trunks[1]?.registrationToken ?? "";
  expect(token.length).toBeGreaterThanOrEqual(16);
  expect(nameOf(trunks, flowFrom("203.0.113.9"), token)).toBe("two");
  expect(nameOf(trunks, flowFrom("203.0.113.9"), "alice")).toBeUndefined();
});

test("AMB-20: our own flow to the PBX, then the narrowest block that holds the address", () => {
  const wide = trunkOf(1, "wide", { allow: ["192.0.2.0/24"] });
  const narrow = trunkOf(2, "narrow", { allow: ["192.0.2.64/28", "2001:db8::/64"] });
  expect(nameOf([wide, narrow], flowFrom("192.0.2.7"))).toBe("wide");
  expect(nameOf([wide, narrow], flowFrom("192.0.2.70"))).toBe("narrow");
  expect(nameOf([wide, narrow], flowFrom("2001:db8::5"))).toBe("narrow");
  const [opened] = wide.reach("call");
  if (opened?.type !== "open") throw new Error("no flow wanted");
  expect(nameOf([wide, narrow], flowFrom("198.51.100.1", opened.flow))).toBe("wide");
});

test("AMB-17: a registrar's own addresses may call, as its name stands now; a trunk's are its list's", () => {
  const registered = { type: "outbound-registration", username: "u", password: "p" } as const;
  const [office, carrier] = [trunkOf(1, "office", registered), trunkOf(2, "carrier")];
  const trunks = [office, carrier];
  for (const trunk of trunks) trunk.resolved(["192.0.2.50", "2001:db8::50"]);
  expect(nameOf(trunks, flowFrom("192.0.2.50"))).toBe("office");
  expect(nameOf(trunks, flowFrom("2001:db8::50"))).toBe("office");
  expect(nameOf([carrier], flowFrom("192.0.2.50"))).toBeUndefined();
  office.resolved(["192.0.2.51"]);
  expect(nameOf(trunks, flowFrom("192.0.2.50"))).toBeUndefined();
  expect(nameOf(trunks, flowFrom("192.0.2.51"))).toBe("office");
});

test("SEC-01: an empty list is nobody; an address on two equal lists is nobody's, in words", () => {
  expect(nameOf([trunkOf(1, "empty")], flowFrom("192.0.2.7"))).toBeUndefined();
  const twins = [
    trunkOf(1, "a", { allow: ["192.0.2.7/32"] }),
    trunkOf(2, "b", { allow: ["192.0.2.7/32"] }),
  ];
  expect(identifyTrunk(twins, flowFrom("192.0.2.7"), inviteTo("alice"))).toEqual({
    trunk: undefined,
    reason: "the address is on several allow lists: a, b",
  });
});

test("CON-26: a stranger's INVITE is refused with 403, logged, and costs nothing", () => {
  const b2bua = new B2bua({ random, wallClock: (at) => at });
  b2bua.handle(
    { type: "configured", config: { revision: 1, realm: "r", users: [], connections: [] } },
    0,
  );
  const flow = flowFrom("203.0.113.66");
  const methods = ["INVITE", "OPTIONS", "REGISTER", "MESSAGE", "BYE", "REFER"];
  for (const [index, method] of methods.entries()) {
    const text = `${method} sip:0044123@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66;branch=z9hG4bK${method}\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:0044123@192.0.2.1>\r\nCall-ID: ${method}\r\nCSeq: 1 ${method}\r\n\r\n`;
    const outputs = b2bua.handle({ type: "received", flow, bytes: utf8(text) }, 1_000 * index);
    const sent = outputs.flatMap((it) => (it.type === "send" ? [fromUtf8(it.bytes)] : []));
    expect(sent).toHaveLength(1);
    expect(sent[0]).toStartWith("SIP/2.0 403 ");
    expect(outputs).toContainEqual({
      type: "log",
      level: "warning",
      event: "trunk-refused",
      fields: {
        remote: "203.0.113.66",
        method,
        reason: "the address is on no connection's allow list",
      },
    });
  }
  expect(Object.values(b2bua.status(10_000).alive).every((count) => count === 0)).toBe(true);
});

test("malformed SIP is answered 400 where it can be, counted and logged with its flow", () => {
  const b2bua = new B2bua({ random, wallClock: (at) => at });
  const flow = { ...flowFrom("203.0.113.66", "ws 7"), transport: "ws" as const };
  const bad =
    "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n";
  const outputs = b2bua.handle({ type: "received", flow, bytes: utf8(bad) }, 0);
  expect(outputs.flatMap((it) => (it.type === "send" ? [fromUtf8(it.bytes)] : []))[0]).toStartWith(
    "SIP/2.0 400 ",
  );
  expect(outputs).toContainEqual({
    type: "log",
    level: "warning",
    event: "sip-dropped",
    fields: { flow: "ws 7", reason: "From is missing" },
  });
  b2bua.handle({ type: "received", flow, bytes: utf8("\u0000garbage") }, 0);
  expect(b2bua.status(0).droppedMessages).toBe(2);
});

test("S4, S11: a scanner gets no answer, a guesser five a second and then a ban", () => {
  const b2bua = new B2bua({ random, wallClock: (at) => at });
  b2bua.handle(
    { type: "configured", config: { revision: 1, realm: "r", users: [], connections: [] } },
    0,
  );
  const probe = (address: string, index: number, userAgent: string, now: number) => {
    const text = `OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP ${address};branch=z9hG4bK${index}\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: ${index}\r\nCSeq: 1 OPTIONS\r\nUser-Agent: ${userAgent}\r\n\r\n`;
    return b2bua.handle({ type: "received", flow: flowFrom(address), bytes: utf8(text) }, now);
  };
  const answersOf = (outputs: ReturnType<typeof probe>) =>
    outputs.filter(({ type }) => type === "send").length;
  expect(answersOf(probe("203.0.113.1", 0, "friendly-scanner", 1))).toBe(0);
  let answers = 0;
  const events: string[] = [];
  for (let index = 0; index < 30; index++) {
    const outputs = probe("203.0.113.2", index, "curious", 10);
    answers += answersOf(outputs);
    events.push(...outputs.flatMap((it) => (it.type === "log" ? [it.event] : [])));
  }
  expect(answers).toBe(5);
  expect(events.filter((event) => event === "ban")).toEqual(["ban"]);
  expect(b2bua.status(11).bans).toEqual([
    {
      source: "203.0.113.2",
      reason: "the address is on no connection's allow list",
      until: 300_010,
    },
  ]);
  // The ban is that source's alone.
  expect(answersOf(probe("203.0.113.3", 99, "curious", 12))).toBe(1);
});

test("S4, S11: garbage and malformed requests get five answers a second at most, and then a ban", () => {
  const b2bua = new B2bua({ random, wallClock: (at) => at });
  const flow = flowFrom("203.0.113.7");
  const bad = (index: number) =>
    `INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK${index}\r\nCSeq: 1 INVITE\r\n\r\n`;
  let answers = 0;
  for (let index = 0; index < 50; index++) {
    const outputs = b2bua.handle({ type: "received", flow, bytes: utf8(bad(index)) }, 0);
    answers += outputs.filter(({ type }) => type === "send").length;
  }
  expect(answers).toBe(5);
  expect(b2bua.status(0).bans.map(({ source }) => source)).toEqual(["203.0.113.7"]);
  // Responses that come late or from another address of a PBX are no failures.
  const late = `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP gw;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: late\r\nCSeq: 1 INVITE\r\n\r\n`;
  for (let index = 0; index < 50; index++) {
    b2bua.handle({ type: "received", flow: flowFrom("203.0.113.8"), bytes: utf8(late) }, 0);
  }
  expect(b2bua.status(0).bans).toHaveLength(1);
});
