/**
 * Bytes to a SIP message: RFC 3261 §7 and §25.1, strict where a lenient reading would be a second
 * reading (RFC 4475 §3.1.2), lenient where peers are known to be old (RFC 2543 requests).
 *
 * Only what every message needs is read here; all other header fields stay text until asked for.
 */
import { EMPTY, fromUtf8 } from "../bytes.ts";
import {
  SIP_HEAD_BYTES_MAX,
  SIP_HEADERS_MAX,
  SIP_IDENTIFIER_LENGTH_MAX,
  SIP_MESSAGE_BYTES_MAX,
} from "../limits.ts";
import { readContacts, readCSeq, readFrom, readTo, readVias } from "./accessors.ts";
import { isSpace, isToken, parseNumber, sliceTrimmed } from "./grammar.ts";
import { Headers } from "./headers.ts";
import type { SipMessage, SipRequest } from "./message.ts";
import { parseUri, schemeOf } from "./uri.ts";

export type ParseResult =
  | { ok: true; message: SipMessage }
  /**
   * `status` is what to answer, 0 where nothing may be answered. `request` holds what could be
   * read, for a response that copies it; its accessors may fail.
   */
  | { ok: false; status: number; reason: string; request?: SipRequest };

interface Fault {
  status: number;
  reason: string;
}

