/**
 * What a connection promises, spoken byte by byte: both directions over one, what a PBX sees of a
 * call, whose name and whose proxy stand where, and what becomes of it when it is taken away.
 */
import { expect, test } from "bun:test";
import { from, to } from "../../gateway/sip/accessors.ts";
import { parseUri } from "../../gateway/sip/uri.ts";
import type { Config, Connection } from "../../schema/config.ts";
import { answerTo, Desk, flowFrom, requestsOf, statusOf } from "./desk.ts";
import { configOf } from "./stage.ts";
import { PBX } from "./story.ts";

const OFFER = [
  "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx",
  `a=fingerprint:sha-256 ${"AA:".repeat(31)}AA\r\na=setup:actpass\r\na=rtcp-mux`,
  "a=rtpmap:111 opus/48000/2\r\n",
].join("\r\n");
const PBX_OFFER =
  "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8\r\n";

interface Parts {
  via?: string;
  from?: string;
  more?: string;
  body?: string;
  callId?: string;
}

function request(method: string, uri: string, parts: Parts = {}): (headers?: string) => string {
  const { via = "WS x.invalid", callId = method, more = "", body = "" } = parts;
  const type = body === "" ? "" : "Content-Type: application/sdp\r\n";
  return (headers = "") =>
    [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/${via};branch=z9hG4bK${callId}${method}${headers.length}`,
      "Max-Forwards: 70",
      `From: ${parts.from ?? "<sip:alice@gateway>"};tag=1`,
      `To: <${uri}>`,
      `Call-ID: ${callId}`,
      `CSeq: 1 ${method}`,
      "Contact: <sip:alice@x.invalid;transport=ws>",
      `${more}${headers}${type}Content-Length: ${body.length}\r\n\r\n${body}`,
    ].join("\r\n");
}

function companyOf(connection: Partial<Connection>): Config {
  return configOf({ name: "", play() {}, connection });
}

/** The front desk with alice's softphone registered. */
function opened(connection: Partial<Connection> = {}) {
  const desk = new Desk(companyOf(connection));
  const socket = desk.socket();
  desk.prove(socket, "alice", request("REGISTER", "sip:gateway", { more: "Expires: 300\r\n" }));
  const dial = (uri: string, parts: Parts = {}) =>
    desk.say(socket, request("INVITE", uri, { body: OFFER, ...parts })());
  let calls = 0;
  const called = (uri: string) => {
    calls += 1;
    return desk.say(
      desk.pbx,
      request("INVITE", uri, {
        via: `UDP ${PBX}`,
        from: '"Carol" <sip:+441234567@pbx.example.com>',
        body: PBX_OFFER,
        callId: `from-pbx-${calls}`,
      })(),
    );
  };
  return { desk, socket, dial, called };
}

test("CON-02, RTE-15: each connection is a way out and a way in, and either can be closed", () => {
  for (const [allowOutbound, allowInbound] of [
    [true, true],
    [false, true],
    [true, false],
  ] as const) {
    const { desk, socket, dial, called } = opened({ allowOutbound, allowInbound });
    const out = dial("sip:250@gateway");
    expect(requestsOf(out, "INVITE").length).toBe(allowOutbound ? 1 : 0);
    const refusal = out.find(({ text }) => /^SIP\/2.0 [4-6]/.test(text));
    expect(refusal === undefined).toBe(allowOutbound);
    const rings = requestsOf(called("sip:alice@10.0.0.1"), "INVITE");
    expect([allowInbound, rings.length]).toEqual([allowInbound, allowInbound ? 1 : 0]);
    if (!allowInbound) expect(statusOf(called("sip:alice@10.0.0.1"), desk.pbx)).toBeGreaterThan(0);
    expect(socket.id).toBeDefined();
  }
});

test("RTE-11, CON-07: number, name and caller stay; hosts, tags and the audio are a desk phone's", () => {
  const { dial } = opened({
    patterns: [{ pattern: "^0", strip: 1, prepend: "0044" }],
    sendIdentity: "none",
  });
  const sent = dial("sip:07700900123@gateway", {
    from: '"Alice \\"A\\" Ames" <sip:alice@gateway>',
  });
  const [invite] = requestsOf(sent, "INVITE");
  if (!invite) throw new Error(sent.map(({ text }) => text).join("\n"));
  expect(parseUri(invite.uri)).toMatchObject({ user: "00447700900123", host: PBX });
  expect(parseUri(to(invite).uri)?.user).toBe("00447700900123");
  expect(parseUri(from(invite).uri)?.user).toBe("alice");
  expect(invite.headers.get("From")).toContain('"Alice \\"A\\" Ames"');
  const text = sent.find(({ message }) => message === invite)?.text ?? "";
  expect(invite.headers.get("Contact")).toMatch(/^<sip:[^@]+@10\.0\.0\.1:5060>$/);
  expect(invite.headers.get("Call-ID")).not.toBe("INVITE");
  expect(text).not.toMatch(/x\.invalid|transport=ws|;ob\b/);
  expect(text).toContain("RTP/AVP ");
  expect(text).not.toMatch(/a=(?:ice|candidate|fingerprint|setup|crypto|mid|msid|ssrc|group)/);
});

test("CON-13: an outbound proxy is the next hop, with a loose route; the request's address stays", () => {
  const { desk, dial } = opened({
    host: "pbx.example.com",
    outboundProxy: { host: "proxy.example.com", port: 5_080 },
  });
  const sent = dial("sip:250@gateway");
  const [invite] = requestsOf(sent, "INVITE");
  expect(invite?.uri).toBe("sip:250@pbx.example.com:5060");
  expect(invite?.headers.get("Route")).toBe("<sip:proxy.example.com:5080;lr>");
  const [open] = desk.outputs.filter((it) => it.type === "open");
  expect(open?.target).toMatchObject({ host: "proxy.example.com", port: 5_080 });
});

test("CON-16, CON-17: the digest's name, the caller's name and domain are the connection's", () => {
  for (const [given, expected] of [
    [{}, { auth: "jack", from: "jack@pbx.example.com" }],
    [{ authId: "auth-7" }, { auth: "auth-7", from: "jack@pbx.example.com" }],
    [
      { fromUser: "+44123", fromDomain: "home.example" },
      { auth: "jack", from: "+44123@home.example" },
    ],
  ] as const) {
    const desk = new Desk(
      companyOf({
        type: "outbound-registration",
        host: "pbx.example.com",
        username: "jack",
        password: "secret",
        ...given,
      }),
    );
    const sent = desk.pass(5_000);
    const [register] = requestsOf(sent, "REGISTER");
    if (!register) throw new Error("no REGISTER");
    expect(register.headers.get("From")).toContain(`<sip:${expected.from}>`);
    const [flow] = sent.map((it) => it.flow);
    const challenge = 'WWW-Authenticate: Digest realm="asterisk", nonce="n", algorithm=MD5\r\n';
    const again = desk.say(flowFrom(PBX, "udp", flow), answerTo(register, 401, challenge));
    const [proven] = requestsOf(again, "REGISTER");
    expect(proven?.headers.get("Authorization")).toContain(`username="${expected.auth}"`);
  }
});

test("AMB-21: each leg has a Call-ID, tags and CSeq of its own; a softphone sees one Via, its own", () => {
  const { desk, socket, called } = opened();
  const asked = request("INVITE", "sip:250@gateway", { body: OFFER, callId: "softphones-own" })();
  const sent = desk.say(socket, asked.replace("CSeq: 1 ", "CSeq: 4711 "));
  const [invite] = requestsOf(sent, "INVITE");
  if (!invite) throw new Error(sent.map(({ text }) => text).join("\n"));
  expect(invite.headers.get("Call-ID")).not.toBe("softphones-own");
  expect(invite.headers.get("CSeq")).not.toStartWith("4711 ");
  expect(from(invite).params.get("tag")).not.toBe("1");
  expect(invite.headers.all("Via")).toHaveLength(1);
  expect(invite.headers.get("Via")).not.toContain("x.invalid");
  const told = [
    ...sent,
    ...desk.say(flowFrom(PBX, "udp", sent.at(-1)?.flow), answerTo(invite, 180)),
  ];
  const answers = told.filter(({ flow }) => flow === socket.id);
  expect(answers.map(({ text }) => text.slice(8, 11))).toEqual(["180"]);
  for (const { message } of answers) {
    expect(message?.headers.all("Via")).toHaveLength(1);
    expect(message?.headers.get("Via")).toStartWith("SIP/2.0/WS x.invalid;");
    expect(message?.headers.get("Call-ID")).toBe("softphones-own");
    expect(message?.headers.get("CSeq")).toBe("4711 INVITE");
  }
  const ours = answers.at(-1)?.message;
  expect(ours && to(ours).params.get("tag")).toBeDefined();
  expect(ours && to(ours).params.get("tag")).not.toBe("peer");
  // The other way round as well.
  const [rung] = requestsOf(called("sip:alice@10.0.0.1"), "INVITE");
  expect(rung?.headers.all("Via")).toHaveLength(1);
  expect(rung?.headers.get("Via")).not.toContain(PBX);
  expect(rung?.headers.get("Call-ID")).not.toStartWith("from-pbx");
});

test("AMB-14: a trunk with a password and without a registration calls out by it; in come addresses alone", () => {
  const account = { username: "jack", password: "secret" };
  const { desk, dial, called } = opened({ type: "outbound-trunk", ...account });
  expect(requestsOf(desk.pass(10_000), "REGISTER")).toEqual([]);
  const sent = dial("sip:250@gateway");
  const [invite] = requestsOf(sent, "INVITE");
  if (!invite) throw new Error(sent.map(({ text }) => text).join("\n"));
  expect(invite.headers.has("Authorization")).toBe(false);
  const way = sent.find(({ message }) => message === invite)?.flow;
  const challenge = 'WWW-Authenticate: Digest realm="pbx", nonce="n", algorithm=MD5\r\n';
  const again = desk.say(flowFrom(PBX, "udp", way), answerTo(invite, 401, challenge));
  const [proven] = requestsOf(again, "INVITE");
  expect(proven?.headers.get("Authorization")).toContain('username="jack"');
  expect(requestsOf(called("sip:alice@10.0.0.1"), "INVITE")).toHaveLength(1);
  // The name of the account lets nobody in from elsewhere, and nobody is asked for its password.
  const stranger = desk.open(flowFrom("203.0.113.9"));
  const named = { via: "UDP 203.0.113.9", from: "<sip:jack@pbx.example.com>", callId: "strange" };
  const asks = request("INVITE", "sip:alice@10.0.0.1", { ...named, body: PBX_OFFER });
  const refused = desk.say(stranger, asks());
  expect(statusOf(refused, stranger)).toBe(403);
  expect(requestsOf(refused, "INVITE")).toEqual([]);
});

test("ADM-03, AMB-12: registration and reachability are two statuses; a trunk has the second alone", () => {
  const statusAt = (desk: Desk) => desk.b2bua.status(desk.now).connections[0];
  const heard = (desk: Desk, methods: Record<string, number>) => {
    for (const { message, flow } of desk.pass(3_000)) {
      const status = message?.kind === "request" ? methods[message.method] : undefined;
      if (message?.kind !== "request" || status === undefined) continue;
      desk.say(flowFrom(PBX, "udp", flow), answerTo(message, status));
    }
    return statusAt(desk);
  };
  const account = { username: "jack", password: "secret", optionsInterval: 30 };
  const registering = { type: "outbound-registration", ...account } as const;
  const refused = heard(new Desk(companyOf(registering)), { REGISTER: 403, OPTIONS: 200 });
  expect(refused?.registration).not.toBe("registered");
  expect(refused?.reachability?.state).toBe("ok");
  const ill = heard(new Desk(companyOf(registering)), { REGISTER: 200, OPTIONS: 503 });
  expect([ill?.registration, ill?.reachability?.state]).toEqual(["registered", "down"]);
  const trunk = new Desk(companyOf({ optionsInterval: 30 }));
  const good = heard(trunk, { OPTIONS: 200 });
  expect([good?.registration, good?.reachability?.state]).toEqual(["not-applicable", "ok"]);
  // Not asked, nothing is said of it.
  expect(statusAt(new Desk(companyOf({})))?.reachability).toBeUndefined();
});

test("CON-05: softphones register over WebSocket alone; over UDP and TCP nobody's password helps", () => {
  for (const transport of ["udp", "tcp", "tls"] as const) {
    const { desk } = opened();
    const flow = desk.open(flowFrom("203.0.113.9", transport));
    const register = request("REGISTER", "sip:gateway", {
      via: `${transport.toUpperCase()} 203.0.113.9`,
      callId: "elsewhere",
    });
    const first = desk.say(flow, register());
    expect([transport, statusOf(first, flow)]).toEqual([transport, 403]);
    expect(desk.b2bua.status(desk.now).bindings.length).toBe(1);
  }
});

test("RTE-14: where domains are set, a PBX's call names one of them, or an address of ours", () => {
  const { desk, called } = opened();
  expect(requestsOf(called("sip:alice@anything.example"), "INVITE").length).toBe(1);
  const settings = { domains: ["SIP.example.com", "jackfield"] };
  desk.configure({ ...companyOf({}), settings, revision: 2 });
  for (const [host, isOurs] of [
    ["10.0.0.1", true],
    ["jackfield", true],
    ["sip.EXAMPLE.com", true],
    ["203.0.113.200", false],
    ["elsewhere.example", false],
  ] as const) {
    const sent = called(`sip:alice@${host}`);
    expect([host, requestsOf(sent, "INVITE").length]).toEqual([host, isOurs ? 1 : 0]);
    if (isOurs) continue;
    expect(statusOf(sent, desk.pbx)).toBe(404);
    expect(sent[0]?.text).toContain(`it is addressed to ${host}, which is none of`);
  }
});

test("CON-23: a connection that is taken away is un-registered, and the calls it has go on", () => {
  const account = { type: "outbound-registration", username: "jack", password: "secret" } as const;
  const { desk, dial } = opened(account);
  const [register] = requestsOf(desk.pass(5_000), "REGISTER");
  if (!register) throw new Error("no REGISTER");
  const contact = `Contact: ${register.headers.get("Contact")};expires=300\r\n`;
  desk.say(desk.pbx, answerTo(register, 200, contact));
  const status = () => desk.b2bua.status(desk.now);
  expect(status().connections[0]?.registration).toBe("registered");
  const [invite] = requestsOf(dial("sip:250@gateway"), "INVITE");
  if (!invite) throw new Error("no INVITE");
  desk.say(desk.pbx, answerTo(invite, 180));
  const { connections: _, ...rest } = companyOf(account);
  const seen = desk.outputs.length;
  desk.configure({ ...rest, connections: [], revision: 2 });
  const sent = desk.outputs.slice(seen).filter((it) => it.type === "send");
  const texts = sent.map(({ bytes }) => new TextDecoder().decode(bytes));
  const [withdrawal] = texts.filter((text) => text.startsWith("REGISTER "));
  expect(withdrawal).toMatch(/\r\nExpires: 0\r\n/);
  expect(texts.filter((text) => /^(?:BYE|CANCEL) /.test(text))).toEqual([]);
  expect(status().calls.length).toBe(1);
  expect(status().connections).toEqual([]);
});

test("AMB-05, REG-07: patterns are for calls that go out; one that comes in needs none", () => {
  const { called, dial } = opened({ patterns: [{ pattern: "^2", strip: 0, prepend: "" }] });
  expect(requestsOf(called("sip:999@10.0.0.1"), "INVITE").length).toBe(1);
  expect(requestsOf(dial("sip:999@gateway"), "INVITE").length).toBe(0);
});

test("RTE-13: of a call that comes in each step is told in order: who it is, whose number, what rings", () => {
  const { desk, called } = opened();
  called("sip:250@10.0.0.1");
  const [call] = desk.b2bua.status(desk.now).calls;
  const decisions = desk.b2bua.archive.report(call?.id ?? "")?.trace?.decisions ?? [];
  expect(decisions.map(({ about }) => about).slice(0, 2)).toEqual(["admission", "route"]);
  expect(decisions[0]?.text).toContain("this is PBX: 10.0.0.50 is on its allow list");
  // From elsewhere it is nobody's, and no number is looked at.
  const stranger = flowFrom("203.0.113.66");
  desk.say(stranger, request("INVITE", "sip:250@10.0.0.1", { via: "UDP 203.0.113.66" })());
  const [refused] = desk.b2bua.archive.strangers();
  expect(refused).toMatchObject({ callee: "250", status: 403 });
});

test("CON-14: the connection's own number is who calls there, and calls to it ring its user", () => {
  const { dial, called, socket } = opened({ fromUser: "+442079460000" });
  const [invite] = requestsOf(dial("sip:250@gateway"), "INVITE");
  if (!invite) throw new Error("no INVITE");
  expect(parseUri(from(invite).uri)?.user).toBe("+442079460000");
  expect(invite.headers.get("P-Asserted-Identity")).toContain("sip:+442079460000@");
  const rung = called("sip:+442079460000@gateway").filter(({ flow }) => flow === socket.id);
  expect(requestsOf(rung, "INVITE")).toHaveLength(1);
});

test("REG-11: whether we register is the type's to say: a trunk never does", () => {
  const account = { host: PBX, username: "jack", password: "secret" };
  for (const [type, registers] of [
    ["outbound-registration", true],
    ["outbound-trunk", false],
  ] as const) {
    const desk = new Desk(companyOf({ ...account, type }));
    const asked = requestsOf(desk.pass(3_600_000), "REGISTER");
    expect([type, asked.length > 0]).toEqual([type, registers]);
  }
});
