/** A SIP message to bytes: RFC 3261 §7. Content-Length is always there, exact and last. */
import { concat, utf8 } from "../bytes.ts";
import type { SipMessage } from "./message.ts";

export function printMessage(message: SipMessage): Uint8Array {
  let head =
    message.kind === "request"
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`;
  head += message.headers.print("content-length");
  head += `Content-Length: ${message.body.length}\r\n\r\n`;
  return message.body.length === 0 ? utf8(head) : concat(utf8(head), message.body);
}
