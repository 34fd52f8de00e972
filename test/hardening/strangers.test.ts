/**
 * People who are not who they seem, at the front desk: methods without a dialog and guesses at one
 * (S7), challenges from elsewhere for our passwords (S6), and softphones that register what is not
 * theirs or not there (S8).
 */
import { expect, test } from "bun:test";
import { fromUtf8 } from "../../gateway/bytes.ts";
import { to } from "../../gateway/sip/accessors.ts";
import type { Flow } from "../../gateway/sip/flow.ts";
import type { SipRequest } from "../../gateway/sip/message.ts";
import type { Config } from "../../schema/config.ts";
import { scaled } from "../rigs/scale.ts";
import { answerTo, Desk, flowFrom, requestsOf, type Sent, statusOf } from "../sim/desk.ts";
import { type SeededRandom, seededRandom } from "../sim/random.ts";
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

/** As a softphone offers or answers audio. */
const secured = (setup: string): string =>
  `${SDP.replace("RTP/AVP 9 8", "UDP/TLS/RTP/SAVPF 9")}a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 ${"AA:".repeat(31)}AA\r\na=setup:${setup}\r\na=rtcp-mux\r\na=rtpmap:9 G722/8000\r\n`;

function answered(invite: SipRequest, contact: string, sdp: string): string {
  const more = `Contact: ${contact}\r\nContent-Type: application/sdp\r\n`;
  const length = `Content-Length: ${sdp.length}\r\n\r\n${sdp}`;
  return answerTo(invite, 200, more).replace("Content-Length: 0\r\n\r\n", length);
}

/** The tag the gateway gave the dialog in the 200 among these. */
function tagOfAnswer(sent: readonly Sent[]): string {
  const up = sent.find(({ text }) => text.startsWith("SIP/2.0 200"))?.message;
  if (!up) throw new Error(`no answer: ${sent.map(({ text }) => text).join("\n")}`);
  return to(up).params.get("tag") ?? "";
}

