/**
 * Whom a PBX's call is for: the users of the number that was called, else of the connection (AMB-20,
 * RTE-17). The number stands in the Request-URI, or in To where the PBX calls our Contact (RFC 3261
 * §10.3 rewrites it).
 */
import type { Connection, UserId } from "../../schema/config.ts";
import { to } from "../sip/accessors.ts";
import type { SipRequest } from "../sip/message.ts";
import { parseUri } from "../sip/uri.ts";
import { normaliseNumber } from "./number.ts";

/** Users to ring, in no order; none where nobody answers the number. */
export function calledUsers(
  { inboundNumbers = [], inboundUser }: Connection,
  request: SipRequest,
): readonly UserId[] {
  const called = [request.uri, to(request).uri].map((uri) => comparable(parseUri(uri)?.user));
  const found = inboundNumbers.find(({ number }) => called.includes(comparable(number)));
  if (found) return found.users;
  return inboundUser === undefined ? [] : [inboundUser];
}

/** `+49…` and `0049…` are one number; what is no number has no other spelling. */
function comparable(text: string | undefined): string | undefined {
  const number = normaliseNumber(text ?? "");
  return number.ok ? number.number.replace(/^(?:\+|00)(?=\d)/, "") : undefined;
}
