/**
 * The pieces of RFC 3261 §25.1 that several headers share: tokens, hosts, quoted strings and
 * parameter lists. Text in, values out; undefined for what the grammar does not allow.
 */

export type Parameters = Map<string, string | undefined>;

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;
const HOST_NAME =
  /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.?$/;
const IPV6 = /^\[([0-9A-Fa-f:.]{2,45})\]$/;
/** A parameter: name, then optionally a token, host, or quoted string. */
const PARAMETER = /^\s*([A-Za-z0-9\-.!%*_+`'~]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s";,]+))?\s*$/s;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

export interface HostPort {
  /** Lower case; IPv6 without brackets. */
  host: string;
  port?: number;
}

/** `host`, `host:port`, `[IPv6]` or `[IPv6]:port`. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(\[[^\]]*\]|[^:[\]]+)(?:\s*:\s*([0-9]{1,5}))?$/.exec(text);
  const name = match?.[1]?.trim();
  if (name === undefined) return undefined;
  const ipv6 = IPV6.exec(name)?.[1];
  const host = ipv6 ?? (HOST_NAME.test(name) ? name : undefined);
  if (host === undefined) return undefined;
  if (match?.[2] === undefined) return { host: host.toLowerCase() };
  const port = Number(match[2]);
  return port <= 65_535 ? { host: host.toLowerCase(), port } : undefined;
}

export function printHostPort({ host, port }: HostPort): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

/**
 * `;name=value;name …`, names in lower case, quoted strings taken out of their quotes. The text
 * starts with the first semicolon, or is empty.
 */
export function parseParameters(text: string): Parameters | undefined {
  const params: Parameters = new Map();
  let rest = text.trim();
  while (rest !== "") {
    if (rest[0] !== ";") return undefined;
    const end = endOfParameter(rest);
    const piece = rest.slice(1, end);
    rest = rest.slice(end);
    // One semicolon too many at the end harms nobody; more of them is RFC 4475's badinv01.
    if (piece.trim() === "" && rest === "" && params.size > 0) break;
    const match = PARAMETER.exec(piece);
    if (!match?.[1]) return undefined;
    const value = match[2];
    params.set(match[1].toLowerCase(), value?.startsWith('"') ? unquote(value) : value);
  }
  return params;
}

function endOfParameter(text: string): number {
  let quoted = false;
  for (let at = 1; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (char === ";" && !quoted) return at;
  }
  return text.length;
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
  return TOKEN.test(value) || IPV6.test(value);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes.
const CONTROL = /[\u0000-\u001f\u007f]/g;

/** A quoted-string; control characters, which a peer may have smuggled in, are left out. */
export function quoteString(text: string): string {
  return `"${text.replace(CONTROL, "").replace(/["\\]/g, "\\$&")}"`;
}

export function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/gs, "$1");
}

/** A decimal number between 0 and `max`, nothing else on the line. */
export function parseNumber(text: string, max: number): number | undefined {
  const trimmed = text.trim();
  if (!/^[0-9]{1,10}$/.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return value <= max ? value : undefined;
}
