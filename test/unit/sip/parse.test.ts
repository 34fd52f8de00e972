/** The parser against RFC 4475's torture messages, its own printer, and a million bad mutations. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { utf8 } from "../../../gateway/bytes.ts";
import { callId, contacts, cseq, from, to, topVia, vias } from "../../../gateway/sip/accessors.ts";
import { createRequest, createResponse } from "../../../gateway/sip/build.ts";
import { Headers } from "../../../gateway/sip/headers.ts";
import { tagOf } from "../../../gateway/sip/name-addr.ts";
import { parseMessage } from "../../../gateway/sip/parse.ts";
import { printMessage } from "../../../gateway/sip/print.ts";
import { StreamFraming } from "../../../gateway/sip/stream-framing.ts";
import { parseUri } from "../../../gateway/sip/uri.ts";
import { seededRandom } from "../../sim/random.ts";

const vectors = join(import.meta.dir, "../../vectors");
const files = readdirSync(join(vectors, "rfc4475"));
const bytesOf = (file: string) => new Uint8Array(readFileSync(join(vectors, "rfc4475", file)));

interface Outcome {
  file: string;
  kind: string;
  status: string[];
}
const outcomes: Outcome[] = JSON.parse(
  readFileSync(join(vectors, "rfc4475-outcomes.json"), "utf8"),
);

/** What the parser alone decides; the other refusals belong to the layers above. */
const REFUSED_HERE: Record<string, number> = {
  "badaspec.dat": 400,
  "baddn.dat": 400,
  "badinv01.dat": 400,
  "badvers.dat": 505,
  "clerr.dat": 400,
  "escruri.dat": 400,
  "insuf.dat": 400,
  "ltgtruri.dat": 400,
  "lwsruri.dat": 400,
  "lwsstart.dat": 400,
  "mcl01.dat": 400,
  "mismatch01.dat": 400,
  "mismatch02.dat": 400,
  "multi01.dat": 400,
  "ncl.dat": 400,
  "quotbal.dat": 400,
  "regbadct.dat": 400,
  "scalar02.dat": 400,
  "trws.dat": 400,
  // Responses are never answered; the file outside the RFC has no header to answer to.
  "bigcode.dat": 0,
  "scalarlg.dat": 0,
  "test.dat": 0,
};

test("P1: RFC 4475 is complete", () => {
  expect(files.length).toBe(50);
  expect(outcomes.length).toBeGreaterThanOrEqual(49);
});

test.each(files)("P1: RFC 4475 %s", (file) => {
  const result = parseMessage(bytesOf(file));
  const expected = REFUSED_HERE[file];
  if (expected === undefined) {
    expect(result).toMatchObject({ ok: true });
    return;
  }
  expect(result).toMatchObject({ ok: false, status: expected });
  const allowed = outcomes.find((outcome) => outcome.file === file);
  // Where the parser answers, the answer is one the catalogue allows.
  if (expected > 0 && allowed) expect(allowed.status).toContain(String(expected));
});

test("RFC 4475 3.1.1.1: folding, compact forms and odd spacing read as what they mean", () => {
  const result = parseMessage(bytesOf("wsinv.dat"));
  if (!result.ok) throw new Error(result.reason);
  const { message } = result;
  expect(cseq(message)).toEqual({ number: 9, method: "INVITE" });
  expect(vias(message)).toHaveLength(3);
  expect(message.headers.get("Subject")).toBe("");
  expect(tagOf(from(message))).toBe("98asjd8");
  expect(from(message).displayName).toBe('J Rosenberg \\"');
  expect(message.headers.get("UnknownHeaderWithUnusualValue")).toContain(";;,,;;,;");
});

test("RFC 4475 3.1.1.9: the user part of semiuri holds parameters and an escaped @", () => {
  const result = parseMessage(bytesOf("semiuri.dat"));
  if (!result.ok || result.message.kind !== "request") throw new Error("not read");
  expect(parseUri(result.message.uri)?.user).toBe("user;par=u@example.net");
});

test("P1: every request of RFC 4475 comes whole through a stream cut at each octet", () => {
  for (const file of files) {
    const bytes = bytesOf(file);
    const whole = parseMessage(bytes);
    const framing = new StreamFraming();
    const framed = [...bytes].flatMap((byte) => framing.feed(Uint8Array.of(byte)));
    const first = framed.find(({ type }) => type === "message" || type === "error");
    if (!whole.ok || first?.type !== "message") continue;
    const result = parseMessage(first.bytes);
    expect(result.ok && printMessage(result.message)).toEqual(printMessage(whole.message));
  }
});

