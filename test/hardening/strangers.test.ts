/**
 * People who are not who they seem, at the front desk: methods without a dialog and guesses at one
 * (S7), challenges from elsewhere for our passwords (S6), and softphones that register what is not
 * theirs or not there (S8).
 */
import { expect, test } from "bun:test";
import { callId, to } from "../../gateway/sip/accessors.ts";
import type { Flow } from "../../gateway/sip/flow.ts";
import type { SipRequest } from "../../gateway/sip/message.ts";
import type { Config } from "../../schema/config.ts";
import { scaled } from "../rigs/scale.ts";
import { answerTo, Desk, flowFrom, requestsOf, type Sent, statusOf } from "../sim/desk.ts";
import { configOf } from "../sim/stage.ts";
import { PBX } from "../sim/story.ts";

const SDP =
  "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8\r\n";

interface Parts {
  fromTag?: string;
  toTag?: string;
  callId?: string;
  more?: string;
  body?: string;
  user?: string;
  cseq?: number;
}

function request(method: string, uri: string, parts: Parts = {}): string {
  const {
    fromTag = "1",
    toTag,
    callId = `${method}-1`,
    more = "",
    body = "",
    user = "250",
  } = parts;
  const type = body === "" ? "" : "Content-Type: application/sdp\r\n";
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP 10.0.0.50;branch=z9hG4bK${callId}${method}${parts.cseq ?? 1}`,
    "Max-Forwards: 70",
    `From: <sip:${user}@gateway>;tag=${fromTag}`,
    `To: <${uri}>${toTag === undefined ? "" : `;tag=${toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${parts.cseq ?? 1} ${method}`,
    `${more}${type}Content-Length: ${body.length}\r\n\r\n${body}`,
  ].join("\r\n");
}

/** The PBX called alice, her softphone answered: the call, and both its dialogs. */
function talking(desk: Desk) {
  const socket = desk.socket();
  register(desk, socket, "alice", "<sip:alice@x.invalid;transport=ws>");
  const contact = "Contact: <sip:250@10.0.0.50>\r\n";
  const invite = request("INVITE", "sip:alice@gateway", { more: contact, body: SDP });
  const [ring] = requestsOf(desk.say(desk.pbx, invite), "INVITE");
  if (!ring) throw new Error("nothing rang");
  const answer = SDP.replace("m=audio 4000 RTP/AVP 9 8", "m=audio 4000 UDP/TLS/RTP/SAVPF 9");
  const secured = `${answer}a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 ${"AA:".repeat(31)}AA\r\na=setup:active\r\na=rtcp-mux\r\na=rtpmap:9 G722/8000\r\n`;
  const more = `Contact: <sip:alice@x.invalid;transport=ws>\r\nContent-Type: application/sdp\r\n`;
  const ok = answerTo(ring, 200, more).replace(
    "Content-Length: 0\r\n\r\n",
    `Content-Length: ${secured.length}\r\n\r\n${secured}`,
  );
  const answered = desk.say(socket, ok);
  const up = answered.find(({ text }) => text.startsWith("SIP/2.0 200"))?.message;
  if (!up) throw new Error(`no answer: ${answered.map(({ text }) => text).join("\n")}`);
  const toTag = to(up).params.get("tag") ?? "";
  desk.say(desk.pbx, request("ACK", "sip:alice@gateway", { toTag, callId: callId(up) }));
  return { socket, callId: callId(up), fromTag: "1", toTag, ring };
}

function register(desk: Desk, socket: Flow, user: string, contact: string, more = ""): Sent[] {
  return desk.prove(socket, user, (headers) =>
    request("REGISTER", "sip:gateway", {
      user,
      callId: `register-${socket.id.replace(" ", "-")}`,
      cseq: headers === "" ? 1 : 2,
      more: `Contact: ${contact}\r\n${more}${headers}`,
    }).replace("To: <sip:gateway>", `To: <sip:${user}@gateway>`),
  );
}

/** What may come of a call nobody may end: nothing. */
function stillTalking(desk: Desk): void {
  expect(desk.b2bua.status(desk.now).calls.map(({ state }) => state)).toEqual(["connected"]);
}

const METHODS = [
  "BYE",
  "CANCEL",
  "INVITE",
  "UPDATE",
  "INFO",
  "REFER",
  "PRACK",
  "MESSAGE",
  "NOTIFY",
];