/** The PBX called alice, her softphone answered: the call, and both its dialogs. */
function talking(desk: Desk) {
  const socket = desk.socket();
  register(desk, socket, "alice", "<sip:alice@x.invalid;transport=ws>");
  const contact = "Contact: <sip:250@10.0.0.50>\r\n";
  const invite = request("INVITE", "sip:alice@gateway", { more: contact, body: SDP });
  const [ring] = requestsOf(desk.say(desk.pbx, invite), "INVITE");
  if (!ring) throw new Error("nothing rang");
  const sent = desk.say(
    socket,
    answered(ring, "<sip:alice@x.invalid;transport=ws>", secured("active")),
  );
  const toTag = tagOfAnswer(sent);
  desk.say(desk.pbx, request("ACK", "sip:alice@gateway", { toTag, callId: "INVITE-1" }));
  return { socket, callId: "INVITE-1", fromTag: "1", toTag, ring };
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

/** Alice called the PBX, which answered. */
function talkingOut(desk: Desk): Flow {
  const socket = desk.socket();
  register(desk, socket, "alice", "<sip:alice@x.invalid;transport=ws>");
  const more = "Contact: <sip:alice@x.invalid;transport=ws>\r\n";
  const body = secured("actpass");
  const called = request("INVITE", "sip:250@gateway", { user: "alice", more, body });
  const [invite] = requestsOf(desk.say(socket, called), "INVITE");
  if (!invite) throw new Error("the PBX was never asked");
  const sent = desk.say(desk.pbx, answered(invite, "<sip:250@10.0.0.50>", SDP));
  const toTag = tagOfAnswer(sent);
  desk.say(socket, request("ACK", "sip:250@gateway", { user: "alice", toTag, callId: "INVITE-1" }));
  return socket;
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

const GUESSES_PER_CALL = 10_000;

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

/** In one call, by whom a call's peer may be mistaken for; how often each status was the answer. */
function guessAt(desk: Desk, guesses: number, refused: Map<number, number>): void {
  const call = talking(desk);
  stillTalking(desk);
  const other = desk.socket();
  register(desk, other, "bob", "<sip:bob@y.invalid;transport=ws>");
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
}

test("S7 guesses at a dialog, and all of it from elsewhere, change nothing in a call", () => {
  const guesses = scaled("S7 guesses", 1_000_000, 0.005);
  const refused = new Map<number, number>();
  // A call lasts until its peers, who say nothing here, are asked whether they are still there.
  for (let left = guesses; left > 0; left -= GUESSES_PER_CALL) {
    guessAt(new Desk(), Math.min(left, GUESSES_PER_CALL), refused);
  }
  expect([...refused.keys()].every((it) => it === 0 || (it >= 400 && it < 500))).toBe(true);
  expect(refused.get(481)).toBeGreaterThan(guesses / 10);
});

/** The PBX's connection, with a password. */
function withPassword(type: "outbound-registration" | "outbound-trunk"): Desk {
  const config = configOf({ name: "", play() {} });
  const [connection] = config.connections;
  if (!connection) throw new Error("no connection");
  const secret = { ...connection, type, username: "gateway", password: "top-secret" };
  return new Desk({ ...config, connections: [secret] } as Config);
}

/** Asks for a password: for the PBX's realm or others, in either way, by one algorithm or another. */
function challengeTo(asked: SipRequest, random: SeededRandom): string {
  const isProxy = random.below(2) === 0;
  const header = isProxy ? "Proxy-Authenticate" : "WWW-Authenticate";
  const realm = random.pick(["pbx", "*", "gateway", "evil.example"]);
  const algorithm = random.pick(["MD5", "SHA-256", "SHA-512-256", "MD5-sess", "NONE"]);
  const nonce = `n${random.below(2 ** 31)}`;
  const challenge = `${header}: Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"\r\n`;
  return answerTo(asked, isProxy ? 407 : 401, challenge);
}

const PASSWORD = /^(Proxy-)?Authorization:/im;

test("S6 a password goes to the connection's own address, whoever else asks for it and however", () => {
  const tries = scaled("S6 challenges", 10_000, 0.05);
  const desk = withPassword("outbound-registration");
  const [first] = requestsOf(desk.pass(5_000), "REGISTER");
  if (!first) throw new Error("nobody registered");
  const random = seededRandom(6);
  let asked: SipRequest = first;
  for (let index = 0; index < tries; index++) {
    // Each drawn by itself, so that everything meets everything.
    const host = random.below(250);
    const address = random.pick([`203.0.113.${host}`, `2001:db8::${host}`]);
    const flow = flowFrom(address, random.pick(["udp", "tcp", "tls"] as const));
    const answers = desk.say(flow, challengeTo(asked, random));
    for (const { text } of answers) expect(text).not.toMatch(PASSWORD);
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

/** The BYEs of a call that is hung up: to the softphone and to the PBX. */
function byesOf(desk: Desk): { toPhone: SipRequest; toPbx: SipRequest } {
  const byes = requestsOf(desk.hangUpAll(), "BYE");
  const [toPhone, toPbx] = ["alice@", "250@"].map((it) => byes.find(({ uri }) => uri.includes(it)));
  if (byes.length !== 2 || !toPhone || !toPbx) throw new Error(`${byes.length} BYEs`);
  return { toPhone, toPbx };
}

test("S6 a BYE is no way to the password: not by a softphone, not from elsewhere, not for the PBX's own call", () => {
  const random = seededRandom(66);
  const tries = scaled("S6 challenges in calls", 2_000, 0.05);
  for (let index = 0; index < tries; index++) {
    const desk = withPassword("outbound-trunk");
    const isOut = index % 2 === 0;
    const call = isOut ? undefined : talking(desk);
    const socket = call?.socket ?? talkingOut(desk);
    const { toPhone, toPbx } = byesOf(desk);
    const stranger = flowFrom(random.pick(["203.0.113.66", "2001:db8::66"]));
    const liars: [Flow, SipRequest][] = [
      [socket, toPhone],
      [random.pick([stranger, socket]), toPbx],
    ];
    if (call) liars.push([socket, call.ring], [desk.pbx, toPbx]);
    for (const [flow, asked] of liars) desk.say(flow, challengeTo(asked, random));
    desk.pass(120_000);
    for (const output of desk.outputs)
      if (output.type === "send") expect(fromUtf8(output.bytes)).not.toMatch(PASSWORD);
  }
  // And where it may be asked for it is given: the test would see one that leaks.
  const desk = withPassword("outbound-trunk");
  talkingOut(desk);
  const honest = `WWW-Authenticate: Digest realm="pbx", nonce="n", algorithm=MD5, qop="auth"\r\n`;
  const proved = desk.say(desk.pbx, answerTo(byesOf(desk).toPbx, 401, honest));
  expect(proved.map(({ text }) => PASSWORD.test(text))).toEqual([true]);
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
