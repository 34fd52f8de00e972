/**
 * Valid SIP messages from the grammar of RFC 3261 §25.1, with what each of them means: compact forms,
 * folding, lists in one line and in several, quotes and escapes, IPv6, unknown schemes and methods,
 * UTF-8. The generator knows the meaning before it writes the text; a parser must find it again.
 */
import { concat, utf8 } from "../../gateway/bytes.ts";
import type { SeededRandom } from "./random.ts";

export interface GeneratedAddress {
  displayName: string | undefined;
  uri: string;
  /** Names in lower case, values without quotes and escapes. */
  params: [string, string | undefined][];
}

export interface GeneratedVia {
  transport: string;
  /** Lower case, IPv6 without brackets. */
  host: string;
  port: number | undefined;
  params: [string, string | undefined][];
}

/** What a reader of the message must find in it. */
export interface Meaning {
  /** Method and Request-URI, or status and reason. */
  start: { method: string; uri: string } | { status: number; reason: string };
  vias: GeneratedVia[];
  from: GeneratedAddress;
  to: GeneratedAddress;
  callId: string;
  cseq: { number: number; method: string };
  maxForwards: number | undefined;
  expires: number | undefined;
  contacts: GeneratedAddress[] | "*";
  routes: GeneratedAddress[];
  /** Headers nobody knows: name and value. */
  others: [string, string][];
  body: Uint8Array;
}

export interface Generated {
  bytes: Uint8Array;
  meaning: Meaning;
}

