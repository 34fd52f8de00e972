/** Frames of a byte stream, whatever its segments; the same messages come in parse.test.ts. */
import { expect, test } from "bun:test";
import { concat, fromUtf8, utf8 } from "../../../gateway/bytes.ts";
import { SIP_HEAD_BYTES_MAX, SIP_MESSAGE_BYTES_MAX } from "../../../gateway/limits.ts";
import { parseMessage } from "../../../gateway/sip/parse.ts";
import { type Framed, StreamFraming } from "../../../gateway/sip/stream-framing.ts";
import { seededRandom } from "../../sim/random.ts";

const LINE = "OPTIONS sip:a@b SIP/2.0\r\n";
const PING = utf8("\r\n\r\n");
const PONG = utf8("\r\n");

function message(number: number, body: string): Uint8Array {
  return utf8(`${LINE}X: ${number}\r\nContent-Length: ${utf8(body).length}\r\n\r\n${body}`);
}

/** What came out, with the bytes as text: comparable at a glance. */
function told(framed: readonly Framed[]): string[] {
  return framed.map((it) => (it.type === "message" ? fromUtf8(it.bytes) : it.type));
}

function feedAll(pieces: readonly Uint8Array[]): Framed[] {
  const framing = new StreamFraming();
  return pieces.flatMap((piece) => framing.feed(piece));
}

const octets = (bytes: Uint8Array) => [...bytes].map((octet) => Uint8Array.of(octet));

test("P11: octet by octet the same comes out as in one piece", () => {
  const stream = concat(
    PING,
    message(1, "é"),
    PONG,
    message(2, ""),
    PING,
    PING,
    message(3, "\r\n\r\n"),
  );
  const whole = told(feedAll([stream]));
  expect(whole.filter((it) => it.startsWith("OPTIONS"))).toHaveLength(3);
  expect(whole.filter((it) => it === "ping")).toHaveLength(3);
  expect(whole.filter((it) => it === "pong")).toHaveLength(1);
  expect(told(feedAll(octets(stream)))).toEqual(whole);
});

test("P11: no random segmentation desynchronises the stream", () => {
  const seed = Number(process.env["JACKFIELD_SEED"] ?? 11);
  const rounds = Math.max(2_000, Number(process.env["JACKFIELD_FUZZ"] ?? 0));
  const random = seededRandom(seed);
  for (let round = 0; round < rounds; round++) {
    const parts: Uint8Array[] = [];
    for (let count = 1 + random.below(6); count > 0; count--) {
      const body = "x\r\n\r".repeat(random.below(8));
      parts.push(random.pick([PING, message(count, body), message(count, body)]));
    }
    const stream = concat(...parts);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < stream.length; ) {
      const next = Math.min(stream.length, at + 1 + random.below(random.pick([2, 40, 400])));
      // A copy: framing must live without the stream around its piece.
      pieces.push(stream.slice(at, next));
      at = next;
    }
    const expected = parts.map((part) => (part === PING ? "ping" : fromUtf8(part)));
    if (told(feedAll(pieces)).join() !== expected.join()) throw new Error(`seed ${seed}, ${round}`);
  }
});

test("messages already handed out are not overwritten by what follows", () => {
  const framing = new StreamFraming();
  const all = concat(message(1, "first"), message(2, "second"), message(3, "third"));
  const framed: Framed[] = [];
  for (let at = 0; at < all.length; at += 7) framed.push(...framing.feed(all.slice(at, at + 7)));
  expect(told(framed).map((text) => text.split("\r\n\r\n")[1])).toEqual([
    "first",
    "second",
    "third",
  ]);
});

test("a message waits for all of its body", () => {
  const framing = new StreamFraming();
  const bytes = message(1, "body");
  expect(framing.feed(bytes.slice(0, -1))).toEqual([]);
  expect(told(framing.feed(bytes.slice(-1)))).toEqual([fromUtf8(bytes)]);
});

