/**
 * SIP and SIPS URIs: RFC 3261 §19.1. Text ⇄ values; other schemes are told apart, not parsed.
 */
import { equalBytes, fromUtf8, utf8 } from "../bytes.ts";
import { type Parameters, parseHostPort, printHostPort } from "./grammar.ts";

export interface SipUri {
  scheme: "sip" | "sips";
  /** Percent-decoded. */
  user?: string;
  password?: string;
  /** Lower case; IPv6 without brackets. */
  host: string;
  port?: number;
  params: Parameters;
  /** What stands behind `?`, as it stands. */
  headers?: string;
}

const SCHEME = /^([A-Za-z][A-Za-z0-9+\-.]*):/;
/** `unreserved`, `user-unreserved` and escapes. */
const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#[\]]|%[0-9A-Fa-f]{2}|[\u0080-\uffff])*$/;
const PASSWORD = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*$/;
/** Names and values of `uri-parameter`. */
const PARAMETER_TEXT = /^(?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})*$/;
const NOT_IN_URI = /[\s<>"]/;
const ESCAPES = /(?:%[0-9A-Fa-f]{2})+/g;
const REPLACEMENT = 0xfffd;
const NOT_IN_USER = /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu;

/** The scheme in lower case; undefined where there is none. */
export function schemeOf(text: string): string | undefined {
  if (text.startsWith("sip:")) return "sip";
  return SCHEME.exec(text)?.[1]?.toLowerCase();
}

/** Undefined for other schemes and for what §25.1 does not allow. */
export function parseUri(text: string): SipUri | undefined {
  const scheme = schemeOf(text);
  if ((scheme !== "sip" && scheme !== "sips") || NOT_IN_URI.test(text)) return undefined;
  const rest = text.slice(scheme.length + 1);
  // Behind the host stands no `@` unescaped, so the first one ends the user part.
  const at = rest.indexOf("@");
  const userinfo = at < 0 ? undefined : parseUserinfo(rest.slice(0, at));
  if (at >= 0 && !userinfo) return undefined;
  const tail = rest.slice(at + 1);
  const question = tail.indexOf("?");
  const place = question < 0 ? tail : tail.slice(0, question);
  const semicolon = place.indexOf(";");
  const where = parseHostPort(semicolon < 0 ? place : place.slice(0, semicolon));
  const params = semicolon < 0 ? new Map() : parseUriParameters(place.slice(semicolon + 1));
  if (!where || !params) return undefined;
  const uri: SipUri = { scheme, host: where.host, params };
  if (userinfo) uri.user = userinfo.user;
  if (userinfo?.password !== undefined) uri.password = userinfo.password;
  if (where.port !== undefined) uri.port = where.port;
  if (question >= 0) uri.headers = tail.slice(question + 1);
  return uri;
}

function parseUserinfo(text: string): { user: string; password?: string } | undefined {
  const colon = text.indexOf(":");
  const user = colon < 0 ? text : text.slice(0, colon);
  if (user === "" || !USER.test(user)) return undefined;
  if (colon < 0) return { user: decode(user) };
  const password = text.slice(colon + 1);
  return PASSWORD.test(password) ? { user: decode(user), password } : undefined;
}

function parseUriParameters(text: string): Parameters | undefined {
  const params = new Map<string, string | undefined>();
  for (const piece of text.split(";")) {
    const equals = piece.indexOf("=");
    const name = (equals < 0 ? piece : piece.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : piece.slice(equals + 1);
    // §19.1.1: a name stands there once, else two readers take two values.
    if (name === "" || params.has(name)) return undefined;
    if (!PARAMETER_TEXT.test(name) || !PARAMETER_TEXT.test(value ?? "")) return undefined;
    params.set(name, value);
  }
  return params;
}

/**
 * Percent-decoding. A byte that is no UTF-8 becomes the lone surrogate U+DC00 + byte, which no text
 * has, so that `encodeUser` gives back the same byte.
 */
function decode(text: string): string {
  return text.includes("%") ? text.replace(ESCAPES, decodeRun) : text;
}

function decodeRun(escapes: string): string {
  const bytes = Uint8Array.fromHex(escapes.replaceAll("%", ""));
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0;
    const length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const character = decodeCharacter(bytes.subarray(at, at + length));
    text += character ?? String.fromCharCode(0xdc00 + lead);
    at += character === undefined ? 1 : length;
  }
  return text;
}

/** Undefined where the bytes are not one character in UTF-8. */
function decodeCharacter(bytes: Uint8Array): string | undefined {
  const text = fromUtf8(bytes);
  const code = text.codePointAt(0) ?? REPLACEMENT;
  if (text.length !== (code > 0xffff ? 2 : 1)) return undefined;
  // What stands for wrong bytes may also have been sent as itself.
  return code === REPLACEMENT && !equalBytes(bytes, utf8(text)) ? undefined : text;
}

/** Percent-encodes in the user part what §25.1 does not allow there as it stands. */
function encodeUser(user: string): string {
  return user.replace(NOT_IN_USER, (char) => {
    const code = char.charCodeAt(0);
    const isRawByte = char.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    const bytes = isRawByte ? [code - 0xdc00] : [...utf8(char)];
    return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}

/** The user part is encoded again as needed; everything else stands as it was read. */
export function printUri(uri: SipUri): string {
  const password = uri.password === undefined ? "" : `:${uri.password}`;
  const user = uri.user === undefined ? "" : `${encodeUser(uri.user)}${password}@`;
  let text = `${uri.scheme}:${user}${printHostPort(uri)}`;
  for (const [name, value] of uri.params)
    text += value === undefined ? `;${name}` : `;${name}=${value}`;
  return uri.headers === undefined ? text : `${text}?${uri.headers}`;
}

/** Parameters that must be equal, or absent from both (§19.1.4). */
const DECISIVE = ["user", "ttl", "method", "maddr", "transport"];

/** RFC 3261 §19.1.4: whether two addresses name the same resource. */
export function equalUris(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.user !== b.user || a.password !== b.password) return false;
  if (a.host !== b.host || a.port !== b.port) return false;
  if (sortedHeaders(a) !== sortedHeaders(b)) return false;
  const lower = (value: string | undefined) => value?.toLowerCase();
  for (const name of DECISIVE)
    if (lower(a.params.get(name)) !== lower(b.params.get(name))) return false;
  for (const [name, value] of a.params) {
    if (b.params.has(name) && lower(b.params.get(name)) !== lower(value)) return false;
  }
  return true;
}

/** The order of header components says nothing, each of them counts. */
function sortedHeaders({ headers = "" }: SipUri): string {
  return headers.split("&").map(decode).sort().join("&");
}
