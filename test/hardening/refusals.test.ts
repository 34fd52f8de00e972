/**
 * Bad input at the front desk, outside a call and inside one: each refusal has the status RFC 3261
 * and its kin name for it, the header that says what would be right, and a sentence for people in
 * `Warning` or `Reason`. The call goes on. In the stories of `test/sim` no refusal is without one.
 */
import { expect, test } from "bun:test";
import { callId, to } from "../../gateway/sip/accessors.ts";
import type { Flow } from "../../gateway/sip/flow.ts";
import { Desk, requestsOf, type Sent } from "../sim/desk.ts";

const SDP =
  "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9\r\n";
const BROWSER_SDP = `${SDP.replace("RTP/AVP 9", "UDP/TLS/RTP/SAVPF 9")}a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 ${"AA:".repeat(31)}AA\r\na=setup:actpass\r\na=rtcp-mux\r\n`;

interface Asked {
  method?: string;
  uri?: string;
  /** Header lines in place of, or besides, the usual ones. */
  headers?: string[];
  body?: string;
  toTag?: string;
  callId?: string;
  cseq?: number;
  branch?: string;
}

let count = 0;

function request(from: "PBX" | "alice", asked: Asked): string {
  count += 1;
  const { method = "INVITE", headers = [], body = "", cseq = 1, toTag } = asked;
  const { callId: id = `refused-${count}`, branch = `z9hG4bK${count}` } = asked;
  const other = from === "PBX" ? "alice" : "250";
  const own = from === "PBX" ? "250" : "alice";
  const usual = [
    "Max-Forwards: 70",
    `Contact: <sip:${own}@10.0.0.50>`,
    ...(body === "" ? [] : ["Content-Type: application/sdp"]),
  ];
  const isSaid = (line: string) => headers.some((it) => it.split(":")[0] === line.split(":")[0]);
  return [
    `${method} ${asked.uri ?? `sip:${other}@gateway`} SIP/2.0`,
    `Via: SIP/2.0/${from === "PBX" ? "UDP" : "WS"} 10.0.0.50;branch=${branch}`,
    `From: <sip:${own}@gateway>;tag=from`,
    `To: <sip:${other}@gateway>${toTag === undefined ? "" : `;tag=${toTag}`}`,
    `Call-ID: ${id}`,
    `CSeq: ${cseq} ${method}`,
    ...usual.filter((line) => !isSaid(line)),
    ...headers,
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

/** The refusal among what was sent, which must be the right one and say why. */
function refusalIn(sent: readonly Sent[], flow: Flow, status: number, says: RegExp): void {
  const answers = sent.filter((it) => it.flow === flow.id && /^SIP\/2\.0 [2-6]/.test(it.text));
  const [answer = { text: "" }] = answers;
  expect(answer.text).toStartWith(`SIP/2.0 ${status} `);
  expect(answer.text).toMatch(/^(?:Warning: 399 jackfield|Reason: SIP;.*text=) ?"[^"]{8,}"/m);
  expect(answer.text).toMatch(says);
  expect(answers).toHaveLength(1);
}

const manyLines = Array.from({ length: 300 }, (_, at) => `X-${at}: y`);
const REFUSED: Record<string, [Asked, number, RegExp]> = {
  "an extension nobody knows": [{ headers: ["Require: teleport"] }, 420, /^Unsupported: teleport/m],
  "an unknown method": [{ method: "TELEPORT" }, 405, /^Allow: INVITE, /m],
  "a body that can't be read": [
    { headers: ["Content-Type: text/html"], body: "<p>" },
    415,
    /^Accept: application\/sdp/m,
  ],
  "a head that is too big": [{ headers: manyLines }, 513, /too many headers/],
  "a description that is too big": [{ body: `${SDP}${"a=x\r\n".repeat(600)}` }, 488, /attributes/],
  "no hops left": [{ headers: ["Max-Forwards: 0"] }, 483, /hops/],
  "an event that is not known here": [
    { method: "SUBSCRIBE", headers: ["Event: weather"] },
    489,
    /^Allow-Events: dialog, /m,
  ],
  "a subscription that is too short": [
    { method: "SUBSCRIBE", headers: ["Event: dialog", "Expires: 5"] },
    423,
    /^Min-Expires: 60/m,
  ],
  "a registration that is too short": [
    { method: "REGISTER", uri: "sip:gateway", headers: ["Expires: 5", "To: <sip:alice@gateway>"] },
    423,
    /^Min-Expires: 60/m,
  ],
  "a BYE outside a dialog": [{ method: "BYE", toTag: "none" }, 481, /no such dialog/],
  "a NOTIFY outside a dialog": [{ method: "NOTIFY", toTag: "none" }, 481, /dialog|subscription/],
  "a CANCEL of nothing": [{ method: "CANCEL" }, 481, /nothing to cancel/],
  "an address of another scheme": [{ uri: "tel:+49301" }, 416, /tel/],
  "a malformed header": [{ headers: ["Expires: soon"] }, 400, /Expires/],
  "another version": [{ uri: "sip:a@gateway SIP/7.0\r\nX: y" }, 505, /SIP\/7\.0/],
  "a Replaces of nothing": [{ headers: ["Replaces: x;to-tag=a;from-tag=b"] }, 481, /replace/],
  "a number nobody has": [{ uri: "sip:999@gateway" }, 404, /999|number|route|pattern/],
};
/** What only softphones may ask for is refused to PBXs for that reason already. */
const SOFTPHONES_ONLY = new Set([
  "an event that is not known here",
  "a subscription that is too short",
  "a registration that is too short",
  "a number nobody has",
]);

/** A softphone that is registered. */
function registered(desk: Desk): Flow {
  const socket = desk.socket();
  const ask = (headers: string) =>
    request("alice", {
      method: "REGISTER",
      uri: "sip:gateway",
      cseq: headers === "" ? 1 : 2,
      callId: "register",
      headers: headers === "" ? [] : [headers.trimEnd()],
    }).replace("To: <sip:250@gateway>", "To: <sip:alice@gateway>");
  desk.prove(socket, "alice", ask);
  return socket;
}

test.each(Object.entries(REFUSED))("%s is refused in words", (what, [asked, status, says]) => {
  const desk = new Desk();
  const socket = registered(desk);
  if (asked.method === "REGISTER") {
    const ask = (headers: string) =>
      request("alice", {
        ...asked,
        cseq: headers === "" ? 3 : 4,
        headers: ["Expires: 5", ...(headers === "" ? [] : [headers.trimEnd()])],
      }).replace("To: <sip:250@gateway>", "To: <sip:alice@gateway>");
    refusalIn(desk.prove(socket, "alice", ask), socket, status, says);
    return;
  }
  const body = asked.body ?? (asked.method === undefined ? BROWSER_SDP : "");
  refusalIn(desk.say(socket, request("alice", { ...asked, body })), socket, status, says);
  if (SOFTPHONES_ONLY.has(what)) return;
  refusalIn(desk.say(desk.pbx, request("PBX", asked)), desk.pbx, status, says);
});

test("the same request by another way is refused in words: 482", () => {
  const desk = new Desk();
  registered(desk);
  const invite = { body: SDP, callId: "merged" };
  const first = desk.say(desk.pbx, request("PBX", { ...invite, branch: "z9hG4bKone" }));
  expect(requestsOf(first, "INVITE")).toHaveLength(1);
  const second = desk.say(desk.pbx, request("PBX", { ...invite, branch: "z9hG4bKtwo" }));
  refusalIn(second, desk.pbx, 482, /another way/);
});

const REFUSED_INSIDE: Record<string, [Asked, number, RegExp]> = {
  "an extension nobody knows": [
    { method: "UPDATE", headers: ["Require: teleport"] },
    420,
    /^Unsupported: teleport/m,
  ],
  "a method without use": [{ method: "PUBLISH" }, 405, /^Allow: INVITE, /m],
  "an INFO without a digit": [
    { method: "INFO", body: "nonsense" },
    415,
    /^Accept: application\/dtmf-relay/m,
  ],
  "a PRACK of nothing": [{ method: "PRACK", headers: ["RAck: 1 1 INVITE"] }, 481, /provisional/],
  "a NOTIFY of nothing": [{ method: "NOTIFY", headers: ["Event: refer"] }, 481, /subscription/],
  "a session refreshed too often": [
    { method: "UPDATE", headers: ["Session-Expires: 20", "Supported: timer"] },
    422,
    /^Min-SE: 90/m,
  ],
  "an offer without a codec of ours": [
    { body: BROWSER_SDP.replace("SAVPF 9", "SAVPF 18") },
    488,
    /codec/,
  ],
  "an offer in the clear": [{ body: SDP }, 488, /SAVPF/],
  "an offer that can't be read": [{ body: "v=0\r\nnonsense" }, 400, /session description/],
  "a CSeq that is out of order": [{ method: "OPTIONS", cseq: 1 }, 500, /out of order/],
  "a transfer to nowhere": [{ method: "REFER", headers: ["Refer-To: <mailto:a@b>"] }, 400, /\S/],
};

test.each(
  Object.entries(REFUSED_INSIDE),
)("in a call %s is refused in words, and it goes on", (_what, [asked, status, says]) => {
  const desk = new Desk();
  const socket = registered(desk);
  const called = desk.say(socket, request("alice", { body: BROWSER_SDP, callId: "call" }));
  const [invite] = requestsOf(called, "INVITE");
  if (!invite) throw new Error("the PBX was not called");
  const flow = called.find(({ message }) => message === invite)?.flow ?? desk.pbx.id;
  const pbx = { ...desk.pbx, id: flow };
  const ok = [
    "SIP/2.0 200 OK",
    ...invite.headers.all("Via").map((it) => `Via: ${it}`),
    `From: ${invite.headers.get("From")}`,
    `To: ${invite.headers.get("To")};tag=pbx`,
    `Call-ID: ${callId(invite)}`,
    `CSeq: ${invite.headers.get("CSeq")}`,
    "Contact: <sip:250@10.0.0.50>",
    "Content-Type: application/sdp",
    `Content-Length: ${SDP.length}`,
    "",
    SDP,
  ].join("\r\n");
  const answer = desk.say(pbx, ok).find(({ text }) => text.startsWith("SIP/2.0 200"))?.message;
  if (!answer) throw new Error("the softphone got no answer");
  const dialog = { callId: "call", toTag: to(answer).params.get("tag") ?? "" };
  desk.say(socket, request("alice", { ...dialog, method: "ACK" }));
  refusalIn(
    desk.say(socket, request("alice", { cseq: 2, ...asked, ...dialog })),
    socket,
    status,
    says,
  );
  expect(desk.b2bua.status(desk.now).calls.map(({ state }) => state)).toEqual(["connected"]);
});