test.each([
  ["missing", "X: y"],
  ["negative", "Content-Length: -1"],
  ["a fraction", "Content-Length: 1.5"],
  ["hexadecimal", "l: 0x10"],
  ["empty", "Content-Length:"],
  ["a list", "Content-Length: 3, 3"],
  ["twice", "Content-Length: 3\r\nContent-Length: 3"],
  ["twice, once in compact form", "l: 3\r\nContent-Length: 4"],
  ["twice by folding", "Content-Length: 3\r\n 3"],
  ["cut by a bare LF", "Content-Length: 3\n"],
  ["cut by a bare CR", "Content-Length: 3\r"],
  ["in other digits", "Content-Length: ３"],
  ["more than 32 bits", "Content-Length: 4294967296"],
])("P11: a Content-Length that is %s loses the stream and can be answered", (_what, line) => {
  const framing = new StreamFraming();
  const head = `${LINE}${line}\r\n\r\n`;
  expect(framing.feed(utf8(`${head}abc`))).toMatchObject([{ type: "error", status: 400 }]);
  // What follows is never read as a message.
  expect(framing.feed(message(1, ""))).toEqual([]);
  expect(feedAll(octets(utf8(head)))).toMatchObject([{ type: "error", head: utf8(head) }]);
});

test.each([
  "Content-Length : 3",
  "l: 3",
  "CONTENT-LENGTH:\t3 ",
  "Content-Length:\r\n 3",
  "L\t:003",
])("P11: %j is three octets for the framing as for the parser", (line) => {
  const text = `${LINE}Via: SIP/2.0/TCP h\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n${line}\r\n\r\nabc`;
  const [framed, next] = feedAll([utf8(`${text}${LINE}`)]);
  if (framed?.type !== "message") throw new Error("no message");
  expect(next).toBeUndefined();
  expect(fromUtf8(framed.bytes)).toBe(text);
  const parsed = parseMessage(framed.bytes);
  expect(parsed.ok && fromUtf8(parsed.message.body)).toBe("abc");
});

test("P11: what is hidden in other lines is no Content-Length", () => {
  const text = `${LINE}X: Content-Length: 9\r\nXl: 8\r\nSubject: a\r\n Content-Length: 7\r\nl: 0\r\n\r\n`;
  expect(told(feedAll([utf8(text)]))).toEqual([text]);
});

test("P11: head and body have bounds, whatever the segments", () => {
  const endless = utf8(LINE + "A".repeat(SIP_HEAD_BYTES_MAX));
  expect(feedAll([endless])).toMatchObject([{ type: "error", status: 513 }]);
  expect(feedAll(octets(endless))).toMatchObject([{ type: "error", status: 513 }]);
  const bomb = utf8(`${LINE}Content-Length: 10000000\r\n\r\n`);
  expect(feedAll([bomb])).toMatchObject([{ type: "error", status: 413, head: bomb }]);
  const head = `${LINE}Content-Length: `;
  const largest = SIP_MESSAGE_BYTES_MAX - utf8(`${head}65000\r\n\r\n`).length;
  const full = utf8(`${head}${largest}\r\n\r\n${"b".repeat(largest)}`);
  expect(full.length).toBe(SIP_MESSAGE_BYTES_MAX);
  expect(feedAll([full])).toMatchObject([{ type: "message" }]);
  expect(feedAll([utf8(`${head}${largest + 1}\r\n\r\n`)])).toMatchObject([{ status: 413 }]);
});

test("P11: a CR without LF between messages loses the stream", () => {
  expect(feedAll([utf8("\rX")])).toMatchObject([{ type: "error", status: 400 }]);
  expect(feedAll(octets(utf8("\r\n\rX"))).map(({ type }) => type)).toEqual(["pong", "error"]);
});

test("P11: 64 KiB in single octets cost time by their number, not its square", () => {
  const bytes = message(1, "b".repeat(60_000));
  const pieces = octets(bytes);
  const started = process.cpuUsage();
  expect(feedAll(pieces)).toHaveLength(1);
  const { user } = process.cpuUsage(started);
  // Copying what waits at each octet would move two gigabytes, half a second's work and more.
  expect(user / 1_000).toBeLessThan(300);
});
