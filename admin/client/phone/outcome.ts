/** Why a call ended, in words: the gateway's own (RFC 3326), else what JsSIP's cause means. */
import type { EndEvent } from "jssip/lib/RTCSession";

const CAUSES: Readonly<Record<string, string>> = {
  Terminated: "Ended",
  Canceled: "Cancelled",
  Busy: "Busy",
  Rejected: "Declined",
  Redirected: "The number has moved",
  Unavailable: "Nobody can take the call there",
  "Not Found": "There is no such number",
  "Address Incomplete": "The number is too short",
  "Incompatible SDP": "The two sides have no codec in common",
  "Authentication Error": "The gateway does not know this name and password",
  "Connection Error": "The connection to the gateway broke",
  "Request Timeout": "The gateway did not answer",
  "No Answer": "Nobody answered",
  Expires: "Nobody answered",
  "User Denied Media Access": "The browser may not use the microphone: allow it for this page",
  "WebRTC Error": "The browser could not set up the audio",
  "RTP Timeout": "No audio came any more",
};

export function outcomeOf({ cause, message, originator }: EndEvent): string {
  if (originator !== "remote") return CAUSES[cause] ?? cause;
  const reasons = message?.getHeaders?.("Reason") ?? [];
  const text = reasons.map((reason) => /;\s*text="((?:[^"\\]|\\.)*)"/.exec(String(reason))?.[1]);
  const told = text.find((it) => it !== undefined && it !== "");
  // A bare status says less than the cause it was made into.
  if (told !== undefined && !/^\d{3} /.test(told)) return told.replaceAll(/\\(.)/g, "$1");
  return CAUSES[cause] ?? cause;
}
