/**
 * What every request must pass before anyone acts on it: RFC 3261 §8.2.1 to §8.2.3 and §16.3.
 * A refusal carries the standard status and says in words what was wrong.
 */
import { contentType, maxForwards, to, tokens } from "../sip/accessors.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { tagOf } from "../sip/name-addr.ts";
import { schemeOf } from "../sip/uri.ts";
import { ALLOW, SUPPORTED } from "./leg-contract.ts";
import { refusal } from "./reason.ts";

export const MAX_FORWARDS_DEFAULT = 70;

/** RFC 3261 §20.1: an INVITE without Accept takes application/sdp, one with an empty one nothing. */
function acceptsSdp(request: SipRequest): boolean {
  if (!request.headers.has("Accept")) return true;
  return tokens(request, "Accept").some((it) =>
    /^(?:application\/(?:sdp|\*)|\*\/\*)\s*(?:;|$)/i.test(it),
  );
}

/** §8.2.2.3: what a 420 says; undefined where all that is required is supported. */
export function unsupportedIn(
  request: SipRequest,
): { reason: string; headers: [string, string][] } | undefined {
  const required = tokens(request, "Require").filter((it) => !SUPPORTED.includes(it));
  if (required.length === 0) return undefined;
  const names = required.join(", ");
  return { reason: `not supported: ${names}`, headers: [["Unsupported", names]] };
}

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
  const unsupported = unsupportedIn(request);
  if (unsupported) return refusal(request, 420, unsupported.reason, unsupported.headers);
  if ((maxForwards(request) ?? MAX_FORWARDS_DEFAULT) === 0 && request.method === "INVITE") {
    return refusal(request, 483, "the request has passed too many hops");
  }
  if (request.method === "INVITE" && !acceptsSdp(request)) {
    return refusal(request, 406, "only application/sdp is spoken here");
  }
  const type = contentType(request);
  if (request.method === "INVITE" && request.body.length > 0 && type !== "application/sdp") {
    const headers: [string, string][] = [["Accept", "application/sdp"]];
    return refusal(request, 415, `a body of type ${type ?? "unknown"} can't be read`, headers);
  }
  return undefined;
}
