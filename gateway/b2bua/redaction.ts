/**
 * A SIP message as it may be shown: what proves an identity, opens audio or was said in private is
 * masked (W11). A nonce stays: without the response it proves nothing, and it tells one challenge
 * from the next. Lines keep their number and place, so that a message can still be read.
 */
import { utf8 } from "../bytes.ts";

const MASK = "(masked)";

/**
 * Credentials inside `Authorization` and the like: of Digest the response, the client's or the
 * server's (RFC 7616 §3.5), else all of it. Any space may be a folded line (RFC 3261 §7.3.1).
 */
const RESPONSE = /\b(response|rspauth)\s*=\s*(?:"(?:[^"\\\r\n]|\\.|\r?\n[ \t])*"?|[^,;\s]+)/gi;
const SCHEME =
  /^((?:proxy-)?authorization[ \t]*:(?:(?:\r?\n)?[ \t])*)(?!digest\b)(\S+)(?:\r?\n)?[ \t][^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim;
/** `sip:user:password@host` (RFC 3261 §19.1.1). */
const URI_PASSWORD = /\b(sips?:[^\s:@<>"]{1,256}:)[^\s@<>"]{1,256}@/gi;
/** A header inside a URI: a Refer-To may carry anything. */
const URI_HEADER = /([?&](?:proxy-)?authorization=)[^&>\s"]*/gi;
/** SDES keys (RFC 4568), MIKEY (RFC 4567), keys of old (RFC 4566 §5.12), ICE passwords. */
const SDES = /(\binline:)[A-Za-z0-9+/=_-]+/gi;
const KEY_LINE = /^(k=)[^\r\n]+/gm;
const KEY_MANAGEMENT = /^(a=key-mgmt:)[^\r\n]+/gim;
const ICE_PASSWORD = /^(a=ice-pwd:)[^\r\n]+/gim;
/** A digit is perhaps one of a PIN (RFC 2833's relatives in INFO). */
const DIGIT = /^([ \t]*(?:signal|d)[ \t]*=[ \t]*)[^\r\n]+/gim;

const CONTENT_LENGTH = /^((?:content-length|l)[ \t]*:[ \t]*)\d+/im;
/** Types of bodies that are kept. */
const SHOWN =
  /^(?:application\/sdp|message\/sipfrag|application\/(?:dialog-info|reginfo|pidf)\+xml)/i;
const DIGITS = /^application\/(?:dtmf-relay|dtmf|vnd\.nortelnetworks\.digits)/i;

/** The message as text without its secrets. Never throws. */
export function redacted(text: string): string {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return redactedHead(text);
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  const shown = body === "" ? "" : redactedBody(head, body);
  // Whoever reads it, a program perhaps, finds a message that is whole.
  const length = `$1${utf8(shown).length}`;
  const fitting = shown === body ? head : head.replace(CONTENT_LENGTH, length);
  return `${redactedHead(fitting)}\r\n\r\n${shown}`;
}

function redactedHead(head: string): string {
  return head
    .replace(SCHEME, `$1$2 ${MASK}`)
    .replace(RESPONSE, `$1="${MASK}"`)
    .replace(URI_PASSWORD, `$1${MASK}@`)
    .replace(URI_HEADER, `$1${MASK}`)
    .replace(SDES, `$1${MASK}`);
}

/** What people write to each other is nobody else's business (RFC 3428). */
function redactedBody(head: string, body: string): string {
  const type = /^(?:content-type|c)[ \t]*:[ \t]*([^\r\n]*)/im.exec(head)?.[1] ?? "";
  if (!/^MESSAGE /.test(head)) {
    if (SHOWN.test(type)) {
      return body
        .replace(SDES, `$1${MASK}`)
        .replace(KEY_LINE, `$1${MASK}`)
        .replace(KEY_MANAGEMENT, `$1${MASK}`)
        .replace(ICE_PASSWORD, `$1${MASK}`);
    }
    if (DIGITS.test(type)) {
      const masked = body.replace(DIGIT, `$1${MASK}`);
      return masked === body ? MASK : masked;
    }
  }
  return `(a body of ${body.length} characters is not kept)`;
}
