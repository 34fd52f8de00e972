/**
 * A message's header fields: ordered lines, found by name whatever its case or form (RFC 3261
 * §7.3). Values stay as text until somebody asks; what was read once stays with its line.
 *
 * Above it stand the typed accessors of `accessors.ts`; below it the grammar they share.
 */
import { endOfQuotedString, isToken, trimSpace } from "./grammar.ts";

/** RFC 3261 §20 and the registry of compact forms. */
const COMPACT: ReadonlyMap<string, string> = new Map([
  ["a", "accept-contact"],
  ["b", "referred-by"],
  ["c", "content-type"],
  ["d", "request-disposition"],
  ["e", "content-encoding"],
  ["f", "from"],
  ["i", "call-id"],
  ["j", "reject-contact"],
  ["k", "supported"],
  ["l", "content-length"],
  ["m", "contact"],
  ["o", "event"],
  ["r", "refer-to"],
  ["s", "subject"],
  ["t", "to"],
  ["u", "allow-events"],
  ["v", "via"],
  ["x", "session-expires"],
  ["y", "identity"],
]);

/** Names whose usual spelling is not "each word with a capital". */
const SPELLING: ReadonlyMap<string, string> = new Map([
  ["call-id", "Call-ID"],
  ["cseq", "CSeq"],
  ["mime-version", "MIME-Version"],
  ["min-se", "Min-SE"],
  ["rack", "RAck"],
  ["rseq", "RSeq"],
  ["sip-etag", "SIP-ETag"],
  ["sip-if-match", "SIP-If-Match"],
  ["www-authenticate", "WWW-Authenticate"],
]);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
const SUSPECT = /[\r\n\u0000]/;
/** A line break, or a NUL that is not the quoted-pair RFC 3261 §25.1 allows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
const BREAKS_LINE = /[\r\n]|(?:^|[^\\])\u0000/;

/** Names remembered with their keys, and how long one may be: peers choose them. */
const REMEMBERED_NAMES_MAX = 512;
const REMEMBERED_LENGTH_MAX = 32;

interface Line {
  /** Lower case, never compact. */
  readonly key: string;
  readonly value: string;
  /** What was read out of the value; it goes with the line into other messages. */
  read?: { readonly value: unknown };
}

const keys = new Map<string, string>();
const spellings = new Map<string, string>();

/** The one form under which a header is kept and found. */
function keyOf(name: string): string {
  return keys.get(name) ?? keyOfNew(name) ?? name.toLowerCase();
}

/** Undefined for what is no header name; only tokens are remembered. */
function keyOfNew(name: string): string | undefined {
  if (!isToken(name)) return undefined;
  const lower = name.toLowerCase();
  const key = COMPACT.get(lower) ?? lower;
  remember(keys, name, key);
  return key;
}

/** The usual spelling of a header name: `Call-ID`, `P-Asserted-Identity`. */
function spellingOf(key: string): string {
  const known = spellings.get(key);
  if (known !== undefined) return known;
  const spelling = SPELLING.get(key) ?? key.replace(/(^|-)[a-z]/g, (it) => it.toUpperCase());
  remember(spellings, key, spelling);
  return spelling;
}

function remember(names: Map<string, string>, name: string, meaning: string): void {
  if (names.size < REMEMBERED_NAMES_MAX && name.length <= REMEMBERED_LENGTH_MAX) {
    names.set(name, meaning);
  }
}

export class Headers {
  #lines: Line[] = [];

  /** Lines in order. Throws for a value that would inject a line: our bug, never a peer's input. */
  static of(entries: Iterable<readonly [string, string]>): Headers {
    const headers = new Headers();
    for (const [name, value] of entries) headers.append(name, value);
    return headers;
  }