const token = fc.stringMatching(/^[A-Za-z0-9\-.!%*_+`'~]{1,20}$/);
const displayName = fc
  .stringMatching(/^[ -~\u00a0-\uffff]{0,30}$/)
  .filter((it) => it.trim() === it && !/[\ud800-\udfff]/.test(it));
const uri = fc
  .tuple(fc.stringMatching(/^[a-z0-9\-_.!~*'()&=+$,;?/]{1,12}$/), fc.domain())
  .map(([user, host]) => `sip:${user}@${host}`);

test("parse(print(x)) = x for requests with hostile names, tags and bodies", () => {
  fc.assert(
    fc.property(
      token,
      uri,
      displayName,
      token,
      fc.uint8Array({ maxLength: 200 }),
      (method, target, name, tag, bytes) => {
        const request = createRequest({
          method,
          uri: target,
          from: { displayName: name, uri: target, params: new Map([["tag", tag]]) },
          to: { uri: target, params: new Map() },
          callId: "abc@host",
          cseq: 7,
          contact: "<sip:a@b>",
          body: { type: "application/octet-stream", bytes },
        });
        request.headers.prepend("Via", "SIP/2.0/UDP host;branch=z9hG4bKabc");
        const result = parseMessage(printMessage(request));
        if (!result.ok || result.message.kind !== "request")
          throw new Error(JSON.stringify(result));
        expect(result.message.uri).toBe(target);
        expect(from(result.message).displayName ?? "").toBe(name);
        expect(tagOf(from(result.message))).toBe(tag);
        expect([...result.message.body]).toEqual([...bytes]);
        expect(printMessage(result.message)).toEqual(printMessage(request));
      },
    ),
    { numRuns: 500 },
  );
});

test("P12: a header value that would inject a line can't be built", () => {
  for (const value of ["a\r\nVia: x", "a\nb", "a\rb"]) {
    expect(() => Headers.of([["Subject", value]])).toThrow("break its line");
    expect(() => new Headers().set("Subject", value)).toThrow();
    expect(() => new Headers().prepend("Subject", value)).toThrow();
  }
  expect(() => new Headers().append("Sub ject", "x")).toThrow("no header name");
});

test("P11: two messages in a piece, keep-alives between them, and what breaks the framing", () => {
  const message = utf8("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\nabc");
  const framing = new StreamFraming();
  const pieces = [utf8("\r\n\r\n"), message, utf8("\r\n"), message, message.subarray(0, 20)];
  const framed = pieces.flatMap((piece) => framing.feed(piece));
  expect(framed.map(({ type }) => type)).toEqual(["ping", "message", "pong", "message"]);
  expect(framing.feed(message.subarray(20)).map(({ type }) => type)).toEqual(["message"]);
  for (const bad of [
    "X: y\r\n\r\n",
    "L: -1\r\n\r\n",
    "L: 3\r\nContent-Length: 4\r\n\r\n",
    `L: 99999999\r\n\r\n`,
  ]) {
    const [first] = new StreamFraming().feed(utf8(`OPTIONS sip:a@b SIP/2.0\r\n${bad}`));
    expect(first?.type).toBe("error");
  }
  const endless = new StreamFraming().feed(utf8("A".repeat(40_000)));
  expect(endless).toMatchObject([{ type: "error", status: 513 }]);
});

test("P11: a random segmentation never changes what comes out", () => {
  const random = seededRandom(23);
  const message = utf8("MESSAGE sip:a@b SIP/2.0\r\nl : 5\r\n\r\nhello");
  const stream = new Uint8Array([...message, 13, 10, 13, 10, ...message, ...message]);
  for (let round = 0; round < 2_000; round++) {
    const framing = new StreamFraming();
    const types: string[] = [];
    for (let at = 0; at < stream.length; ) {
      const next = Math.min(stream.length, at + 1 + random.below(30));
      types.push(...framing.feed(stream.subarray(at, next)).map(({ type }) => type));
      at = next;
    }
    expect(types).toEqual(["message", "ping", "message", "message"]);
  }
});

test("P3: mutated messages never throw, in the parser or in an accessor", () => {
  const seed = Number(process.env["JACKFIELD_SEED"] ?? 4_475);
  const count = Number(process.env["JACKFIELD_FUZZ"] ?? 30_000);
  const random = seededRandom(seed);
  const seeds = files.map(bytesOf);
  let accepted = 0;
  for (let round = 0; round < count; round++) {
    const bytes = random.pick(seeds).slice();
    for (let flips = 1 + random.below(6); flips > 0; flips--)
      bytes[random.below(bytes.length)] = random.below(256);
    const cut = random.below(8) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
    const result = parseMessage(cut);
    if (!result.ok) {
      if (result.request) createResponse(result.request, result.status);
      continue;
    }
    accepted += 1;
    const { message } = result;
    topVia(message);
    from(message);
    to(message);
    callId(message);
    cseq(message);
    contacts(message);
    // What we would pass on reads back as itself.
    const again = parseMessage(printMessage(message));
    expect(again.ok && printMessage(again.message)).toEqual(printMessage(message));
  }
  expect(accepted).toBeGreaterThan(count / 50);
});
