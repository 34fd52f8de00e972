/**
 * A message's header fields: ordered lines, found by name whatever its case or form (RFC 3261
 * §7.3). Values stay as text until somebody asks; what was parsed once is remembered.
 *
 * Above it stand the typed accessors of `accessors.ts`; below it nothing.
 */

/** RFC 3261 §20 and the registry of compact forms. */
const COMPACT: Readonly<Record<string, string>> = {
  a: "accept-contact",
  b: "referred-by",
  c: "content-type",
  d: "request-disposition",
  e: "content-encoding",
  f: "from",
  i: "call-id",
  j: "reject-contact",
  k: "supported",
  l: "content-length",
  m: "contact",
  o: "event",
  r: "refer-to",
  s: "subject",
  t: "to",
  u: "allow-events",
  v: "via",
  x: "session-expires",
  y: "identity",
};

/** Names whose usual spelling is not "each word with a capital". */
const SPELLING: Readonly<Record<string, string>> = {
  "call-id": "Call-ID",
  cseq: "CSeq",
  "mime-version": "MIME-Version",
  rack: "RAck",
  rseq: "RSeq",
  "sip-etag": "SIP-ETag",
  "sip-if-match": "SIP-If-Match",
  "www-authenticate": "WWW-Authenticate",
};

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;
const LINE_BREAK = /[\r\n]/;

interface Line {
  /** Lower case, never compact. */
  readonly key: string;
  readonly value: string;
}

const keys = new Map<string, string>();

/** The one form under which a header is kept and found. */
function keyOf(name: string): string {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const key = COMPACT[lower] ?? lower;
  // Peers choose the names, so only a bounded number is remembered.
  if (keys.size < 512) keys.set(name, key);
  return key;
}

/** The usual spelling of a header name: `Call-ID`, `P-Asserted-Identity`. */
function spellingOf(key: string): string {
  return SPELLING[key] ?? key.replace(/(^|-)[a-z]/g, (it) => it.toUpperCase());
}

export class Headers {
  #lines: Line[] = [];
  /** What accessors parsed out of these lines; gone as soon as a line changes. */
  #parsed = new Map<string, unknown>();

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

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Replaces all lines of that name by one, at the place of the first. */
  set(name: string, value: string): void {
    const line = lineOf(name, value);
    const at = this.#lines.findIndex(({ key }) => key === line.key);
    this.#lines = this.#lines.filter(({ key }) => key !== line.key);
    this.#lines.splice(at < 0 ? this.#lines.length : at, 0, line);
    this.#parsed.clear();
  }

  append(name: string, value: string): void {
    this.#lines.push(lineOf(name, value));
    this.#parsed.clear();
  }

  /** Before the first line of that name; where there is none, before everything. */
  prepend(name: string, value: string): void {
    const line = lineOf(name, value);
    const at = this.#lines.findIndex(({ key }) => key === line.key);
    this.#lines.splice(Math.max(at, 0), 0, line);
    this.#parsed.clear();
  }

  delete(name: string): void {
    const key = keyOf(name);
    this.#lines = this.#lines.filter((line) => line.key !== key);
    this.#parsed.clear();
  }

  /** Names in their usual spelling, with values. */
  *entries(): IterableIterator<[string, string]> {
    for (const { key, value } of this.#lines) yield [spellingOf(key), value];
  }

  clone(): Headers {
    const copy = new Headers();
    copy.#lines = [...this.#lines];
    return copy;
  }

  /** What `parse` makes of these headers, computed once under `key`. */
  memo<Value>(key: string, parse: () => Value): Value {
    if (!this.#parsed.has(key)) this.#parsed.set(key, parse());
    return this.#parsed.get(key) as Value;
  }
}

function lineOf(name: string, value: string): Line {
  if (!TOKEN.test(name)) throw new Error(`"${name}" is no header name`);
  if (LINE_BREAK.test(value)) throw new Error(`the value of ${name} would break its line`);
  return { key: keyOf(name), value };
}

/** Splits at commas outside quotes and angle brackets. */
export function splitList(value: string): string[] {
  if (!value.includes(",")) return value === "" ? [] : [value];
  const elements: string[] = [];
  let start = 0;
  let quoted = false;
  let depth = 0;
  for (let at = 0; at < value.length; at++) {
    const char = value[at];
    if (quoted && char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (char === "<") depth = 1;
    else if (char === ">") depth = 0;
    else if (char === "," && depth === 0) {
      elements.push(value.slice(start, at).trim());
      start = at + 1;
    }
  }
  elements.push(value.slice(start).trim());
  return elements.filter((element) => element !== "");
}
