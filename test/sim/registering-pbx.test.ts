/**
 * A PBX that registers with us (REG-08 to REG-10, NAT-10), at the front desk: who it is, where its
 * calls go, and what everybody else learns of it, which is nothing (S5, S11).
 */
import { expect, test } from "bun:test";
import { callId, cseq, from } from "../../gateway/sip/accessors.ts";
import { digestHa1 } from "../../gateway/sip/digest.ts";
import type { Flow } from "../../gateway/sip/flow.ts";
import type { Config, Connection, ConnectionId, UserId } from "../../schema/config.ts";
import { answerTo, Desk, flowFrom, requestsOf, type Sent, statusOf } from "./desk.ts";
import { configOf } from "./stage.ts";

const SDP =
  "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8\r\n";
const NAME = "pbxoffice";
const ha1Of = (password: string) => ({
  md5: digestHa1("MD5", NAME, "jackfield", password),
  sha256: digestHa1("SHA-256", NAME, "jackfield", password),
});

/** The usual company, and a PBX of its own that registers. */
function config(changes: Partial<Connection> = {}): Config {
  const usual = configOf({ name: "", play() {} });
  const office: Connection = {
    id: 2 as ConnectionId,
    name: "Office",
    type: "inbound-registration",
    enabled: true,
    host: "",
    transport: "udp",
    username: NAME,
    ha1: ha1Of(`${NAME}-secret`),
    realm: "*",
    registrationExpires: 300,
    weight: 100,
    patterns: [{ pattern: "^7", strip: 0, prepend: "" }],
    allow: ["0.0.0.0/0", "::/0"],
    codecs: ["G722", "PCMA"],
    inboundUser: 1 as UserId,
    allowInbound: true,
    allowOutbound: true,
    ...changes,
  };
  return { ...usual, connections: [...usual.connections, office] };
}

interface Parts {
  user?: string;
  callId?: string;
  cseq?: number;
  more?: string;
  body?: string;
}

