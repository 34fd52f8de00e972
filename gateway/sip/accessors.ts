/**
 * Header fields as values. Of a message that came out of the parser, `topVia`, `from`, `to`,
 * `callId` and `cseq` are always there: the parser made sure (RFC 3261 §8.1.1).
 */
import { parseNumber, trimSpace } from "./grammar.ts";
import { type Headers, splitList } from "./headers.ts";
import type { SipMessage } from "./message.ts";
import { type NameAddr, parseNameAddr } from "./name-addr.ts";
import { parseVia, type Via } from "./via.ts";

export interface CSeq {
  number: number;
  method: string;
}

const CSEQ = /^([0-9]{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)$/;
const UINT31_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;

/** RFC 3261 §8.1.1.5: the number is below 2**31. */
export function parseCSeq(text: string): CSeq | undefined {
  const match = CSEQ.exec(trimSpace(text));
  const number = parseNumber(match?.[1] ?? "", UINT31_MAX);
  return number === undefined || !match?.[2] ? undefined : { number, method: match[2] };
}

export function topVia(message: SipMessage): Via {
  const { headers } = message;
  const via = headers.memo("Via", () => parseVia(splitList(headers.get("Via") ?? "")[0] ?? ""));
  return present(via, "Via");
}

/** Every Via, topmost first; values that can't be read are left out. */
export function vias(message: SipMessage): Via[] {
  return message.headers.memo("vias", () =>
    message.headers.list("Via").flatMap((it) => parseVia(it) ?? []),
  );
}

export function from(message: SipMessage): NameAddr {
  return present(readFrom(message.headers), "From");
}

export function to(message: SipMessage): NameAddr {
  return present(readTo(message.headers), "To");
}

export function callId(message: SipMessage): string {
  return present(message.headers.get("Call-ID"), "Call-ID");
}

export function cseq(message: SipMessage): CSeq {
  return present(readCSeq(message.headers), "CSeq");
}

/** `*` stands alone (§10.2.2). */
export function contacts(message: SipMessage): NameAddr[] | "*" {
  return message.headers.memo("contacts", () => {
    const list = message.headers.list("Contact");
    if (list.length === 1 && list[0] === "*") return "*";
    return list.flatMap((it) => parseNameAddr(it) ?? []);
  });
}

export function routes(message: SipMessage): NameAddr[] {
  return message.headers.list("Route").flatMap((it) => parseNameAddr(it) ?? []);
}

export function recordRoutes(message: SipMessage): NameAddr[] {
  return message.headers.list("Record-Route").flatMap((it) => parseNameAddr(it) ?? []);
}

export function maxForwards(message: SipMessage): number | undefined {
  return parseNumber(message.headers.get("Max-Forwards") ?? "", 255);
}

/** Seconds. */
export function expires(message: SipMessage): number | undefined {
  return parseNumber(message.headers.get("Expires") ?? "", UINT32_MAX);
}

/** `type/subtype` in lower case, without parameters. */
export function contentType(message: SipMessage): string | undefined {
  const value = message.headers.get("Content-Type");
  return value?.split(";")[0]?.replace(/\s/g, "").toLowerCase();
}

/** The elements of Allow, Supported, Require and their kin. */
export function tokens(message: SipMessage, name: string): string[] {
  return message.headers.list(name);
}

/** Undefined where the header is missing or malformed, as in what the parser has yet to check. */
export function readFrom(headers: Headers): NameAddr | undefined {
  return headers.memo("From", () => parseNameAddr(headers.get("From") ?? ""));
}

export function readTo(headers: Headers): NameAddr | undefined {
  return headers.memo("To", () => parseNameAddr(headers.get("To") ?? ""));
}

export function readCSeq(headers: Headers): CSeq | undefined {
  return headers.memo("CSeq", () => parseCSeq(headers.get("CSeq") ?? ""));
}

function present<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`the message has no valid ${name}`);
  return value;
}
