/**
 * Why something ended or was refused, in header form: `Reason` (RFC 3326) for machines and call
 * logs, `Warning` (RFC 3261 §20.43) for the person who reads the trace. One place writes them, so
 * that no text of a peer's can leave the quotes it stands in.
 */
import { createResponse } from "../sip/build.ts";
import type { SipMessage, SipRequest, SipResponse } from "../sip/message.ts";

/** RFC 3261 §20.43: 399 is the miscellaneous warning; the agent is a pseudonym. */
const WARNING_CODE = 399;
const TEXT_LENGTH_MAX = 200;

export function reasonValue(cause: number, text: string): string {
  return `SIP;cause=${cause};text=${quote(text)}`;
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

/** A refusal that says why, outside any dialog of ours. */
export function refusal(
  request: SipRequest,
  status: number,
  reason: string,
  headers: [string, string][] = [],
): SipResponse {
  return createResponse(request, status, {
    headers: [
      ["Reason", reasonValue(status, reason)],
      ["Warning", warningValue(reason)],
      ...headers,
    ],
  });
}

/** A quoted-string (RFC 3261 §25.1). */
export function quote(text: string): string {
  return `"${printable(text).replace(/["\\]/g, "\\$&")}"`;
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes.
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, " ").slice(0, TEXT_LENGTH_MAX);
}