function request(method: string, uri: string, parts: Parts = {}): (headers?: string) => string {
  const { user = NAME, callId = "c1", cseq: number = 1, more = "", body = "" } = parts;
  const type = body === "" ? "" : "Content-Type: application/sdp\r\n";
  return (headers = "") =>
    [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP 192.168.7.7;branch=z9hG4bK${callId}${method}${number}${headers.length};rport`,
      "Max-Forwards: 70",
      `From: <sip:${user}@gateway>;tag=1`,
      `To: <sip:${user}@gateway>`,
      `Call-ID: ${callId}`,
      `CSeq: ${number} ${method}`,
      "User-Agent: Example PBX 18.2, which says who it is at some length",
      `${more}${headers}${type}Content-Length: ${body.length}\r\n\r\n${body}`,
    ].join("\r\n");
}

const register = (contact: string, parts: Parts & { expires?: number } = {}) =>
  request("REGISTER", "sip:gateway", {
    ...parts,
    more: `Contact: ${contact}\r\nExpires: ${parts.expires ?? 120}\r\n${parts.more ?? ""}`,
  });

const CONTACT = "<sip:100@192.168.7.7:5062;line=abc>";

function registered(desk: Desk, flow: Flow, contact = CONTACT, parts: Parts = {}): Sent[] {
  return desk.prove(flow, NAME, register(contact, parts));
}

/** Alice, at her softphone, dials; the INVITEs that go out for it. */
function dial(desk: Desk, number: string, call: string) {
  const socket = desk.socket();
  const own = { user: "alice", callId: `r${call}` };
  const contact = "Contact: <sip:alice@x.invalid;transport=ws>\r\nExpires: 300\r\n";
  desk.prove(socket, "alice", request("REGISTER", "sip:gateway", { ...own, more: contact }));
  const browser = SDP.replace("m=audio 4000 RTP/AVP 9 8", "m=audio 9 UDP/TLS/RTP/SAVPF 9");
  const body = `${browser}a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 ${"AA:".repeat(31)}AA\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:9 G722/8000\r\n`;
  const more = "Contact: <sip:alice@x.invalid;transport=ws>\r\n";
  const invite = request("INVITE", `sip:${number}@gateway`, {
    user: "alice",
    callId: call,
    more,
    body,
  });
  const sent = desk.say(socket, invite());
  const out = sent.filter(({ message }) => message?.kind === "request");
  return { flows: out.map(({ flow }) => flow), invites: requestsOf(sent, "INVITE"), sent, socket };
}

test("REG-08: a PBX is asked for its password, registers, and calls go over the flow it came from", () => {
  const desk = new Desk(config());
  const flow = flowFrom("203.0.113.9");
  expect(statusOf(desk.say(flow, register(CONTACT)()), flow)).toBe(401);
  expect(statusOf(registered(desk, flow), flow)).toBe(200);
  const status = desk.b2bua.status(desk.now).connections[1];
  expect(status).toMatchObject({
    registration: "registered",
    bindings: [{ remote: "udp 203.0.113.9:5060" }],
  });
  const far = new Desk(config());
  registered(far, flowFrom("2001:db8::9"));
  expect(far.b2bua.status(far.now).connections[1]?.bindings?.[0]?.remote).toBe(
    "udp [2001:db8::9]:5060",
  );
  const { flows, invites } = dial(desk, "700", "call-1");
  expect(flows).toEqual([flow.id]);
  // The PBX's own Contact, whose parameters it knows the line by; the number in place of its user.
  expect(invites[0]?.uri).toBe("sip:700@192.168.7.7:5062;line=abc");
  expect(from(invites[0] ?? raise()).uri).toBe(`sip:${NAME}@10.0.0.1`);
});

test("REG-08: it is granted 60 to 3600 seconds, and told the least where it asks for less", () => {
  const desk = new Desk(config());
  const flow = flowFrom("203.0.113.9");
  const ask = (expires: number, callId: string) =>
    desk.prove(flow, NAME, register(CONTACT, { expires, callId }));
  const brief = ask(30, "a");
  expect([statusOf(brief, flow), brief[0]?.text.includes("Min-Expires: 60")]).toEqual([423, true]);
  expect(ask(60, "b")[0]?.text).toContain(";expires=60");
  expect(ask(7_200, "c")[0]?.text).toContain(";expires=3600");
  desk.pass(3_601_000);
  expect(desk.b2bua.status(desk.now).connections[1]?.registration).toBe("awaited");
});

test("REG-08: without the PBX its connection is passed over, in words", () => {
  const desk = new Desk(config());
  const { sent, socket } = dial(desk, "700", "call-1");
  expect(statusOf(sent, socket)).toBe(503);
  expect(sent.at(-1)?.text).toContain("Office is not registered");
});

test("REG-08: with an instance and a reg-id it is told that calls come over this flow (RFC 5626)", () => {
  const desk = new Desk(config());
  const flow = flowFrom("203.0.113.9");
  const contact = `${CONTACT};reg-id=1;+sip.instance="<urn:uuid:1>"`;
  const sent = registered(desk, flow, contact, { more: "Supported: outbound, path\r\n" });
  expect(sent[0]?.text).toContain("Require: outbound");
  expect(registered(desk, flow, CONTACT, { callId: "c2" })[0]?.text).not.toContain("Require");
});

test("REG-09: its calls are challenged, but over a TCP flow that is trusted", () => {
  for (const [transport, flowTrust, expected] of [
    ["udp", true, 401],
    ["tcp", false, 401],
    ["tcp", true, 0],
  ] as const) {
    const desk = new Desk(config({ flowTrust }));
    const phone = desk.socket();
    const contact = "Contact: <sip:alice@x.invalid;transport=ws>\r\nExpires: 300\r\n";
    const own = { user: "alice", callId: "ra", more: contact };
    desk.prove(phone, "alice", request("REGISTER", "sip:gateway", own));
    const flow = desk.open(flowFrom("203.0.113.9", transport));
    expect(statusOf(registered(desk, flow), flow)).toBe(200);
    const more = "Contact: <sip:100@192.168.7.7>\r\n";
    const invite = request("INVITE", "sip:alice@gateway", { callId: "in", more, body: SDP });
    const sent = desk.say(flow, invite());
    // Let in, it is answered when alice's softphone rings.
    expect([transport, flowTrust, statusOf(sent, flow)]).toEqual([transport, flowTrust, expected]);
    const proven = expected === 0 ? sent : desk.prove(flow, NAME, invite);
    expect(requestsOf(proven, "INVITE")).toHaveLength(1);
    // The flow is trusted, not the address.
    const other = flowFrom("203.0.113.9", transport, `${transport} another`);
    if (transport === "tcp") desk.open(other);
    const stranger = { callId: "x", more, body: SDP };
    expect(
      statusOf(desk.say(other, request("INVITE", "sip:alice@gateway", stranger)()), other),
    ).toBe(401);
  }
});

test("REG-10, AMB-22: one more registration than allowed replaces the oldest; all that are left ring", () => {
  const desk = new Desk(config({ maxRegistrations: 2 }));
  const places = [1, 2, 3].map((host) => flowFrom(`203.0.113.${host}`));
  places.forEach((flow, index) => {
    registered(desk, flow, `<sip:100@192.168.7.${index}>`, { callId: `r${index}` });
  });
  expect(dial(desk, "700", "call-1").flows.map(String)).toEqual([
    "udp 203.0.113.3",
    "udp 203.0.113.2",
  ]);
  // The default is one.
  const single = new Desk(config());
  for (const flow of places) {
    registered(single, flow, `<sip:100@${flow.remote.address}>`, { callId: flow.remote.address });
  }
  expect(dial(single, "700", "call-1").flows.map(String)).toEqual(["udp 203.0.113.3"]);
});

test("REG-10: taking turns, each call goes to another place", () => {
  const desk = new Desk(config({ maxRegistrations: 2, bindingStrategy: "round-robin" }));
  for (const host of [1, 2]) {
    const flow = flowFrom(`203.0.113.${host}`);
    registered(desk, flow, `<sip:100@192.168.7.${host}>`, { callId: `r${host}` });
  }
  const flows = ["a", "b", "c"].map((call) => dial(desk, "700", call).flows.map(String));
  expect(flows).toEqual([["udp 203.0.113.1"], ["udp 203.0.113.2"], ["udp 203.0.113.1"]]);
});

test("NAT-10: the path to a registered PBX is kept open every 25 seconds, as long as it is registered", () => {
  const desk = new Desk(config());
  const flow = flowFrom("203.0.113.9");
  registered(desk, flow);
  const pings = (ms: number) =>
    desk.pass(ms).filter((it) => it.flow === flow.id && it.text === "\r\n\r\n").length;
  expect([pings(24_000), pings(2_000), pings(50_000)]).toEqual([0, 1, 2]);
  desk.prove(flow, NAME, register(CONTACT, { expires: 0, cseq: 9 }));
  expect(pings(100_000)).toBe(0);
  const stream = desk.open(flowFrom("203.0.113.9", "tcp"));
  registered(desk, stream, CONTACT, { callId: "c2" });
  expect(desk.pass(26_000).some((it) => it.flow === stream.id && it.text === "\r\n\r\n")).toBe(
    true,
  );
  desk.close(stream);
  expect(desk.b2bua.status(desk.now).connections[1]?.registration).toBe("awaited");
});

test("R10: a new password ends what was registered with the old one, other changes do not", () => {
  const desk = new Desk(config());
  const flow = flowFrom("203.0.113.9");
  registered(desk, flow);
  const state = () => desk.b2bua.status(desk.now).connections[1]?.registration;
  desk.configure(config({ name: "Branch office", weight: 5 }));
  expect(state()).toBe("registered");
  desk.configure(config({ ha1: ha1Of("another one") }));
  expect(state()).toBe("awaited");
  const again = desk.prove(flow, NAME, register(CONTACT, { callId: "c3" }));
  expect(statusOf(again, flow)).toBe(401);
});

test("SEC-01: its allow list and its transport count besides its password", () => {
  for (const [changes, words] of [
    [{ allow: ["198.51.100.0/24"] }, "is not allowed from this address"],
    [{ transport: "tls" }, "must come over TLS"],
    [{ allow: [] }, "is not allowed from this address"],
  ] as const) {
    const desk = new Desk(config(changes));
    const flow = flowFrom("203.0.113.9");
    const sent = registered(desk, flow);
    expect([statusOf(sent, flow), sent[0]?.text.includes(words)]).toEqual([403, true]);
  }
});

test("S5, S4: whoever and whatever a stranger names, it gets the same 401", () => {
  const desk = new Desk(config());
  const answers = new Set<string>();
  let host = 0;
  for (const method of ["REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH"]) {
    for (const user of [NAME, "pbxnobody", "alice"]) {
      for (const credentials of ["none", "wrong"]) {
        host += 1;
        const flow = flowFrom(`203.0.113.${host}`);
        const said = request(method, "sip:gateway", { user, callId: "same-call" });
        const sent =
          credentials === "none"
            ? desk.say(flow, said())
            : desk.prove(flow, user, (headers) => said(headers && spoiled(headers)));
        const [answer] = sent;
        answers.add(
          (answer?.text ?? "silence")
            .replaceAll(method, "METHOD")
            .replaceAll(user, "USER")
            .replaceAll(flow.remote.address, "HOST")
            .replace(/branch=[^;\r]+/, "branch")
            .replace(/nonce="[0-9a-f]{56}"/, "nonce")
            .replace(/(To: .*);tag=[0-9a-f]{12}/, "$1;tag"),
        );
      }
    }
  }
  expect([...answers]).toHaveLength(1);
  expect([...answers][0]).toStartWith("SIP/2.0 401 ");
});

test("S4: who never answers the question is banned in the end, who does is not", () => {
  const desk = new Desk(config());
  const scanner = flowFrom("203.0.113.50");
  for (let guess = 0; guess < 120; guess++) {
    const said = request("REGISTER", "sip:gateway", { user: `u${guess}`, callId: `g${guess}` });
    desk.say(scanner, said());
    desk.pass(400);
  }
  expect(desk.b2bua.status(desk.now).bans.map(({ source }) => source)).toEqual(["203.0.113.50"]);
  const pbx = flowFrom("203.0.113.51");
  for (let time = 0; time < 120; time++) {
    const sent = desk.prove(pbx, NAME, register(CONTACT, { callId: "r", cseq: time + 1 }));
    expect(statusOf(sent, pbx)).toBe(200);
    desk.pass(400);
  }
});

test("S4: an address is no stranger's as long as a PBX is registered from it, over whichever flow", () => {
  const ends: Record<string, (desk: Desk, flow: Flow) => void> = {
    "the flow closes": (desk, flow) => desk.close(flow),
    "it runs out": (desk) => desk.pass(61_000),
    "it is withdrawn": (desk, flow) => {
      const withdrawn = register(CONTACT, { expires: 0, callId: "r", cseq: 9 });
      expect(statusOf(desk.prove(flow, NAME, withdrawn), flow)).toBe(200);
    },
    "its password changes": (desk) => desk.configure(config({ ha1: ha1Of("another one") })),
  };
  for (const [how, end] of Object.entries(ends)) {
    const desk = new Desk(config());
    const stream = desk.open(flowFrom("203.0.113.9", "tcp"));
    desk.prove(stream, NAME, register(CONTACT, { expires: 60, callId: "r" }));
    const other = flowFrom("203.0.113.9");
    const guess = (times: number) => {
      for (let index = 0; index < times; index++) {
        const said = request("INVITE", "sip:gateway", { callId: `${index}` });
        desk.prove(other, NAME, (headers) => said(headers && spoiled(headers)));
        desk.pass(500);
      }
      return [how, desk.b2bua.status(desk.now).bans.map(({ source }) => source)];
    };
    expect(guess(20)).toEqual([how, []]);
    end(desk, stream);
    expect(guess(20)).toEqual([how, ["203.0.113.9"]]);
  }
});

test("S11: what would be answered by much more than it says is not answered at all", () => {
  const desk = new Desk(config());
  const flow = flowFrom("203.0.113.9");
  const brief = [
    "OPTIONS sip:a SIP/2.0",
    "Via: SIP/2.0/UDP a;branch=z9hG4bK1",
    "From: <sip:a@a>;tag=1",
    "To: <sip:a@a>",
    "Call-ID: 1",
    "CSeq: 1 OPTIONS",
    "Max-Forwards: 70\r\n\r\n",
  ].join("\r\n");
  expect(desk.say(flow, brief)).toEqual([]);
  const said = request("OPTIONS", "sip:gateway")();
  const [answer] = desk.say(flow, said);
  expect((answer?.text.length ?? 0) / said.length).toBeLessThanOrEqual(1.5);
  expect(statusOf(answer ? [answer] : [], flow)).toBe(401);
});

test("SEC-04: where strangers are not answered, a PBX is, and what they do is logged and counted", () => {
  const quiet = { ...configOf({ name: "", play() {} }), settings: { silentToStrangers: true } };
  const desk = new Desk(quiet);
  const stranger = flowFrom("203.0.113.9");
  const said = () => desk.say(stranger, request("INVITE", "sip:alice@gateway")());
  expect(said()).toEqual([]);
  const logged = desk.outputs.filter((it) => it.type === "log" && it.event === "trunk-refused");
  expect(logged).toHaveLength(1);
  expect(statusOf(desk.say(desk.pbx, request("OPTIONS", "sip:gateway")()), desk.pbx)).toBe(200);
  for (let guess = 0; guess < 10; guess++) said();
  expect(desk.b2bua.status(desk.now).bans.map(({ source }) => source)).toEqual(["203.0.113.9"]);
});

test("AMB-20: a PBX that is known by its address is not asked for a password", () => {
  const desk = new Desk(config());
  expect(statusOf(desk.say(desk.pbx, request("OPTIONS", "sip:gateway")()), desk.pbx)).toBe(200);
  const { invites } = dial(desk, "250", "call-1");
  expect(cseq(invites[0] ?? raise()).method).toBe("INVITE");
});

/** The last digit of the response is another one. */
function spoiled(headers: string): string {
  return headers.replace(/(response="[0-9a-f]{31})(.)"/, (_all, start, last) => {
    return `${start}${last === "0" ? "1" : "0"}"`;
  });
}

