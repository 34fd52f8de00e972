/**
 * Header fields as values. Of a message that came out of the parser, `topVia`, `from`, `to`,
 * `callId` and `cseq` are always there: the parser made sure (RFC 3261 §8.1.1).
 */
import { parseNumber, trimSpace } from "./grammar.ts";
import { type Headers, splitElements, splitList } from "./headers.ts";
import type { SipMessage } from "./message.ts";
import { type NameAddr, parseNameAddr } from "./name-addr.ts";
import { parseVia, type Via } from "./via.ts";

export interface CSeq {
  number: number;
  method: string;
}

const CSEQ = /^([0-9]+)[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)$/;
const UINT31_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;

/** RFC 3261 §8.1.1.5: the number is below 2**31. */
export function parseCSeq(text: string): CSeq | undefined {
  const match = CSEQ.exec(trimSpace(text));
  const number = parseNumber(match?.[1] ?? "", UINT31_MAX);
  return number === undefined || !match?.[2] ? undefined : { number, method: match[2] };
}

export function topVia(message: SipMessage): Via {
  return present(readVias(message.headers)?.[0], "Via");
}

/** Every Via, topmost first; none where one of them can't be read. */
export function vias(message: SipMessage): readonly Via[] {
  return readVias(message.headers) ?? [];
}

export function from(message: SipMessage): NameAddr {
  return present(readFrom(message.headers), "From");
}

export function to(message: SipMessage): NameAddr {
  return present(readTo(message.headers), "To");
}

export function callId(message: SipMessage): string {
  return present(message.headers.get("Call-ID"), "Call-ID");
}

export function cseq(message: SipMessage): CSeq {
  return present(readCSeq(message.headers), "CSeq");
}

/** `*` stands alone (§10.2.2). What can't be read is left out; requests with such are refused. */
export function contacts(message: SipMessage): readonly NameAddr[] | "*" {
  const { headers } = message;
  return readContacts(headers) ?? headers.list("Contact").flatMap((it) => parseNameAddr(it) ?? []);
}

export function routes(message: SipMessage): NameAddr[] {
  return message.headers.list("Route").flatMap((it) => parseNameAddr(it) ?? []);
}

export function recordRoutes(message: SipMessage): NameAddr[] {
  return message.headers.list("Record-Route").flatMap((it) => parseNameAddr(it) ?? []);
}

export function maxForwards(message: SipMessage): number | undefined {
  return parseNumber(message.headers.get("Max-Forwards") ?? "", 255);
}

/** Seconds. */
export function expires(message: SipMessage): number | undefined {
  return parseNumber(message.headers.get("Expires") ?? "", UINT32_MAX);
}

/** `type/subtype` in lower case, without parameters. */
export function contentType(message: SipMessage): string | undefined {
  const value = message.headers.get("Content-Type");
  return value?.split(";")[0]?.replace(/\s/g, "").toLowerCase();
}

/** The elements of Allow, Supported, Require and their kin. */
export function tokens(message: SipMessage, name: string): string[] {
  return message.headers.list(name);
}

/** Undefined where the header is missing or malformed, as in what the parser has yet to check. */
export function readFrom(headers: Headers): NameAddr | undefined {
  return headers.read("From", parseNameAddr);
}

export function readTo(headers: Headers): NameAddr | undefined {
  return headers.read("To", parseNameAddr);
}

/** Undefined where any of them is malformed. */
export function readVias(headers: Headers): readonly Via[] | undefined {
  return wholeOf(headers.readAll("Via", parseVias));
}

/** Undefined where any of them is malformed; none where there are none. */
export function readContacts(headers: Headers): readonly NameAddr[] | "*" | undefined {
  const lines = headers.readAll("Contact", parseContacts).filter((it) => it?.length !== 0);
  const [first] = lines;
  if (first === "*") return lines.length === 1 ? first : undefined;
  return wholeOf(lines.map((it) => (it === "*" ? undefined : it)));
}

export function readCSeq(headers: Headers): CSeq | undefined {
  return headers.read("CSeq", parseCSeq);
}

/** A Via line; an empty element is a malformed one (RFC 4475 §3.1.2.1). */
function parseVias(line: string): Via[] | undefined {
  return parsedAll(splitElements(line), parseVia);
}

function parseContacts(line: string): NameAddr[] | "*" | undefined {
  const elements = splitList(line);
  return elements.length === 1 && elements[0] === "*" ? "*" : parsedAll(elements, parseNameAddr);
}

/** All of them, or undefined where one can't be read. */
function parsedAll<Value>(
  elements: readonly string[],
  parse: (text: string) => Value | undefined,
): Value[] | undefined {
  const values: Value[] = [];
  for (const element of elements) {
    const value = parse(element);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

/** Lists of several lines as one; undefined where one of them is. Nearly always there is one. */
function wholeOf<Value>(lines: readonly (Value[] | undefined)[]): readonly Value[] | undefined {
  if (lines.length === 1) return lines[0];
  const whole: Value[] = [];
  for (const line of lines) {
    if (!line) return undefined;
    whole.push(...line);
  }
  return whole;
}

function present<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`the message has no valid ${name}`);
  return value;
}