  /** The first line's value. */
  get(name: string): string | undefined {
    const key = keyOf(name);
    for (const line of this.#lines) if (line.key === key) return line.value;
    return undefined;
  }

  /** Each line's value, in order. */
  all(name: string): string[] {
    const key = keyOf(name);
    const values: string[] = [];
    for (const line of this.#lines) if (line.key === key) values.push(line.value);
    return values;
  }

  /** The comma-separated elements of all lines (§7.3.1), for headers that take lists. */
  list(name: string): string[] {
    return this.all(name).flatMap(splitList);
  }

  /** The first header among `wanted` (lower case) that has two lines. */
  firstRepeated(wanted: ReadonlySet<string>): string | undefined {
    const seen: string[] = [];
    for (const { key } of this.#lines) {
      if (!wanted.has(key)) continue;
      if (seen.includes(key)) return spellingOf(key);
      seen.push(key);
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Replaces all lines of that name by one, at the place of the first. */
  set(name: string, value: string): void {
    const line = lineOf(name, value);
    const lines: Line[] = [];
    let isThere = false;
    for (const old of this.#lines) {
      if (old.key !== line.key) lines.push(old);
      else if (!isThere) {
        lines.push(line);
        isThere = true;
      }
    }
    if (!isThere) lines.push(line);
    this.#lines = lines;
  }

  append(name: string, value: string): void {
    this.#lines.push(lineOf(name, value));
  }

  /** Appends all lines of that name that another message has, or the first one. */
  appendFrom(other: Headers, name: string, which: "all" | "first"): void {
    const key = keyOf(name);
    for (const line of other.#lines) {
      if (line.key !== key) continue;
      this.#lines.push(line);
      if (which === "first") break;
    }
  }

  /**
   * Appends what a peer sent; false, and nothing done, for what is no header field. `mayBreak` is
   * false where the value is known to end no line, all lines having been looked at together.
   */
  appendReceived(name: string, value: string, mayBreak = true): boolean {
    const key = keys.get(name) ?? keyOfNew(name);
    if (key === undefined || (mayBreak && breaksLine(value))) return false;
    this.#lines.push({ key, value });
    return true;
  }

  /** Before the first line of that name; where there is none, before everything. */
  prepend(name: string, value: string): void {
    const line = lineOf(name, value);
    const at = this.#lines.findIndex(({ key }) => key === line.key);
    this.#lines.splice(Math.max(at, 0), 0, line);
  }

  delete(name: string): void {
    const key = keyOf(name);
    this.#lines = this.#lines.filter((line) => line.key !== key);
  }

  /** Names in their usual spelling, with values. */
  *entries(): IterableIterator<[string, string]> {
    for (const { key, value } of this.#lines) yield [spellingOf(key), value];
  }

  /** The lines as they go on the wire, but for those of that key (lower case). */
  print(without: string): string {
    let text = "";
    for (const { key, value } of this.#lines) {
      if (key !== without) text += `${spellingOf(key)}: ${value}\r\n`;
    }
    return text;
  }

  clone(): Headers {
    const copy = new Headers();
    copy.#lines = this.#lines.slice();
    return copy;
  }

  /**
   * What `parse` makes of the first line of that name, undefined without one. It is computed once
   * for the line, which messages share: nobody may change it, and a name has one `parse`.
   */
  read<Value>(name: string, parse: (value: string) => Value): Value | undefined {
    const key = keyOf(name);
    for (const line of this.#lines) if (line.key === key) return readOf(line, parse);
    return undefined;
  }

  /** The same of each line, in order. */
  readAll<Value>(name: string, parse: (value: string) => Value): Value[] {
    const key = keyOf(name);
    const values: Value[] = [];
    for (const line of this.#lines) if (line.key === key) values.push(readOf(line, parse));
    return values;
  }
}

function readOf<Value>(line: Line, parse: (value: string) => Value): Value {
  line.read ??= { value: parse(line.value) };
  return line.read.value as Value;
}

function lineOf(name: string, value: string): Line {
  const key = keys.get(name) ?? keyOfNew(name);
  if (key === undefined) throw new Error(`"${name}" is no header name`);
  if (breaksLine(value)) throw new Error(`the value of ${name} would break its line`);
  return { key, value };
}

/** Whether a value would end its line, or what reads it (a NUL), before its time. */
function breaksLine(value: string): boolean {
  return SUSPECT.test(value) && BREAKS_LINE.test(value);
}

/** Splits at commas outside quotes and angle brackets; elements without text are left out. */
export function splitList(value: string): string[] {
  return splitElements(value).filter((element) => element !== "");
}

/** As `splitList`, with the empty elements. */
export function splitElements(value: string): string[] {
  if (!value.includes(",")) return [trimSpace(value)];
  const elements: string[] = [];
  let start = 0;
  let isBracketed = false;
  for (let at = 0; at < value.length; at++) {
    const char = value[at];
    if (char === '"' && !isBracketed) {
      const end = endOfQuotedString(value, at);
      at = end < 0 ? value.length : end - 1;
    } else if (char === "<") isBracketed = true;
    else if (char === ">") isBracketed = false;
    else if (char === "," && !isBracketed) {
      elements.push(trimSpace(value.slice(start, at)));
      start = at + 1;
    }
  }
  elements.push(trimSpace(value.slice(start)));
  return elements;
}
