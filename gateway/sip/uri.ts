/**
 * SIP and SIPS URIs: RFC 3261 §19.1. Text ⇄ values; other schemes are told apart, not parsed.
 */
import { type HostPort, type Parameters, parseHostPort, printHostPort } from "./grammar.ts";

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
const PARAMETER =
  /^((?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})+)(?:=((?:[A-Za-z0-9\-_.!~*'()[\]/:&+$]|%[0-9A-Fa-f]{2})*))?$/;

/** The scheme in lower case; undefined where there is none. */
export function schemeOf(text: string): string | undefined {
  return SCHEME.exec(text)?.[1]?.toLowerCase();
}

/** Undefined for other schemes and for what §25.1 does not allow. */
export function parseUri(text: string): SipUri | undefined {
  const scheme = schemeOf(text);
  if ((scheme !== "sip" && scheme !== "sips") || /[\s<>"]/.test(text)) return undefined;
  const rest = text.slice(scheme.length + 1);
  const at = rest.lastIndexOf("@", endOfUserinfo(rest));
  const userinfo = at < 0 ? undefined : parseUserinfo(rest.slice(0, at));
  if (at >= 0 && !userinfo) return undefined;
  const tail = rest.slice(at + 1);
  const question = tail.indexOf("?");
  const headers = question < 0 ? undefined : tail.slice(question + 1);
  const [place = "", ...pieces] = (question < 0 ? tail : tail.slice(0, question)).split(";");
  const where = parseHostPort(place);
  const params = parseUriParameters(pieces);
  if (!where || !params) return undefined;
  return { scheme, ...userinfo, ...where, params, ...(headers === undefined ? {} : { headers }) };
}

/** An `@` behind the host belongs to parameters or headers; they may not hold one unescaped. */
function endOfUserinfo(rest: string): number {
  const first = rest.indexOf("@");
  return first < 0 ? rest.length : first;
}

function parseUserinfo(text: string): { user: string; password?: string } | undefined {
  const colon = text.indexOf(":");
  const user = colon < 0 ? text : text.slice(0, colon);
  if (user === "" || !USER.test(user)) return undefined;
  if (colon < 0) return { user: decode(user) };
  const password = text.slice(colon + 1);
  return PASSWORD.test(password) ? { user: decode(user), password } : undefined;
}

function parseUriParameters(pieces: readonly string[]): Parameters | undefined {
  const params: Parameters = new Map();
  for (const piece of pieces) {
    const match = PARAMETER.exec(piece);
    if (!match?.[1] || params.has(match[1].toLowerCase())) return undefined;
    params.set(match[1].toLowerCase(), match[2]);
  }
  return params;
}

/** Percent-decoding; bytes that are no UTF-8 stay escaped. */
function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Percent-encodes in the user part what §25.1 does not allow there as it stands. */
function encodeUser(user: string): string {
  return user.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu, (char) => {
    const bytes = new TextEncoder().encode(char);
    return [...bytes]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join("");
  });
}

export function printUri(uri: SipUri): string {
  const password = uri.password === undefined ? "" : `:${uri.password}`;
  const user = uri.user === undefined ? "" : `${encodeUser(uri.user)}${password}@`;
  let text = `${uri.scheme}:${user}${printHostPort(uri as HostPort)}`;
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
  if ((a.headers ?? "") !== (b.headers ?? "")) return false;
  const lower = (value: string | undefined) => value?.toLowerCase();
  for (const name of DECISIVE)
    if (lower(a.params.get(name)) !== lower(b.params.get(name))) return false;
  for (const [name, value] of a.params) {
    if (b.params.has(name) && lower(b.params.get(name)) !== lower(value)) return false;
  }
  return true;
}
