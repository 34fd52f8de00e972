/**
 * Why something ended or was refused, in header form: `Reason` (RFC 3326, RFC 6432) for machines and
 * call logs, `Warning` (RFC 3261 §20.43) for the person who reads the trace. One place writes them,
 * so that no text of a peer's can leave the quotes it stands in.
 */
import { createResponse } from "../sip/build.ts";
import type { SipMessage, SipRequest, SipResponse } from "../sip/message.ts";

/** RFC 3261 §20.43: 399 is the miscellaneous warning; the agent is a pseudonym. */
const WARNING_CODE = 399;
const TEXT_LENGTH_MAX = 200;

/** How a call, or one party's part in it, ended. */
export interface Ending {
  readonly status: number;
  /** A sentence. */
  readonly reason: string;
  /** The cause of ITU-T Q.850, 1 to 127, where a peer named it or we know better than the status. */
  readonly q850?: number;
}

/** Q.850 "normal call clearing". */
const NORMAL = 16;
/** Q.850 "non-selected user clearing": somebody else answered. */
export const ELSEWHERE = 26;
/** Q.850 "incompatible destination": no codec, no transport in common. */
export const INCOMPATIBLE = 88;
/** Q.850 "recovery on timer expiry": nothing was heard in time. */
export const TIMER_EXPIRY = 102;

/**
 * RFC 3398 §8.2.6.1. Without an entry there: 487, whose CANCEL is normal clearing (§7.2.3), and 488
 * and 606, which depend on the media.
 */
const CAUSES: Readonly<Record<number, number>> = {
  200: NORMAL,
  401: 21,
  402: 21,
  403: 21,
  404: 1,
  405: 63,
  406: 79,
  407: 21,
  408: TIMER_EXPIRY,
  410: 22,
  415: 79,
  480: 18,
  481: 41,
  482: 25,
  483: 25,
  484: 28,
  485: 1,
  486: 17,
  487: NORMAL,
  488: INCOMPATIBLE,
  500: 41,
  501: 79,
  502: 38,
  503: 41,
  504: TIMER_EXPIRY,
  600: 17,
  603: 21,
  604: 1,
  606: INCOMPATIBLE,
};
/** §8.2.6.1: "interworking", where the table has nothing better. */
const INTERWORKING = 127;

/** The cause a peer named, else the one its status stands for. */
export function causeOf({ status, q850 }: Ending): number {
  return q850 ?? CAUSES[status] ?? INTERWORKING;
}

/** `Reason`, in SIP's terms and in the telephone network's. */
export function reasonValue(ending: Ending): string {
  const { status, reason } = ending;
  return `SIP;cause=${status};text=${quote(reason)}, Q.850;cause=${causeOf(ending)}`;
}

export function warningValue(text: string): string {
  return `${WARNING_CODE} jackfield ${quote(text)}`;
}

/** The text of a message's `Reason`, bounded and without control characters; undefined if none. */
export function reasonOf(message: SipMessage): string | undefined {
  const value = message.headers.get("Reason");
  const text = value === undefined ? undefined : /;\s*text="((?:[^"\\]|\\.)*)"/i.exec(value)?.[1];
  return text === undefined ? undefined : printable(text.replace(/\\(.)/g, "$1"));
}

/** The Q.850 cause a message names (RFC 6432 for responses), for an `Ending`. */
export function q850Of(message: SipMessage): Pick<Ending, "q850"> {
  for (const value of message.headers.list("Reason")) {
    const bare = value.replace(/"(?:[^"\\]|\\.)*"/g, '""');
    const cause = /^Q\.850\s*;(?:.*;)?\s*cause\s*=\s*(\d{1,3})\s*(?:;|$)/i.exec(bare)?.[1];
    const q850 = Number(cause ?? 0);
    if (q850 >= 1 && q850 <= 127) return { q850 };
  }
  return {};
}

/** A refusal that says why, outside any dialog of ours. */
export function refusal(
  request: SipRequest,
  status: number,
  reason: string,
  headers: [string, string][] = [],
  q850?: number,
): SipResponse {
  const ending = { status, reason, ...(q850 === undefined ? {} : { q850 }) };
  return createResponse(request, status, {
    headers: [["Reason", reasonValue(ending)], ["Warning", warningValue(reason)], ...headers],
  });
}

/** A quoted-string (RFC 3261 §25.1). */
export function quote(text: string): string {
  return `"${printable(text).replace(/["\\]/g, "\\$&")}"`;
}

/** Without control characters, and no longer than a sentence. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes.
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, " ").slice(0, TEXT_LENGTH_MAX);
}
