/**
 * What every request must pass before anyone acts on it: RFC 3261 §8.2.1 to §8.2.3 and §16.3.
 * A refusal carries the standard status and says in words what was wrong.
 */
import { contentType, maxForwards, to, tokens } from "../sip/accessors.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { tagOf } from "../sip/name-addr.ts";
import { schemeOf } from "../sip/uri.ts";
import { ALLOW } from "./leg.ts";
import { refusal } from "./reason.ts";

export const MAX_FORWARDS_DEFAULT = 70;

/** Checks a request outside any dialog; undefined when there is nothing to refuse. */
export function screen(request: SipRequest, methods: readonly string[]): SipResponse | undefined {
  if (tagOf(to(request)) !== undefined) {
    return refusal(request, 481, "there is no such dialog");
  }
  if (!methods.includes(request.method)) {
    return refusal(request, 405, `${request.method} is not handled here`, [["Allow", ALLOW]]);
  }
  const scheme = schemeOf(request.uri);
  if (scheme !== "sip" && scheme !== "sips") {
    return refusal(request, 416, `the scheme ${scheme ?? "of the address"} is not sip or sips`);
  }
  const required = tokens(request, "Require");
  if (required.length > 0) {
    const unsupported = required.join(", ");
    return refusal(request, 420, `not supported: ${unsupported}`, [["Unsupported", unsupported]]);
  }
  if ((maxForwards(request) ?? MAX_FORWARDS_DEFAULT) === 0 && request.method === "INVITE") {
    return refusal(request, 483, "the request has passed too many hops");
  }
  const type = contentType(request);
  if (request.method === "INVITE" && request.body.length > 0 && type !== "application/sdp") {
    const headers: [string, string][] = [["Accept", "application/sdp"]];
    return refusal(request, 415, `a body of type ${type ?? "unknown"} can't be read`, headers);
  }
  return undefined;
}
