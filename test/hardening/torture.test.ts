/**
 * Torture at the front desk: RFC 4475 over datagrams, streams cut at each octet and WebSockets gets
 * the outcome that is written in `rfc4475-outcomes.json` (P1); headers of absurd size and number are
 * refused (S14).
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../../gateway/bytes.ts";
import type { Flow } from "../../gateway/sip/flow.ts";
import { Desk, flowFrom, type Sent, statusOf } from "../sim/desk.ts";
import { PBX } from "../sim/story.ts";

const vectors = join(import.meta.dir, "../vectors");

interface Outcome {
  file: string;
  kind: string;
  /** Statuses, `100+` for a request that is handled as any other; none for silence. */
  status: string[];
}
const outcomes: Outcome[] = JSON.parse(
  readFileSync(join(vectors, "rfc4475-outcomes.json"), "utf8"),
);
const bytesOf = (file: string) => new Uint8Array(readFileSync(join(vectors, "rfc4475", file)));
/**
 * Pinned where the layers above have their say first: who is not home is not home whatever the body
 * of a text message, and a softphone shows its password before its hops are counted. Where no header
 * names a sender there is nobody to answer.
 */
const PINNED: Readonly<Record<string, number>> = {
  "mpart01.dat": 480,
  "zeromf.dat": 401,
  "test.dat": 0,
};
/** What says that a request could not be read: never right for one that is handled as any other. */
const UNREADABLE = new Set([400, 505, 513]);

function isAllowed(status: number, { file, status: allowed }: Outcome): boolean {
  if (PINNED[file] === status) return true;
  if (status === 0) return allowed.length === 0;
  if (allowed.includes(String(status))) return true;
  return allowed.includes("100+") && !UNREADABLE.has(status);
}

/** Everything goes back to where it came from (RFC 3581), and calls nobody. */
function goesBack(sent: readonly Sent[], flow: Flow): void {
  for (const it of sent) {
    if (it.text.startsWith("SIP/2.0 ")) expect(it.flow).toBe(flow.id);
  }
}

test.each(outcomes)("P1 $file over a datagram", (outcome) => {
  const desk = new Desk();
  const sent = desk.say(desk.pbx, bytesOf(outcome.file));
  goesBack(sent, desk.pbx);
  const status = statusOf(sent, desk.pbx);
  // PBXs don't register here: whatever else is right with a REGISTER of theirs, it is not allowed.
  const isRegister = utf8("REGISTER ").every((byte, at) => bytesOf(outcome.file)[at] === byte);
  expect([status, isAllowed(isRegister && status === 405 ? 401 : status, outcome)]).toEqual([
    status,
    true,
  ]);
});

test.each(outcomes)("P1 $file over a WebSocket", (outcome) => {
  const desk = new Desk();
  const socket = desk.socket();
  const sent = desk.say(socket, bytesOf(outcome.file));
  goesBack(sent, socket);
  const status = statusOf(sent, socket);
  expect([status, isAllowed(status, outcome)]).toEqual([status, true]);
});

/** In a stream Content-Length decides: what is too short waits, what is missing is an error. */
const OTHER_IN_STREAMS = new Set(["baddn.dat", "clerr.dat", "dblreq.dat", "inv2543.dat"]);

test.each(outcomes)("P1 $file in a stream, octet by octet, as in a datagram", ({ file }) => {
  const desk = new Desk();
  const whole = desk.open(flowFrom(PBX, "tcp", "tcp whole"));
  const spelt = desk.open(flowFrom(PBX, "tcp", "tcp spelt"));
  const first = statusOf(new Desk().say(flowFrom(PBX), bytesOf(file)), flowFrom(PBX));
  const atOnce = statusOf(desk.say(whole, bytesOf(file)), whole);
  const byOctet = statusOf(new Desk().spell(spelt, bytesOf(file)), spelt);
  expect(byOctet).toBe(atOnce);
  if (!OTHER_IN_STREAMS.has(file)) expect(atOnce).toBe(first);
});

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join("\r\n");

/** A request with something in the place of each of its parts. */
function bomb(parts: Partial<Record<"method" | "branch" | "tag" | "callId" | "more", string>>) {
  const { method = "INVITE", branch = "z9hG4bK1", tag = "1", callId = "bomb", more } = parts;
  return [
    `${method} sip:alice@gateway SIP/2.0`,
    `Via: SIP/2.0/UDP 10.0.0.50;branch=${branch}`,
    `From: <sip:250@pbx>;tag=${tag}`,
    "To: <sip:alice@gateway>",
    `Call-ID: ${callId}`,
    `CSeq: 1 ${method}`,
    "Contact: <sip:250@10.0.0.50>",
    ...(more === undefined ? [] : [more]),
    "Content-Length: 0",
    "",
    "",
  ].join("\r\n");
}

const long = "x".repeat(8_192);
const BOMBS: Readonly<Record<string, readonly [string, number]>> = {
  "a thousand Via lines": [bomb({ more: lines(1_000, (it) => `Via: SIP/2.0/UDP h${it}`) }), 513],
  "a thousand Via in one line": [
    bomb({
      more: `Via: ${Array.from({ length: 1_000 }, () => "SIP/2.0/UDP hop.example.com;branch=z9hG4bKx").join(", ")}`,
    }),
    // Its head is never read to where it says who sent it.
    0,
  ],
  "a Call-ID of 8 KiB": [bomb({ callId: long }), 400],
  "a branch of 8 KiB": [bomb({ branch: long }), 400],
  "a tag of 8 KiB": [bomb({ tag: long }), 400],
  "a method of 8 KiB": [bomb({ method: "M".repeat(8_192) }), 400],
  "two hundred Contact lines": [
    bomb({ more: lines(200, (it) => `Contact: <sip:${it}@10.0.0.50>`) }),
    513,
  ],
  "a broken multipart body": [
    `${bomb({}).replace("Content-Length: 0\r\n\r\n", "")}Content-Type: multipart/mixed;boundary=x\r\nContent-Length: 8\r\n\r\n--y\r\nabc`,
    415,
  ],
};

test.each(Object.entries(BOMBS))("S14 %s", (_what, [text, status]) => {
  const desk = new Desk();
  const sent = desk.say(desk.pbx, text);
  expect(statusOf(sent, desk.pbx)).toBe(status);
  expect(Object.values(desk.b2bua.status(desk.now).alive).every((count) => count === 0)).toBe(true);
});

test("S14 fifty Accept lines are no harm, nothing that is kept is longer than 255 characters", () => {
  const desk = new Desk();
  const many = bomb({ method: "OPTIONS", more: lines(50, (it) => `Accept: application/x-${it}`) });
  expect(statusOf(desk.say(desk.pbx, many), desk.pbx)).toBe(200);
  for (const callId of ["c".repeat(255), "c".repeat(256)]) {
    const status = statusOf(desk.say(desk.pbx, bomb({ callId })), desk.pbx);
    expect(status === 400).toBe(callId.length > 255);
  }
});
