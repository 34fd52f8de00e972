/**
 * `name-addr` and `addr-spec` with header parameters: From, To, Contact, Route and their kin
 * (RFC 3261 §20.10, §25.1). The URI stays text: it may have a scheme we do not know.
 */
import {
  isToken,
  type Parameters,
  parseParameters,
  printParameters,
  quoteString,
  unquote,
} from "./grammar.ts";
import { schemeOf } from "./uri.ts";

export interface NameAddr {
  /** Without quotes and escapes. */
  displayName?: string;
  uri: string;
  params: Parameters;
}

const QUOTED = /^"(?:[^"\\]|\\.)*"/s;

/** Undefined for what the grammar does not allow. */
export function parseNameAddr(text: string): NameAddr | undefined {
  const trimmed = text.trim();
  const quoted = QUOTED.exec(trimmed)?.[0];
  if (trimmed.startsWith('"') && quoted === undefined) return undefined;
  const rest = trimmed.slice(quoted?.length ?? 0);
  const open = rest.indexOf("<");
  if (open < 0) return quoted === undefined ? parseAddrSpec(rest) : undefined;
  const close = rest.indexOf(">", open);
  const before = rest.slice(0, open).trim();
  if (close < 0 || (quoted !== undefined && before !== "")) return undefined;
  if (!before.split(/\s+/).every((word) => word === "" || isDisplayWord(word))) return undefined;
  const displayName = quoted === undefined ? before : unquote(quoted);
  const uri = rest.slice(open + 1, close);
  const params = parseParameters(rest.slice(close + 1));
  if (!params || !isUri(uri)) return undefined;
  return displayName === "" ? { uri, params } : { displayName, uri, params };
}

/** Without angle brackets, everything behind the first semicolon is the header's (§20.10). */
function parseAddrSpec(text: string): NameAddr | undefined {
  const semicolon = text.indexOf(";");
  const uri = (semicolon < 0 ? text : text.slice(0, semicolon)).trim();
  const params = parseParameters(semicolon < 0 ? "" : text.slice(semicolon));
  // A comma or question mark needs the brackets (§20): else it is ambiguous.
  if (!params || !isUri(uri) || /[,?]/.test(uri)) return undefined;
  return { uri, params };
}

/** Display names without quotes are tokens; peers also write UTF-8 there, which harms nobody. */
function isDisplayWord(word: string): boolean {
  return isToken(word) || /^[A-Za-z0-9\-.!%*_+`'~\u0080-\uffff]+$/.test(word);
}

function isUri(text: string): boolean {
  return schemeOf(text) !== undefined && !/[\s<>"]/.test(text);
}

/** Display names are always quoted, the URI always in brackets: nothing to misread. */
export function printNameAddr({ displayName, uri, params }: NameAddr): string {
  const name = displayName ? `${quoteString(displayName)} ` : "";
  return `${name}<${uri}>${printParameters(params)}`;
}

export function tagOf(nameAddr: NameAddr): string | undefined {
  return nameAddr.params.get("tag");
}
