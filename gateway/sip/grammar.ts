/**
 * The pieces of RFC 3261 §25.1 that several headers share: tokens, hosts, quoted strings and
 * parameter lists. Text in, values out; undefined for what the grammar does not allow.
 */
import { parseAddress } from "../address.ts";

export type Parameters = ReadonlyMap<string, string | undefined>;

const TOKEN_CODES = codesOf(/[A-Za-z0-9\-.!%*_+`'~]/);
/** Peers' host names have underscores, which §25.1 does not know. */
const LABEL_CODES = codesOf(/[A-Za-z0-9_-]/);
/** With or without brackets: Via's `received` has none (RFC 5118 §4.5). */
const IPV6_SHAPE = /^\[?[0-9A-Fa-f:.]{2,45}\]?$/;
const PLAIN_CODES = codesOf(/[^\s";,]/);
const PORT = /^[0-9]{1,5}$/;
const QUOTE = 0x22;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
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
 * `;name=value;name …`, names in lower case, quoted strings taken out of their quotes. What stands
 * behind `from` starts with the first semicolon, or is empty. A name that stands there twice with
 * two values is no parameter list (§7.3.1): who reads the first and who reads the last would differ.
 */
export function parseParameters(text: string, from = 0): Parameters | undefined {
  const start = skipSpace(text, from);
  if (start === text.length) return new Map();
  if (text.charCodeAt(start) !== SEMICOLON) return undefined;
  return readParameters(text, start + 1, SEMICOLON);
}

/** The same with commas between, as challenges and credentials have them; empty elements say nothing. */
export function parseParameterList(text: string, from = 0): Parameters | undefined {
  return readParameters(text, from, COMMA);
}

/** One walk over the text, for parameters are most of what a message has to be read for. */
function readParameters(text: string, from: number, separator: number): Parameters | undefined {
  const params = new Map<string, string | undefined>();
  for (let start = from; ; ) {
    start = skipSpace(text, start);
    const nameEnd = endOfToken(text, start);
    let at = skipSpace(text, nameEnd);
    if (nameEnd === start) {
      // One semicolon too many at the end harms nobody; more of them is RFC 4475's badinv01.
      const isAtEnd = at === text.length && params.size > 0;
      if (!isAtEnd && (separator !== COMMA || !endsAt(text, at, separator))) return undefined;
    } else {
      let value: string | undefined;
      if (text.charCodeAt(at) === EQUALS) {
        const valueStart = skipSpace(text, at + 1);
        at = endOfValue(text, valueStart);
        if (at < 0) return undefined;
        value = text.slice(valueStart, at);
        if (value.charCodeAt(0) === QUOTE) value = unquote(value);
        at = skipSpace(text, at);
      }
      if (!endsAt(text, at, separator)) return undefined;
      const name = text.slice(start, nameEnd).toLowerCase();
      if (params.has(name) && params.get(name) !== value) return undefined;
      params.set(name, value);
    }
    if (at === text.length) return params;
    start = at + 1;
  }
}

/** At a separator, or at the end. */
function endsAt(text: string, at: number, separator: number): boolean {
  return at >= text.length || text.charCodeAt(at) === separator;
}

function endOfToken(text: string, from: number): number {
  let at = from;
  while (at < text.length && TOKEN_CODES[text.charCodeAt(at)] === 1) at++;
  return at;
}

/** Just behind a value, quoted or not; -1 where there is none. */
function endOfValue(text: string, from: number): number {
  if (text.charCodeAt(from) === QUOTE) return endOfQuotedString(text, from);
  let at = from;
  while (at < text.length && isPlainCode(text.charCodeAt(at))) at++;
  return at === from ? -1 : at;
}

/** Anything but white space and what ends a value. */
function isPlainCode(code: number): boolean {
  return code < 128 ? PLAIN_CODES[code] === 1 : !/\s/.test(String.fromCharCode(code));
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  return at;
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
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds.
const NEEDS_CARE = /[\u0000-\u001f\u007f\u2028\u2029"\\]/;

/** A quoted-string; what ends a line for somebody, and other controls, are left out (P12). */
export function quoteString(text: string): string {
  if (!NEEDS_CARE.test(text)) return `"${text}"`;
  return `"${text.replace(CONTROL, "").replace(/["\\]/g, "\\$&")}"`;
}

/** What stands in a quoted-string, its escapes undone. */
export function unquote(text: string): string {
  const inside = text.slice(1, -1);
  return inside.includes("\\") ? inside.replace(/\\(.)/gs, "$1") : inside;
}

/** A decimal number between 0 and `max`, nothing else on the line; leading zeros say nothing. */
export function parseNumber(text: string, max: number): number | undefined {
  const trimmed = trimSpace(text);
  let value = 0;
  for (let at = 0; at < trimmed.length; at++) {
    const digit = trimmed.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = 10 * value + digit;
    if (value > max) return undefined;
  }
  return trimmed === "" ? undefined : value;
}