const ALPHANUMERIC = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"];
const MARKS = [..."-_.!~*'()"];
const TOKEN = [...ALPHANUMERIC, ..."-.!%*_+`'~"];
const WORD = [...TOKEN, ...'()<>:\\"/[]?{}'];
const USER = [...ALPHANUMERIC, ...MARKS, ..."&=+$,;?/", "%20", "%00", "%C3%BC", "%ff", "%2f"];
const PASSWORD = [...ALPHANUMERIC, ...MARKS, ..."&=+$,", "%40"];
const PARAMETER = [...ALPHANUMERIC, ...MARKS, ..."[]/:&+$", "%3B"];
const URIC = [...ALPHANUMERIC, ...MARKS, ...";/?:@&=+$,", "%22"];
const TEXT = [...ALPHANUMERIC, ..." !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "é", "中", "🙂", "\u00a0"];
/** `quoted-pair` allows every ASCII character but the line breaks, NUL too. */
const QUOTED = [...'"\\\t\u0000\u0001\u000b\u007fab'];

const QUOTABLE = [...TEXT, ...QUOTED];
/** §20.10: without brackets a URI has no comma, question mark or semicolon. */
const isBarePart = (part: string) => !",?;".includes(part);
const BARE_USER = USER.filter(isBarePart);
const BARE_PASSWORD = PASSWORD.filter(isBarePart);

const METHODS = ["INVITE", "ACK", "OPTIONS", "BYE", "REGISTER", "MESSAGE", "REFER", "UPDATE"];
const TRANSPORTS = ["UDP", "TCP", "TLS", "SCTP", "WS", "WSS", "TLS-SCTP", "UNKNOWN"];
const HEADERS: [string, string][] = [
  ["Via", "v"],
  ["From", "f"],
  ["To", "t"],
  ["Call-ID", "i"],
  ["CSeq", "CSeq"],
  ["Contact", "m"],
  ["Content-Length", "l"],
];
const COMPACT = new Map(HEADERS);

/** A message drawn with `random`; `bytes` has the body that Content-Length, if any, tells. */
export function generateMessage(random: SeededRandom): Generated {
  return new Writer(random).message();
}

class Writer {
  readonly #random: SeededRandom;
  /** Lines in the order they were made; Vias keep theirs among each other. */
  #lines: { name: string; text: string }[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  message(): Generated {
    const random = this.#random;
    const method = this.#chance(0.7) ? random.pick(METHODS) : this.#some(TOKEN, 1, 16);
    const isRequest = this.#chance(0.75);
    const start = isRequest
      ? { method, uri: this.#uri({ isRequest: true }) }
      : { status: 100 + random.below(600), reason: this.#text(0, 30) };
    const vias = this.#vias();
    const callId = this.#callId();
    const cseq = { number: this.#number(2 ** 31 - 1), method };
    const meaning: Meaning = {
      start,
      vias,
      from: this.#single("From"),
      to: this.#single("To"),
      callId,
      cseq,
      maxForwards: this.#optionalNumber("Max-Forwards", 255),
      expires: this.#optionalNumber("Expires", 2 ** 32 - 1),
      contacts: this.#contacts(),
      routes: this.#addresses("Route", 0, 3),
      others: this.#others(),
      body: random.bytes(this.#chance(0.5) ? 0 : random.below(300)),
    };
    this.#line("Call-ID", callId);
    this.#line("CSeq", `${this.#digits(cseq.number)}${this.#space()}${method}`);
    if (this.#chance(0.8)) this.#line("Content-Length", this.#digits(meaning.body.length));
    const version = this.#chance(0.05) ? "sip/2.0" : "SIP/2.0";
    const first =
      "method" in start
        ? `${start.method} ${start.uri} ${version}`
        : `${version} ${start.status} ${start.reason}`;
    const before = this.#chance(0.05) ? "\r\n\r\n" : "";
    const head = `${before}${first}\r\n${this.#shuffled().join("")}\r\n`;
    return { bytes: concat(utf8(head), meaning.body), meaning };
  }

  // Header fields -------------------------------------------------------------------------------

  #vias(): GeneratedVia[] {
    const vias: GeneratedVia[] = [];
    for (let lines = 1 + this.#random.below(3); lines > 0; lines--) {
      const elements: string[] = [];
      for (let count = 1 + this.#random.below(2); count > 0; count--) {
        const { via, text } = this.#via();
        vias.push(via);
        elements.push(text);
      }
      this.#line("Via", elements.join(this.#around(",")));
    }
    return vias;
  }

  #via(): { via: GeneratedVia; text: string } {
    const transport = this.#chance(0.9) ? this.#random.pick(TRANSPORTS) : this.#some(TOKEN, 1, 8);
    const { host, text } = this.#host();
    const port = this.#chance(0.5) ? this.#random.below(65_536) : undefined;
    const params: GeneratedVia["params"] = [];
    if (this.#chance(0.9)) params.push(["branch", `z9hG4bK${this.#some(TOKEN, 0, 20)}`]);
    if (this.#chance(0.3)) params.push(["rport", undefined]);
    if (this.#chance(0.2))
      params.push(["received", this.#random.pick(["192.0.2.1", "2001:db8::9"])]);
    if (this.#chance(0.2)) params.push(["ttl", String(this.#random.below(256))]);
    const more = this.#parameters(params);
    const slash = this.#around("/");
    const protocol = `${this.#case("SIP")}${slash}2.0${slash}${transport}`;
    const place = port === undefined ? text : `${text}${this.#around(":")}${port}`;
    return {
      via: { transport: transport.toUpperCase(), host, port, params },
      text: `${protocol}${this.#space()}${place}${more}`,
    };
  }

  #single(name: string): GeneratedAddress {
    const params: GeneratedAddress["params"] = [];
    if (this.#chance(0.8)) params.push(["tag", this.#some(TOKEN, 1, 20)]);
    const { address, text } = this.#address(params);
    this.#line(name, text);
    return address;
  }

  #contacts(): GeneratedAddress[] | "*" {
    if (!this.#chance(0.05)) return this.#addresses("Contact", 0, 4);
    this.#line("Contact", "*");
    return "*";
  }

  #addresses(name: string, least: number, most: number): GeneratedAddress[] {
    const found: GeneratedAddress[] = [];
    let elements: string[] = [];
    for (let count = least + this.#random.below(most - least + 1); count > 0; count--) {
      const params: GeneratedAddress["params"] = [];
      if (this.#chance(0.3)) params.push(["q", this.#random.pick(["0.5", "1", "0", "1.000"])]);
      if (this.#chance(0.3)) params.push(["expires", String(this.#number(2 ** 32 - 1))]);
      const { address, text } = this.#address(params, name === "Route");
      found.push(address);
      elements.push(text);
      if (this.#chance(0.5)) {
        this.#line(name, elements.join(this.#around(",")));
        elements = [];
      }
    }
    if (elements.length > 0) this.#line(name, elements.join(this.#around(",")));
    return found;
  }

  #address(
    params: GeneratedAddress["params"],
    isBracketed = false,
  ): { address: GeneratedAddress; text: string } {
    if (!isBracketed && this.#chance(0.2)) {
      const uri = this.#uri({ isBare: true });
      const text = `${uri}${this.#parameters(params)}`;
      return { address: { displayName: undefined, uri, params }, text };
    }
    const { name, text: shown } = this.#displayName();
    const uri = this.#uri({});
    const text = `${shown}<${uri}>${this.#parameters(params)}`;
    return { address: { displayName: name, uri, params }, text };
  }

  #displayName(): { name: string | undefined; text: string } {
    switch (this.#random.below(3)) {
      case 0:
        return { name: undefined, text: "" };
      case 1: {
        const words = Array.from({ length: 1 + this.#random.below(3) }, () =>
          this.#some(TOKEN, 1, 8),
        );
        return { name: words.join(" "), text: `${words.join(" ")}${this.#anySpace()}` };
      }
      default: {
        const { value, text } = this.#quoted();
        return { name: value === "" ? undefined : value, text: `${text}${this.#anySpace()}` };
      }
    }
  }

  #callId(): string {
    const word = this.#some(WORD, 1, 30);
    return this.#chance(0.5) ? `${word}@${this.#some(WORD, 1, 20)}` : word;
  }

  #optionalNumber(name: string, max: number): number | undefined {
    if (this.#chance(0.3)) return undefined;
    const number = this.#number(max);
    this.#line(name, this.#digits(number));
    return number;
  }

  #others(): [string, string][] {
    const others: [string, string][] = [];
    for (let count = this.#random.below(4); count > 0; count--) {
      const name = `X${count}-${this.#some(TOKEN, 1, 12)}`;
      const value = this.#text(0, 60).trim();
      others.push([name, value]);
      this.#lines.push({ name, text: `${name}${this.#anySpace()}: ${value}\r\n` });
    }
    return others;
  }

  // Parts ---------------------------------------------------------------------------------------

  /** Adds up to two parameters of nobody's to `params` and writes all of them. */
  #parameters(params: [string, string | undefined][]): string {
    for (let count = this.#random.below(3); count > 0; count--) {
      const name = `${this.#some(ALPHANUMERIC, 1, 8).toLowerCase()}${count}`;
      if (params.some(([other]) => other === name)) continue;
      const kind = this.#random.below(4);
      if (kind === 0) params.push([name, undefined]);
      else if (kind === 1) params.push([name, this.#some(TOKEN, 1, 12)]);
      else if (kind === 2) params.push([name, this.#host().text.toLowerCase()]);
      else params.push([name, `"${this.#text(0, 12)}`]);
    }
    let text = "";
    for (const [index, [name, value]] of params.entries()) {
      text += `${this.#around(";")}${this.#case(name)}`;
      if (value === undefined) continue;
      text += this.#around("=");
      // A quotation mark in front marks what is to be written as a quoted string.
      if (!value.startsWith('"')) text += value;
      else {
        const meant = value.slice(1);
        params[index] = [name, meant];
        text += this.#quote(meant);
      }
    }
    return text;
  }

  #quoted(): { value: string; text: string } {
    const value = this.#chance(0.3) ? this.#some(QUOTABLE, 0, 20) : this.#text(0, 30).trim();
    return { value, text: this.#quote(value) };
  }

  /** Escapes what must be escaped, and now and then what needn't. */
  #quote(value: string): string {
    let text = "";
    for (const char of value) {
      const code = char.charCodeAt(0);
      const mustEscape = char === '"' || char === "\\" || code < 32 || code === 127;
      const mayEscape = code < 127 && code !== 32;
      text += mustEscape || (mayEscape && this.#chance(0.1)) ? `\\${char}` : char;
    }
    return `"${text}"`;
  }

  #uri({ isBare = false, isRequest = false }): string {
    if (!isBare && this.#chance(0.15)) return this.#foreignUri();
    const scheme = this.#case(this.#chance(0.8) ? "sip" : "sips");
    const user = this.#some(isBare ? BARE_USER : USER, 1, 16);
    const password = this.#some(isBare ? BARE_PASSWORD : PASSWORD, 0, 8);
    const secret = this.#chance(0.1) ? `:${password}` : "";
    const userinfo = this.#chance(0.85) ? `${user}${secret}@` : "";
    const port = this.#chance(0.3) ? `:${this.#random.below(65_536)}` : "";
    let uri = `${scheme}:${userinfo}${this.#host().text}${port}`;
    if (isBare) return uri;
    for (let count = this.#random.below(3); count > 0; count--) {
      uri += `;p${count}${this.#some(PARAMETER, 0, 6)}`;
      if (this.#chance(0.6)) uri += `=${this.#some(PARAMETER, 1, 8)}`;
    }
    if (!isRequest && this.#chance(0.1)) uri += "?Subject=a%20b&X=";
    return uri;
  }

  #foreignUri(): string {
    const scheme = this.#random.pick(["tel", "urn", "http", "soap.beep", "x-y+z", "im"]);
    return `${scheme}:${this.#some(URIC, 1, 24)}`;
  }

  /** In lower case without brackets, and as it is written. */
  #host(): { host: string; text: string } {
    const kind = this.#random.below(4);
    if (kind === 0) {
      const text = Array.from({ length: 4 }, () => this.#random.below(256)).join(".");
      return { host: text, text };
    }
    if (kind === 1) {
      const host = this.#random.pick([
        "::1",
        "2001:db8::1",
        "fe80::a:b:c:d",
        "2001:0DB8:0:0:0:0:0:9",
        "::ffff:192.0.2.1",
      ]);
      return { host: host.toLowerCase(), text: `[${host}]` };
    }
    const label = () => `${this.#some(ALPHANUMERIC, 1, 6)}${this.#chance(0.2) ? "-a" : ""}`;
    const labels = Array.from({ length: 1 + this.#random.below(4) }, label);
    const text = `${labels.join(".")}.${this.#some(ALPHANUMERIC.slice(0, 52), 1, 3)}`;
    return { host: text.toLowerCase(), text };
  }

  // Lines and spaces ----------------------------------------------------------------------------

  #line(name: string, value: string): void {
    const short = COMPACT.get(name);
    const chosen = this.#case(short !== undefined && this.#chance(0.3) ? short : name);
    const colon = `${this.#chance(0.1) ? " \t" : ""}:${this.#anySpace()}`;
    const end = this.#chance(0.1) ? " " : "";
    this.#lines.push({ name, text: `${chosen}${colon}${value}${end}\r\n` });
  }

  /** Lines of one name stay in order, for it means something; all else may stand anywhere. */
  #shuffled(): string[] {
    const places = this.#lines.map(({ name }) => name);
    for (let at = places.length - 1; at > 0; at--) {
      const other = this.#random.below(at + 1);
      [places[at], places[other]] = [places[other] ?? "", places[at] ?? ""];
    }
    const rest = [...this.#lines];
    return places.map((name) => {
      const at = rest.findIndex((line) => line.name === name);
      return rest.splice(at, 1)[0]?.text ?? "";
    });
  }

  /** LWS: at least one space or tab, perhaps folded. */
  #space(): string {
    return this.#random.pick([" ", " ", " ", "  ", "\t", "\r\n ", " \r\n\t"]);
  }

  /** SWS. */
  #anySpace(): string {
    return this.#chance(0.8) ? " " : this.#chance(0.5) ? "" : this.#space();
  }

  /** A separator with the white space the grammar allows around it. */
  #around(separator: string): string {
    if (this.#chance(0.7)) return separator;
    return `${this.#anySpace()}${separator}${this.#anySpace()}`;
  }

  #case(text: string): string {
    const kind = this.#random.below(8);
    return kind === 0 ? text.toUpperCase() : kind === 1 ? text.toLowerCase() : text;
  }

  #digits(number: number): string {
    return this.#chance(0.05) ? `00${number}` : String(number);
  }

  #number(max: number): number {
    if (this.#chance(0.1)) return max;
    return this.#random.below(this.#chance(0.5) ? Math.min(max, 100) + 1 : max + 1);
  }

  /** TEXT-UTF8-TRIM. */
  #text(least: number, most: number): string {
    return this.#some(TEXT, least, most).replace(/^ +| +$/g, "");
  }

  #some(characters: readonly string[], least: number, most: number): string {
    let text = "";
    const length = least + this.#random.below(most - least + 1);
    for (let count = 0; count < length; count++) text += this.#random.pick(characters);
    return text;
  }

  #chance(share: number): boolean {
    return this.#random.fraction() < share;
  }
}