function raise(): never {
  throw new Error("no INVITE was sent");
}

test("LIM-01, LIM-02: a call to a PBX that registers here holds a place, and gives it back", () => {
  const desk = new Desk(config({ maxOutbound: 1 }));
  const flow = flowFrom("203.0.113.9");
  registered(desk, flow);
  const { invites } = dial(desk, "700", "call-1");
  const held = () => desk.b2bua.status(desk.now).connections[1]?.callsNow;
  expect([invites.length, held()]).toEqual([1, 1]);
  const second = dial(desk, "701", "call-2");
  expect(second.invites).toEqual([]);
  expect(second.sent.at(-1)?.text).toMatch(/^SIP\/2\.0 503 [\s\S]*Reason: .*cause=34/);
  desk.say(flow, answerTo(invites[0] ?? raise(), 486));
  expect(held()).toBe(0);
  expect(dial(desk, "702", "call-3").invites).toHaveLength(1);
});

test("R2: a call that was up when the gateway ended is ended as soon as its PBX registers again", () => {
  const before = new Desk(config());
  const flow = flowFrom("203.0.113.9");
  registered(before, flow);
  const { invites } = dial(before, "700", "call-1");
  const more = `Contact: ${CONTACT}\r\nContent-Type: application/sdp\r\n`;
  const ok = answerTo(invites[0] ?? raise(), 200, more).replace(
    "Content-Length: 0\r\n\r\n",
    `Content-Length: ${SDP.length}\r\n\r\n${SDP}`,
  );
  before.say(flow, ok);
  const kept = before.outputs.flatMap((it) => (it.type === "stands" ? it.call.dialogs : []));
  expect(kept.map(({ connection }) => Number(connection))).toEqual([2]);

  const after = new Desk(config());
  const dialogs = JSON.parse(JSON.stringify(kept)) as typeof kept;
  expect(after.b2bua.handle({ type: "abandoned", dialogs }, 0)).toEqual([]);
  after.pass(30_000);
  // From another port than before, as after a NAT's timeout.
  const back = flowFrom("203.0.113.9", "udp", "udp 203.0.113.9 again");
  const byes = requestsOf(registered(after, back), "BYE");
  expect(byes.map((it) => [callId(it), it.uri])).toEqual([
    [callId(invites[0] ?? raise()), "sip:100@192.168.7.7:5062;line=abc"],
  ]);
  // Once.
  expect(requestsOf(registered(after, back, CONTACT, { callId: "c2" }), "BYE")).toEqual([]);
});
