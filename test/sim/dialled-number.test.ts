/**
 * What a softphone dials, as it arrives in an INVITE (AMB-04, W7, R12): numbers that are none are
 * refused in words, and what saves lives is taken however it is written and however busy it is.
 */
import { expect, test } from "bun:test";
import { parseUri } from "../../gateway/sip/uri.ts";
import { Desk, requestsOf, statusOf } from "./desk.ts";
import { configOf } from "./stage.ts";

const BODY = [
  "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 9\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx",
  `a=fingerprint:sha-256 ${"AA:".repeat(31)}AA\r\na=setup:actpass\r\na=rtcp-mux`,
  "a=rtpmap:9 G722/8000\r\n",
].join("\r\n");

function request(method: string, uri: string, callId: string, more: string, body = "") {
  return (headers = "") =>
    [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/WS x.invalid;branch=z9hG4bK${callId}${method}${headers.length}`,
      "Max-Forwards: 70",
      "From: <sip:alice@gateway>;tag=1",
      "To: <sip:alice@gateway>",
      `Call-ID: ${callId}`,
      `CSeq: 1 ${method}`,
      "Contact: <sip:alice@x.invalid;transport=ws>",
      `${more}${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
    ].join("\r\n");
}

/** Alice's softphone, registered; `dial` says the status it gets and the numbers that go out. */
function softphone() {
  const desk = new Desk(configOf({ name: "", play() {}, connection: { patterns: ANY } }));
  const socket = desk.socket();
  desk.prove(socket, "alice", request("REGISTER", "sip:gateway", "r", "Expires: 300\r\n"));
  let calls = 0;
  const dial = (uri: string) => {
    calls += 1;
    const type = "Content-Type: application/sdp\r\n";
    const sent = desk.say(socket, request("INVITE", uri, `call-${calls}`, type, BODY)());
    const final = sent.filter(({ text }) => !text.startsWith("SIP/2.0 1"));
    const numbers = requestsOf(sent, "INVITE").map((it) => parseUri(it.uri)?.user);
    return { status: statusOf(final, socket), numbers, text: final[0]?.text ?? "" };
  };
  return { desk, dial };
}

const ANY = [{ pattern: ".", strip: 0, prepend: "" }];

test("AMB-04: an INVITE to nobody in particular is 404, and says so", () => {
  const { dial } = softphone();
  for (const uri of ["sip:gateway", "sip:;x=y@gateway"]) {
    const { status, numbers, text } = dial(uri);
    expect([uri, status, numbers]).toEqual([uri, 404, []]);
    expect(text).toContain("the request names no number to call");
  }
  expect(dial("sip:250@gateway")).toMatchObject({ status: 0, numbers: ["250"] });
});

test("W7: control characters in a number are refused, however they are hidden", () => {
  const { dial } = softphone();
  for (const user of ["250%0d%0aX:1", "25%000", "%7f250", "2%1b50", "112%0a"]) {
    const { status, numbers, text } = dial(`sip:${user}@gateway`);
    expect([user, status, numbers]).toEqual([user, 404, []]);
    expect(text).toContain("the number holds a forbidden character");
  }
});

test("LIM-05, R12: an emergency call is taken however it is written, short of time too", () => {
  const written = ["112", "1-1-2", "112;phone-context=x", "(1)12", "%31%31%32"];
  for (const level of ["normal", "full"] as const) {
    const { desk, dial } = softphone();
    desk.b2bua.handle({ type: "load", level }, desk.now);
    for (const user of written) {
      const { status, numbers } = dial(`sip:${user}@gateway`);
      expect([level, user, status, numbers]).toEqual([level, user, 0, ["112"]]);
    }
    // What only begins or ends like one is a call like any other.
    for (const user of ["1120", "0112", "+112"]) {
      const { status } = dial(`sip:${user}@gateway`);
      expect([level, user, status]).toEqual([level, user, level === "full" ? 503 : 0]);
    }
  }
});
