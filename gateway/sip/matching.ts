/**
 * Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3, as keys of a map.
 */
import { callId, cseq, from, to, topVia } from "./accessors.ts";
import type { Flow } from "./flow.ts";
import { printHostPort } from "./grammar.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import { tagOf } from "./name-addr.ts";

/** A branch that begins so, and goes on, is unique in space and time (§8.1.1.7). */
const MAGIC_COOKIE = "z9hG4bK";

/** §17.1.3: the branch of the top Via and the method of CSeq. */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}

/** The key under which a response finds our request; undefined without a branch. */
export function clientKeyOf(response: SipResponse): string | undefined {
  const branch = topVia(response).params.get("branch");
  return branch === undefined ? undefined : clientKey(branch, cseq(response).method);
}

/**
 * §17.2.3: branch, sent-by and method; ACK and CANCEL look for the INVITE they belong to. The
 * sender's address is part of it, so that nobody else can answer for a transaction (S7).
 */
export function serverKey(flow: Flow, request: SipRequest, method: string): string {
  const via = topVia(request);
  const branch = via.params.get("branch");
  const source = `${flow.remote.address} ${printHostPort(via)} ${method}`;
  if (branch?.startsWith(MAGIC_COOKIE) && branch.length > MAGIC_COOKIE.length) {
    return `${branch} ${source}`;
  }
  return `2543 ${callId(request)} ${cseq(request).number} ${tagOf(from(request)) ?? ""} ${request.uri} ${branch ?? ""} ${source}`;
}

/** What the ACK of a 2xx shares with the INVITE it acknowledges (§13.2.2.4). */
export function acknowledgementKey(ack: SipRequest): string {
  const localTag = tagOf(to(ack)) ?? "";
  return `${callId(ack)} ${localTag} ${tagOf(from(ack)) ?? ""} ${cseq(ack).number}`;
}

/** §8.2.2.2: a request that reached us on two ways has this in common with its twin. */
export function mergeKey(request: SipRequest): string | undefined {
  if (tagOf(to(request)) !== undefined) return undefined;
  const { number, method } = cseq(request);
  return `${callId(request)} ${tagOf(from(request)) ?? ""} ${number} ${method}`;
}
