/**
 * Candidates in INFO (RFC 8840), from softphones that told theirs bit by bit. They are acknowledged
 * and that is all: an ICE-lite agent sends no checks, so that it needs no candidate of the peer's
 * (RFC 8445 §2.5), and never sends a datagram where a stranger's SDP points (M9). Ours are all in
 * the description itself, end-of-candidates with them.
 */
import type { LegKind } from "../media/protocol.ts";
import { contentType } from "../sip/accessors.ts";
import type { SipRequest } from "../sip/message.ts";
import { NO_DIGIT } from "./info-digit.ts";

const FRAGMENT = "application/trickle-ice-sdpfrag";

/** True for an INFO with nothing but candidates, from who may have some. */
export function isTrickle(kind: LegKind, request: SipRequest): boolean {
  return kind === "webrtc" && contentType(request) === FRAGMENT;
}

/** What an INFO may carry, for one that carries something else (RFC 6086 §4.2.2). */
export function infoRefusal(kind: LegKind): typeof NO_DIGIT {
  if (kind !== "webrtc") return NO_DIGIT;
  const { reason, headers } = NO_DIGIT;
  return { reason, headers: headers.map(([name, value]) => [name, `${value}, ${FRAGMENT}`]) };
}

/** Which INFO packages we take (RFC 6086 §4.1, RFC 8840 §4.1). */
export function infoPackages(kind: LegKind): [string, string][] {
  return kind === "webrtc" ? [["Recv-Info", "trickle-ice"]] : [];
}