test("S7 methods outside a dialog get a refusal and do nothing, from strangers, PBXs and softphones", () => {
  const outside = [...METHODS, "SUBSCRIBE", "PUBLISH", "OPTIONS", "ACK"].filter(
    (it) => it !== "INVITE" && it !== "OPTIONS",
  );
  for (const method of outside) {
    const desk = new Desk();
    const places = [flowFrom("203.0.113.5"), desk.pbx, desk.socket()];
    for (const [index, flow] of places.entries()) {
      const text = request(method, "sip:alice@gateway", { callId: `${method}-${index}` });
      const sent = desk.say(flow, text);
      expect(requestsOf(sent, method)).toEqual([]);
      const status = statusOf(sent, flow);
      if (method === "ACK") expect(status).toBe(0);
      else expect([401, 403, 405, 407, 480, 481, 489]).toContain(status);
    }
    expect(desk.b2bua.status(desk.now).calls).toEqual([]);
  }
});

test("S7 guesses at a dialog, and all of it from elsewhere, change nothing in a call", () => {
  const desk = new Desk();
  const call = talking(desk);
  stillTalking(desk);
  const guesses = scaled("S7 guesses", 1_000_000, 0.005);
  const other = desk.socket();
  register(desk, other, "bob", "<sip:bob@y.invalid;transport=ws>");
  const refused = new Map<number, number>();
  for (let guess = 0; guess < guesses; guess++) {
    const method = METHODS[guess % METHODS.length] ?? "BYE";
    const tags = [call.toTag, `${call.toTag}x`, call.toTag.slice(1), `t${guess}`];
    // One of three knows everything and comes from elsewhere; the others come from the PBX and guess.
    const knowsAll = guess % 3 === 0;
    const toTag = knowsAll ? call.toTag : tags[1 + (guess % 3)];
    const fromTag = knowsAll ? call.fromTag : guess % 2 === 0 ? call.fromTag : `f${guess}`;
    const stranger = flowFrom(`203.0.${guess % 250}.${Math.floor(guess / 250) % 250}`);
    const flow = knowsAll ? (guess % 2 === 0 ? stranger : other) : desk.pbx;
    const guessed = request(method, "sip:alice@gateway", {
      callId: call.callId,
      cseq: 2 + guess,
      ...(toTag === undefined ? {} : { toTag }),
      fromTag,
      more: method === "REFER" ? "Refer-To: <sip:0900@evil.example>\r\n" : "",
    });
    const sent = desk.say(flow, guessed);
    const status = statusOf(sent, flow);
    refused.set(status, (refused.get(status) ?? 0) + 1);
    if (sent.some((it) => it.flow !== flow.id)) throw new Error(sent[0]?.text);
    desk.pass(25);
  }
  stillTalking(desk);
  expect([...refused.keys()].every((it) => it === 0 || (it >= 400 && it < 500))).toBe(true);
  expect(refused.get(481)).toBeGreaterThan(guesses / 10);
});

/** A connection that registers, and everything it sends for a password. */
function registering(): { desk: Desk; sent: Sent[] } {
  const config = configOf({ name: "", play() {} });
  const [connection] = config.connections;
  if (!connection) throw new Error("no connection");
  const registers = {
    ...connection,
    type: "outbound-registration" as const,
    username: "gateway",
    password: "top-secret",
  };
  const desk = new Desk({ ...config, connections: [registers] } as Config);
  return { desk, sent: desk.pass(5_000) };
}

test("S6 a password goes to the connection's own address, whoever else asks for it and however", () => {
  const tries = scaled("S6 challenges", 10_000, 0.05);
  const { desk, sent } = registering();
  const [first] = requestsOf(sent, "REGISTER");
  if (!first) throw new Error("nobody registered");
  const realms = ["pbx.example", "*", "gateway", "evil.example"];
  const algorithms = ["MD5", "SHA-256", "SHA-512-256", "MD5-sess", "NONE"];
  let asked: SipRequest = first;
  for (let index = 0; index < tries; index++) {
    // IPv4 and IPv6 over each.
    const address = index % 2 === 0 ? `203.0.113.${index % 250}` : `2001:db8::${index % 250}`;
    const flow = flowFrom(address, (["udp", "tcp", "tls"] as const)[index % 3]);
    const isProxy = index % 4 > 1;
    const header = isProxy ? "Proxy-Authenticate" : "WWW-Authenticate";
    const realm = realms[index % realms.length];
    const algorithm = algorithms[index % algorithms.length];
    const challenge = `${header}: Digest realm="${realm}", nonce="n${index}", algorithm=${algorithm}, qop="auth"\r\n`;
    const answers = desk.say(flow, answerTo(asked, isProxy ? 407 : 401, challenge));
    for (const { text } of answers) expect(text).not.toMatch(/^(Proxy-)?Authorization:/im);
    // It asks again by and by; the next liar answers that.
    asked = requestsOf(desk.pass(20_000), "REGISTER").at(-1) ?? asked;
  }
  const output = desk.outputs.flatMap((it) => (it.type === "send" ? [it] : []));
  const spoken = output.filter(({ bytes }) =>
    /Authorization:/i.test(Buffer.from(bytes).toString()),
  );
  expect(spoken).toEqual([]);
  // And its own PBX gets it: the test would see one that leaks.
  let own: Sent | undefined;
  for (let waits = 0; !own && waits < 1_000; waits++) {
    own = desk.pass(5_000).find(({ text }) => text.startsWith("REGISTER"));
  }
  if (own?.message?.kind !== "request") throw new Error("it gave up");
  const honest = `WWW-Authenticate: Digest realm="pbx", nonce="n", algorithm=MD5, qop="auth"\r\n`;
  const proved = desk.say(flowFrom(PBX, "udp", own.flow), answerTo(own.message, 401, honest));
  expect(proved.some(({ text }) => text.includes("Authorization: Digest"))).toBe(true);
});