const UINT32_MAX = 2 ** 32 - 1;
const MANDATORY = ["Via", "From", "To", "Call-ID", "CSeq"] as const;
/** In lower case, as `Headers` compares them. */
const SINGLE: ReadonlySet<string> = new Set([
  "from",
  "to",
  "call-id",
  "cseq",
  "max-forwards",
  "expires",
  "content-length",
  "content-type",
]);
const RESPONSE_LINE = /^SIP\/2\.0 ([1-6][0-9]{2})(?: (.*))?$/i;
const VERSION = /^SIP\/[0-9]{1,9}\.[0-9]{1,9}$/i;
/** A Call-ID's `word` is ASCII (§25.1): what isn't could collapse into another one's text. */
const CALL_ID = /^[!-~]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;
/** A line break that is not CR LF, or a NUL, anywhere in the lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds.
const BREAKS = /\u0000|\r(?:[^\n]|$)|(?:^|[^\r])\n/;
/** No URI of any scheme holds these; with them in it the line could be read in two ways. */
const NOT_IN_REQUEST_URI = /[\s<>"]/;

/**
 * Parses one datagram, WebSocket message or framed piece of a stream. Never throws.
 * Bytes behind the body that Content-Length names are ignored (§18.3). The body is a view of
 * `bytes`, which must therefore not be reused.
 */
export function parseMessage(bytes: Uint8Array): ParseResult {
  if (bytes.length > SIP_MESSAGE_BYTES_MAX) return refused(513, "the message is too large");
  const start = startOf(bytes);
  const blank = endOfHead(bytes, start);
  const end = blank < 0 ? bytes.length : blank;
  if (end - start > SIP_HEAD_BYTES_MAX) return refused(513, "the head of the message is too large");
  const text = fromUtf8(bytes.subarray(start, end));
  const lineEnd = text.indexOf("\r\n");
  const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
  const { headers, fault } = readHeaders(lineEnd < 0 ? "" : unfold(text.slice(lineEnd + 2)));
  const cut = blank < 0 ? bad("no empty line ends the head") : undefined;
  const head = { line, headers, fault: cut ?? fault, rest: bytes.subarray(end + 4) };
  return /^SIP\//i.test(line) ? parseResponse(head) : parseRequest(head);
}

interface Head {
  line: string;
  headers: Headers;
  /** What was wrong with a header line; the readable ones are in `headers` all the same. */
  fault: Fault | undefined;
  rest: Uint8Array;
}

function parseRequest({ line, headers, rest, fault: lineFault }: Head): ParseResult {
  const [method = "", uri = "", version = "", ...more] = line.split(" ", 4);
  const body = bodyOf(headers, rest);
  const isBody = body instanceof Uint8Array;
  const request: SipRequest = {
    kind: "request",
    method,
    uri,
    headers,
    body: isBody ? body : EMPTY,
  };
  const fault =
    requestLineFault(method, uri, version, more) ??
    lineFault ??
    headerFault(headers, method) ??
    contactFault(headers) ??
    (isBody ? undefined : body);
  if (!fault) return { ok: true, message: request };
  // Only what looks like SIP is answered: a reply to noise would make us an amplifier.
  const answerable = isToken(method) && headers.has("Via") && headers.has("CSeq");
  return answerable && method !== "ACK"
    ? { ok: false, ...fault, request }
    : { ok: false, status: 0, reason: fault.reason };
}

function parseResponse({ line, headers, rest, fault: lineFault }: Head): ParseResult {
  const match = CONTROL.test(line) ? undefined : RESPONSE_LINE.exec(line);
  if (!match) return refused(0, "the status line is malformed");
  const body = bodyOf(headers, rest);
  const fault = lineFault ?? headerFault(headers, undefined);
  if (fault) return refused(0, fault.reason);
  if (!(body instanceof Uint8Array)) return refused(0, body.reason);
  const status = Number(match[1]);
  const message = { kind: "response", status, reason: match[2] ?? "", headers, body } as const;
  return { ok: true, message };
}

/** §7.1: single spaces, a token, a URI without brackets, `SIP/2.0`. */
function requestLineFault(
  method: string,
  uri: string,
  version: string,
  more: string[],
): Fault | undefined {
  if (!isToken(method)) return bad("the method is no token");
  if (more.length > 0 || uri === "")
    return bad("the request line is METHOD URI SIP/2.0 with single spaces");
  if (version !== "SIP/2.0" && version.toUpperCase() !== "SIP/2.0") {
    return VERSION.test(version)
      ? { status: 505, reason: `${version} is not spoken here, SIP/2.0 is` }
      : bad("the request line does not end with SIP/2.0");
  }
  const scheme = schemeOf(uri);
  if (scheme === undefined || NOT_IN_REQUEST_URI.test(uri) || CONTROL.test(uri)) {
    return bad("the Request-URI is malformed");
  }
  if (scheme !== "sip" && scheme !== "sips") return undefined;
  const parsed = parseUri(uri);
  if (!parsed) return bad("the Request-URI is malformed");
  return parsed.headers === undefined ? undefined : bad("the Request-URI may not carry headers");
}

/** §8.1.1: what every message has, once, and readable. */
function headerFault(headers: Headers, method: string | undefined): Fault | undefined {
  for (const name of MANDATORY) if (!headers.has(name)) return bad(`${name} is missing`);
  const repeated = headers.firstRepeated(SINGLE);
  if (repeated !== undefined) return bad(`${repeated} stands there twice`);
  if (!readVias(headers)) return bad("Via is malformed");
  if (!readFrom(headers)) return bad("From is malformed");
  if (!readTo(headers)) return bad("To is malformed");
  if (!CALL_ID.test(headers.get("Call-ID") ?? "")) return bad("Call-ID is malformed");
  const sequence = readCSeq(headers);
  if (!sequence) return bad("CSeq is malformed");
  if (method !== undefined && sequence.method !== method) return bad("CSeq names another method");
  return (
    lengthFault(headers, sequence.method) ??
    numberFault(headers, "Max-Forwards", 255) ??
    numberFault(headers, "Expires", UINT32_MAX)
  );
}

/** What names a transaction or a dialog is kept, and sent on: no peer chooses how much that is. */
function lengthFault(headers: Headers, method: string): Fault | undefined {
  const via = readVias(headers)?.[0];
  if (isTooLong(method)) return bad("the method is too long");
  if (isTooLong(headers.get("Call-ID"))) return bad("Call-ID is too long");
  if (isTooLong(readFrom(headers)?.params.get("tag"))) return bad("From's tag is too long");
  if (isTooLong(readTo(headers)?.params.get("tag"))) return bad("To's tag is too long");
  return isTooLong(via?.params.get("branch")) ? bad("Via's branch is too long") : undefined;
}

function isTooLong(identifier: string | undefined): boolean {
  return identifier !== undefined && identifier.length > SIP_IDENTIFIER_LENGTH_MAX;
}

function numberFault(headers: Headers, name: string, max: number): Fault | undefined {
  const text = headers.get(name);
  if (text === undefined || parseNumber(text, max) !== undefined) return undefined;
  return bad(`${name} is no number from 0 to ${max}`);
}

/** §20.10: a Contact that could be read in two ways must not be bound. */
function contactFault(headers: Headers): Fault | undefined {
  const list = readContacts(headers);
  if (!list) return bad("Contact is malformed");
  if (list === "*") return undefined;
  for (const { params } of list) {
    const seconds = params.get("expires");
    if (seconds !== undefined && parseNumber(seconds, UINT32_MAX) === undefined) {
      return bad(`Contact's expires is no number from 0 to ${UINT32_MAX}`);
    }
  }
  return undefined;
}

function bodyOf(headers: Headers, rest: Uint8Array): Uint8Array | Fault {
  const text = headers.get("Content-Length");
  if (text === undefined) return rest;
  const length = parseNumber(text, UINT32_MAX);
  if (length === undefined) return bad("Content-Length is no number");
  if (length > rest.length) return bad("the body is shorter than Content-Length says");
  return rest.subarray(0, length);
}

/** The header fields in `text`, and what is wrong with the first line that is none. */
function readHeaders(text: string): { headers: Headers; fault: Fault | undefined } {
  const headers = new Headers();
  // Nearly never: then no single line needs to be looked at for it.
  const hasBreaks = BREAKS.test(text);
  let fault: Fault | undefined;
  let count = 0;
  for (let start = 0, end = 0; start < text.length; start = end + 2) {
    count += 1;
    if (count > SIP_HEADERS_MAX) {
      return { headers, fault: fault ?? { status: 513, reason: "there are too many headers" } };
    }
    end = text.indexOf("\r\n", start);
    if (end < 0) end = text.length;
    const colon = text.indexOf(":", start);
    // What begins with white space even now continues the start line, which nothing may.
    const isField = colon > start && colon < end && !isSpace(text.charCodeAt(start));
    const isTaken =
      isField &&
      headers.appendReceived(
        sliceTrimmed(text, start, colon),
        sliceTrimmed(text, colon + 1, end),
        hasBreaks,
      );
    if (!isTaken) fault ??= bad("a header line is malformed");
  }
  return { headers, fault };
}

/** §7.3.1: a line that begins with white space continues the one before. */
export function unfold(text: string): string {
  return text.includes("\r\n ") || text.includes("\r\n\t")
    ? text.replace(/\r\n[ \t]+/g, " ")
    : text;
}

/** §7.5: empty lines before the start line are ignored. */
function startOf(bytes: Uint8Array): number {
  let at = 0;
  while (bytes[at] === 13 && bytes[at + 1] === 10) at += 2;
  return at;
}

/** Where CR LF CR LF begins; -1 while it is not there. */
export function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

function bad(reason: string): Fault {
  return { status: 400, reason };
}

function refused(status: number, reason: string): ParseResult {
  return { ok: false, status, reason };
}
