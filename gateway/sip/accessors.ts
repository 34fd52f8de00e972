/**
 * Header fields as values. Of a message that came out of the parser, `topVia`, `from`, `to`,
 * `callId` and `cseq` are always there: the parser made sure (RFC 3261 §8.1.1).
 */
import { parseNumber } from "./grammar.ts";
import { splitList } from "./headers.ts";
import type { SipMessage } from "./message.ts";
import { type NameAddr, parseNameAddr } from "./name-addr.ts";
import { parseVia, type Via } from "./via.ts";

export interface CSeq {
  number: number;
  method: string;
}

const UINT31_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;

/** RFC 3261 §8.1.1.5: the number is below 2**31. */
export function parseCSeq(text: string): CSeq | undefined {
  const match = /^([0-9]{1,10})\s+(\S+)$/.exec(text.trim());
  const number = parseNumber(match?.[1] ?? "", UINT31_MAX);
  return number === undefined || !match?.[2] ? undefined : { number, method: match[2] };
}

export function topVia(message: SipMessage): Via {
  return required(message, "Via", () => {
    const first = message.headers.get("Via");
    return first === undefined ? undefined : parseVia(splitList(first)[0] ?? "");
  });
}

/** Every Via, topmost first; values that can't be read are left out. */
export function vias(message: SipMessage): Via[] {
  return message.headers.memo("vias", () =>
    message.headers.list("Via").flatMap((it) => parseVia(it) ?? []),
  );
}

export function from(message: SipMessage): NameAddr {
  return required(message, "From", () => parseNameAddr(message.headers.get("From") ?? ""));
}

export function to(message: SipMessage): NameAddr {
  return required(message, "To", () => parseNameAddr(message.headers.get("To") ?? ""));
}

export function callId(message: SipMessage): string {
  return required(message, "Call-ID", () => message.headers.get("Call-ID"));
}

export function cseq(message: SipMessage): CSeq {
  return required(message, "CSeq", () => parseCSeq(message.headers.get("CSeq") ?? ""));
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

function required<Value>(message: SipMessage, name: string, parse: () => Value | undefined): Value {
  const value = message.headers.memo(name, parse);
  if (value === undefined) throw new Error(`the message has no valid ${name}`);
  return value;
}
