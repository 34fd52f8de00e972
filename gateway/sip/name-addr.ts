/**
 * `name-addr` and `addr-spec` with header parameters: From, To, Contact, Route and their kin
 * (RFC 3261 §20.10, §25.1). The URI stays text: it may have a scheme we do not know.
 */
import {
  endOfQuotedString,
  type Parameters,
  parseParameters,
  printParameters,
  quoteString,
  trimSpace,
  unquote,
} from "./grammar.ts";
import { schemeOf } from "./uri.ts";

export interface NameAddr {
  /** Without quotes and escapes. */
  displayName?: string;
  uri: string;
  params: Parameters;
}

/** White space, brackets, quotes and control characters are in no URI of any scheme. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
const NOT_IN_URI = /[\s<>"\\\u0000-\u001f\u007f]/;
/** Display names without quotes are tokens; peers also write UTF-8 there, which harms nobody. */
const DISPLAY_WORDS = /^[A-Za-z0-9\-.!%*_+`'~ \t\u0080-\uffff]*$/;

/** Undefined for what the grammar does not allow. */
export function parseNameAddr(text: string): NameAddr | undefined {
  const trimmed = trimSpace(text);
  const quoteEnd = trimmed.startsWith('"') ? endOfQuotedString(trimmed, 0) : 0;
  if (quoteEnd < 0) return undefined;
  const open = trimmed.indexOf("<", quoteEnd);
  if (open < 0 || isQuotedBefore(trimmed, open, quoteEnd)) {
    return quoteEnd === 0 ? parseAddrSpec(trimmed) : undefined;
  }
  const close = trimmed.indexOf(">", open);
  const before = trimSpace(trimmed.slice(quoteEnd, open));
  if (close < 0 || (quoteEnd > 0 ? before !== "" : !DISPLAY_WORDS.test(before))) return undefined;
  const displayName = quoteEnd === 0 ? before : unquote(trimmed.slice(0, quoteEnd));
  const uri = trimmed.slice(open + 1, close);
  const params = parseParameters(trimmed, close + 1);
  if (!params || !isUri(uri)) return undefined;
  return displayName === "" ? { uri, params } : { displayName, uri, params };
}

/** A quotation mark that is not the display name's: the bracket is in a parameter's quotes. */
function isQuotedBefore(text: string, open: number, quoteEnd: number): boolean {
  const quote = text.indexOf('"', quoteEnd);
  return quote >= 0 && quote < open;
}

/** Without angle brackets, everything behind the first semicolon is the header's (§20.10). */
function parseAddrSpec(text: string): NameAddr | undefined {
  const semicolon = text.indexOf(";");
  const uri = trimSpace(semicolon < 0 ? text : text.slice(0, semicolon));
  const params = parseParameters(text, semicolon < 0 ? text.length : semicolon);
  // A comma or question mark needs the brackets (§20): else it is ambiguous.
  if (!params || !isUri(uri) || /[,?]/.test(uri)) return undefined;
  return { uri, params };
}

function isUri(text: string): boolean {
  return schemeOf(text) !== undefined && !NOT_IN_URI.test(text);
}

/** Display names are always quoted, the URI always in brackets: nothing to misread. */
export function printNameAddr({ displayName, uri, params }: NameAddr): string {
  const name = displayName ? `${quoteString(displayName)} ` : "";
  return `${name}<${uri}>${printParameters(params)}`;
}

export function tagOf(nameAddr: NameAddr): string | undefined {
  return nameAddr.params.get("tag");
}
