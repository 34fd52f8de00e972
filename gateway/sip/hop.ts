/**
 * The hop between us and a peer: the Via we put on requests, the marks we leave on theirs (RFC 3261
 * §18.2.1, RFC 3581), and the ACK and CANCEL that repeat a request's Via (§17.1.1.3, §9.1).
 *
 * Departure: a response always goes back to the flow its request came from, `rport` or not. Behind
 * a NAT nothing else arrives, and without one it makes no difference.
 */
import { EMPTY } from "../bytes.ts";
import { hmacSha256 } from "../crypto.ts";
import type { Random } from "../random.ts";
import { cseq, readTo, topVia, vias } from "./accessors.ts";
import { tagTo } from "./build.ts";
import type { Flow } from "./flow.ts";
import { parseHostPort } from "./grammar.ts";
import { Headers, splitList } from "./headers.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import { tagOf } from "./name-addr.ts";
import { printVia } from "./via.ts";

/** The request with our Via on top. */
export function withVia(flow: Flow, request: SipRequest, branch: string): SipRequest {
  const headers = request.headers.clone();
  const transport = flow.transport.toUpperCase();
  headers.prepend("Via", `SIP/2.0/${transport} ${flow.sentBy};branch=${branch};rport`);
  return { ...request, headers };
}

/**
 * §18.2.1 and RFC 3581 §4: where it really came from. Over WebSocket only where the client asked
 * by `rport`: SIP.js drops responses whose Via is not the one it sent.
 */
export function withReceived(flow: Flow, request: SipRequest): SipRequest {
  const via = topVia(request);
  const asksForPort = via.params.has("rport");
  const isSocket = flow.transport === "ws" || flow.transport === "wss";
  const { address, port } = flow.remote;
  if (isSocket ? !asksForPort : !asksForPort && via.host === address) return request;
  const params = new Map(via.params);
  params.set("received", address);
  if (asksForPort) params.set("rport", String(port));
  const headers = request.headers.clone();
  const [first = "", ...lines] = headers.all("Via");
  headers.set("Via", [printVia({ ...via, params }), ...splitList(first).slice(1)].join(", "));
  for (const line of lines) headers.append("Via", line);
  return { ...request, headers };
}

/** True where the response answers a request of ours: one Via, and it names us (§8.1.3.3). */
export function isForUs(flow: Flow, response: SipResponse): boolean {
  const [via, ...others] = vias(response);
  const own = parseHostPort(flow.sentBy);
  return others.length === 0 && via?.host === own?.host && via?.port === own?.port;
}

/** §8.2.6.2: every response but a 100 carries a To tag; one that can't be read stays as it is. */
export function withToTag(response: SipResponse, tag: string): SipResponse {
  const to = response.status === 100 ? undefined : readTo(response.headers);
  if (!to || tagOf(to) !== undefined) return response;
  const headers = response.headers.clone();
  tagTo(headers, tag);
  return { ...response, headers };
}

/**
 * §8.2.7: tags for answers of which nothing is kept. The same request has the same one again, made
 * under a key of its own so that no other gateway's is like it.
 */
export function statelessTags(random: Random): (response: SipResponse) => SipResponse {
  const sign = hmacSha256(random.bytes(32));
  return (response) => {
    const asked = ["Via", "Call-ID", "CSeq"].map((it) => response.headers.get(it)).join("\n");
    return withToTag(response, sign(asked).subarray(0, 6).toHex());
  };
}

/** The ACK of a final response that is no 2xx (§17.1.1.3). */
export function acknowledgementOf(request: SipRequest, response: SipResponse): SipRequest {
  const to = response.headers.get("To") ?? request.headers.get("To") ?? "";
  return sameHop(request, "ACK", to, []);
}

/** The CANCEL of a request (§9.1). */
export function cancellationOf(request: SipRequest, reason: string | undefined): SipRequest {
  const to = request.headers.get("To") ?? "";
  return sameHop(request, "CANCEL", to, reason === undefined ? [] : [["Reason", reason]]);
}

function sameHop(
  request: SipRequest,
  method: string,
  to: string,
  more: [string, string][],
): SipRequest {
  const of = (name: string) => request.headers.all(name).map((it): [string, string] => [name, it]);
  const headers = Headers.of([
    ...of("Via").slice(0, 1),
    ["Max-Forwards", "70"],
    ...of("Route"),
    ...of("From"),
    ["To", to],
    ...of("Call-ID"),
    ["CSeq", `${cseq(request).number} ${method}`],
    ...more,
  ]);
  return { kind: "request", method, uri: request.uri, headers, body: EMPTY };
}
