/**
 * The pieces of RFC 3261 §25.1 that several headers share: tokens, hosts, quoted strings and
 * parameter lists. Text in, values out; undefined for what the grammar does not allow.
 */
import { parseAddress } from "../address.ts";

export type Parameters = Map<string, string | undefined>;

const TOKEN_CODES = codesOf(/[A-Za-z0-9\-.!%*_+`'~]/);
/** Peers' host names have underscores, which §25.1 does not know. */
const LABEL_CODES = codesOf(/[A-Za-z0-9_-]/);
/** With or without brackets: Via's `received` has none (RFC 5118 §4.5). */
const IPV6_SHAPE = /^\[?[0-9A-Fa-f:.]{2,45}\]?$/;
const PLAIN_VALUE = /^[^\s";,]+$/;
const PORT = /^[0-9]{1,5}$/;
const NUMBER = /^[0-9]{1,10}$/;
const QUOTE = 0x22;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/** The ASCII characters of a class, as a table: these tests run dozens of times a message. */
function codesOf(characters: RegExp): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) =>
    characters.test(String.fromCharCode(code)) ? 1 : 0,
  );
}

export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (TOKEN_CODES[text.charCodeAt(at)] !== 1) return false;
  return text !== "";
}

/** Labels with dots between them, and perhaps one at the end; IPv4 addresses among them. */
function isHostName(text: string): boolean {
  let before = DOT;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT ? before === DOT || before === HYPHEN : LABEL_CODES[code] !== 1) return false;
    if (code === HYPHEN && before === DOT) return false;
    before = code;
  }
  return before !== HYPHEN && text !== "";
}

/** White space in a line after unfolding (LWS). The language's own `trim` takes off much more. */
export function trimSpace(text: string): string {
  return sliceTrimmed(text, 0, text.length);
}

/** `text.slice(from, to)` without the white space at its ends. */
export function sliceTrimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

export function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}

export interface HostPort {
  /** Lower case; IPv6 without brackets. */
  host: string;
  port?: number;
}

/** `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; white space around the colon, as Via allows. */
export function parseHostPort(text: string): HostPort | undefined {
  const isBracketed = text.startsWith("[");
  const colon = text.indexOf(":", isBracketed ? text.indexOf("]") + 1 : 0);
  const name = sliceTrimmed(text, 0, colon < 0 ? text.length : colon);
  const host = isBracketed ? ipv6Of(name) : isHostName(name) ? name : undefined;
  if (host === undefined) return undefined;
  if (colon < 0) return { host: host.toLowerCase() };
  const digits = trimSpace(text.slice(colon + 1));
  const port = PORT.test(digits) ? Number(digits) : 65_536;
  return port <= 65_535 ? { host: host.toLowerCase(), port } : undefined;
}

/** What stands in the brackets, where that is an IPv6 address. */
function ipv6Of(bracketed: string): string | undefined {
  if (!bracketed.endsWith("]")) return undefined;
  const inside = bracketed.slice(1, -1);
  return inside.includes(":") && parseAddress(inside) ? inside : undefined;
}

export function printHostPort({ host, port }: HostPort): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

/**
 * `;name=value;name …`, names in lower case, quoted strings taken out of their quotes. The text
 * starts with the first semicolon, or is empty. A name that stands there twice with two values is
 * no parameter list (§7.3.1): who reads the first and who reads the last would differ.
 */
export function parseParameters(text: string): Parameters | undefined {
  const params: Parameters = new Map();
  const list = trimSpace(text);
  if (list !== "" && list[0] !== ";") return undefined;
  for (let start = 0; start < list.length; ) {
    const end = endOfParameter(list, start + 1);
    const piece = sliceTrimmed(list, start + 1, end);
    // One semicolon too many at the end harms nobody; more of them is RFC 4475's badinv01.
    if (piece === "" && end === list.length && params.size > 0) break;
    if (!addParameter(params, piece)) return undefined;
    start = end;
  }
  return params;
}

/** False where the piece is no parameter, or contradicts one that is there. */
function addParameter(params: Parameters, piece: string): boolean {
  const equals = piece.indexOf("=");
  const name = equals < 0 ? piece : sliceTrimmed(piece, 0, equals);
  if (!isToken(name)) return false;
  let value = equals < 0 ? undefined : sliceTrimmed(piece, equals + 1, piece.length);
  if (value?.startsWith('"')) {
    if (endOfQuotedString(value, 0) !== value.length) return false;
    value = unquote(value);
  } else if (value !== undefined && !PLAIN_VALUE.test(value)) return false;
  const key = name.toLowerCase();
  if (params.has(key) && params.get(key) !== value) return false;
  params.set(key, value);
  return true;
}

function endOfParameter(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON) return at;
    if (code === QUOTE) {
      const end = endOfQuotedString(text, at);
      if (end < 0) return text.length;
      at = end - 1;
    }
  }
  return text.length;
}

/** Just behind the quote that closes the one at `from`; -1 where none does. */
export function endOfQuotedString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
  return -1;
}

/** Values that are no token are quoted, so that they read back as what they were. */
export function printParameters(params: Parameters): string {
  let text = "";
  for (const [name, value] of params) {
    if (value === undefined) text += `;${name}`;
    else text += `;${name}=${isPlain(value) ? value : quoteString(value)}`;
  }
  return text;
}

/** Tokens and hosts stand without quotes (`gen-value`). */
function isPlain(value: string): boolean {
  return isToken(value) || IPV6_SHAPE.test(value);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes.
const CONTROL = /[\u0000-\u001f\u007f]/g;

/** A quoted-string; control characters, which a peer may have smuggled in, are left out. */
export function quoteString(text: string): string {
  return `"${text.replace(CONTROL, "").replace(/["\\]/g, "\\$&")}"`;
}

/** What stands in a quoted-string, its escapes undone. */
export function unquote(text: string): string {
  const inside = text.slice(1, -1);
  return inside.includes("\\") ? inside.replace(/\\(.)/gs, "$1") : inside;
}

/** A decimal number between 0 and `max`, nothing else on the line. */
export function parseNumber(text: string, max: number): number | undefined {
  const trimmed = trimSpace(text);
  if (!NUMBER.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return value <= max ? value : undefined;
}