test("S6 a peer that asks for a password inside a call, or a softphone, gets none", () => {
  const desk = new Desk();
  const { socket, ring } = talking(desk);
  const challenge = `WWW-Authenticate: Digest realm="*", nonce="n", qop="auth"\r\n`;
  desk.b2bua.handle({ type: "hangUp", call: desk.b2bua.status(0).calls[0]?.id ?? "" }, desk.now);
  const byes = desk.outputs.length;
  for (const flow of [socket, desk.pbx]) {
    const sent = desk.say(flow, answerTo(ring, 401, challenge));
    for (const { text } of sent) expect(text).not.toMatch(/Authorization:/i);
  }
  for (const { text } of desk.pass(120_000)) expect(text).not.toMatch(/Authorization:/i);
  expect(byes).toBeGreaterThan(0);
});

test("S8 what a softphone registers is its own connection: a Contact's host is never dialled", () => {
  const hosts = [
    "127.0.0.1",
    "169.254.169.254",
    "203.0.113.66",
    "[::1]",
    "evil.example",
    "10.0.0.50",
  ];
  for (const host of hosts) {
    const desk = new Desk();
    const socket = desk.socket();
    const path = "Path: <sip:evil.example;lr>\r\nRoute: <sip:evil.example;lr>\r\n";
    const sent = register(desk, socket, "alice", `<sip:alice@${host}:5060>`, path);
    expect(statusOf(sent, socket)).toBe(200);
    expect(sent.some(({ text }) => /^Service-Route/im.test(text))).toBe(false);
    const contact = "Contact: <sip:250@10.0.0.50>\r\n";
    const rung = desk.say(
      desk.pbx,
      request("INVITE", "sip:alice@gateway", { more: contact, body: SDP }),
    );
    const invites = rung.filter(({ text }) => text.startsWith("INVITE "));
    expect(invites.map(({ flow }) => flow)).toEqual([socket.id]);
    expect(invites[0]?.text).not.toMatch(/^Route:/im);
    const opened = desk.outputs.filter(({ type }) => type === "open");
    expect(opened).toEqual([]);
  }
});

test("S8 nobody registers or removes another's devices; a thousand contacts and absurd times are bounded", () => {
  const desk = new Desk();
  const alice = desk.socket();
  register(desk, alice, "alice", "<sip:alice@x.invalid;transport=ws>");
  const devices = () => desk.b2bua.status(desk.now).bindings.map(({ user }) => user as number);
  expect(devices()).toEqual([1]);
  const bob = desk.socket();
  for (const [contact, more] of [
    ["*", "Expires: 0\r\n"],
    ["<sip:alice@x.invalid;transport=ws>;expires=0", ""],
    ["<sip:bob@y.invalid;transport=ws>", ""],
  ] as const) {
    // With bob's password, for alice.
    const sent = desk.prove(bob, "bob", (headers) =>
      request("REGISTER", "sip:gateway", {
        user: "alice",
        callId: `for-alice-${contact.length}`,
        cseq: headers === "" ? 1 : 2,
        more: `Contact: ${contact}\r\n${more}${headers}`,
      }),
    );
    expect(statusOf(sent, bob)).toBe(403);
    expect(devices()).toEqual([1]);
  }
  const many = Array.from({ length: 1_000 }, (_, at) => `<sip:b${at}@y.invalid>`).join(",");
  register(desk, bob, "bob", many);
  expect(devices().filter((user) => user === 2).length).toBeLessThanOrEqual(10);
  const forever = register(desk, desk.socket(), "bob", "<sip:bob@y.invalid>;expires=4294967295");
  const granted = forever.at(-1)?.message?.headers.get("Contact") ?? "";
  expect(Number(/expires=(\d+)/.exec(granted)?.[1])).toBeLessThanOrEqual(3_600);
  const tooLong = register(desk, bob, "bob", "<sip:bob@y.invalid>;expires=4294967296");
  expect(tooLong.some(({ text }) => text.startsWith("SIP/2.0 200"))).toBe(false);
  expect(devices().filter((user) => user === 2).length).toBeLessThanOrEqual(10);
});
