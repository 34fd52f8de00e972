/** Session descriptions as message bodies (RFC 3261 §13.2.1, RFC 3264). */
import { fromUtf8, utf8 } from "../bytes.ts";
import { contentType } from "../sip/accessors.ts";
import type { SipMessage } from "../sip/message.ts";

/** The session description a message carries; undefined when it has none. */
export function sdpOf(message: SipMessage): string | undefined {
  if (message.body.length === 0 || contentType(message) !== "application/sdp") return undefined;
  return fromUtf8(message.body);
}

/** A session description as a message body. */
export function sdpBody(sdp: string): { type: string; bytes: Uint8Array } {
  return { type: "application/sdp", bytes: utf8(sdp) };
}
