/** Messages of our own: requests (RFC 3261 §8.1.1) and responses (§8.2.6). */
import { EMPTY } from "../bytes.ts";
import { readTo } from "./accessors.ts";
import { isToken } from "./grammar.ts";
import { Headers } from "./headers.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import { type NameAddr, printNameAddr, tagOf } from "./name-addr.ts";

export interface Body {
  /** The media type, for Content-Type. */
  type: string;
  bytes: Uint8Array;
}

export interface RequestParts {
  method: string;
  uri: string;
  from: NameAddr;
  to: NameAddr;
  callId: string;
  cseq: number;
  /** The header's value, brackets included. */
  contact?: string;
  /** 0 to 255; 70 unless given (§8.1.1.6). */
  maxForwards?: number;
  routes?: readonly string[];
  headers?: readonly (readonly [string, string])[];
  body?: Body;
}

/** A request without Via: the stack adds it when it sends. Throws for what would break a line. */
export function createRequest(parts: RequestParts): SipRequest {
  const { method, uri } = parts;
  if (!isToken(method)) throw new Error(`"${method}" is no method`);
  if (/[\s<>]/.test(uri)) throw new Error("a Request-URI has no spaces and no brackets");
  const headers = new Headers();
  headers.append("Max-Forwards", String(parts.maxForwards ?? 70));
  for (const route of parts.routes ?? []) headers.append("Route", route);
  headers.append("From", printNameAddr(parts.from));
  headers.append("To", printNameAddr(parts.to));
  headers.append("Call-ID", parts.callId);
  headers.append("CSeq", `${parts.cseq} ${method}`);
  if (parts.contact !== undefined) headers.append("Contact", parts.contact);
  for (const [name, value] of parts.headers ?? []) headers.append(name, value);
  if (parts.body) headers.append("Content-Type", parts.body.type);
  return { kind: "request", method, uri, headers, body: parts.body?.bytes ?? EMPTY };
}

export interface ResponseParts {
  reason?: string;
  /** Added to To unless it has a tag; not to a 100 (§8.2.6.2). */
  toTag?: string;
  contact?: string;
  headers?: readonly (readonly [string, string])[];
  body?: Body;
}

/** RFC 3261 §12.1, RFC 3515 §2.4.4, RFC 6665 §4.1 and §4.4.1. */
const MAKES_DIALOG = new Set(["INVITE", "REFER", "SUBSCRIBE", "NOTIFY"]);
const COPIED = ["From", "Call-ID", "CSeq"] as const;

/**
 * A response that copies what §8.2.6.2 says; also of a request that could only be read in part.
 * Throws for headers and a reason that would break their lines.
 */
export function createResponse(
  request: SipRequest,
  status: number,
  parts: ResponseParts = {},
): SipResponse {
  const reason = parts.reason ?? reasonPhrase(status);
  if (/[\r\n]/.test(reason)) throw new Error("a reason phrase stays in its line");
  const headers = new Headers();
  headers.appendFrom(request.headers, "Via", "all");
  // §12.1.1: a response that makes a dialog carries the route set back.
  if (status > 100 && status < 300 && MAKES_DIALOG.has(request.method)) {
    headers.appendFrom(request.headers, "Record-Route", "all");
  }
  for (const name of COPIED) headers.appendFrom(request.headers, name, "first");
  headers.appendFrom(request.headers, "To", "first");
  if (parts.toTag !== undefined && status !== 100) tagTo(headers, parts.toTag);
  const timestamp = status === 100 ? request.headers.get("Timestamp") : undefined;
  if (timestamp !== undefined) headers.append("Timestamp", timestamp);
  if (parts.contact !== undefined) headers.append("Contact", parts.contact);
  for (const [name, value] of parts.headers ?? []) headers.append(name, value);
  if (parts.body) headers.append("Content-Type", parts.body.type);
  return { kind: "response", status, reason, headers, body: parts.body?.bytes ?? EMPTY };
}

/** Gives To its tag (§8.2.6.2) unless it has one; a To that can't be read stays as it is. */
export function tagTo(headers: Headers, tag: string): void {
  const to = readTo(headers);
  // An addr-spec without brackets takes header parameters as it stands (§20.10).
  if (to && tagOf(to) === undefined) headers.set("To", `${headers.get("To")};tag=${tag}`);
}

const PHRASES: Readonly<Record<number, string>> = {
  100: "Trying",
  180: "Ringing",
  181: "Call Is Being Forwarded",
  182: "Queued",
  183: "Session Progress",
  200: "OK",
  202: "Accepted",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Moved Temporarily",
  305: "Use Proxy",
  380: "Alternative Service",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  410: "Gone",
  413: "Request Entity Too Large",
  414: "Request-URI Too Long",
  415: "Unsupported Media Type",
  416: "Unsupported URI Scheme",
  420: "Bad Extension",
  421: "Extension Required",
  422: "Session Interval Too Small",
  423: "Interval Too Brief",
  480: "Temporarily Unavailable",
  481: "Call/Transaction Does Not Exist",
  482: "Loop Detected",
  483: "Too Many Hops",
  484: "Address Incomplete",
  485: "Ambiguous",
  486: "Busy Here",
  487: "Request Terminated",
  488: "Not Acceptable Here",
  489: "Bad Event",
  491: "Request Pending",
  493: "Undecipherable",
  500: "Server Internal Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Server Time-out",
  505: "Version Not Supported",
  513: "Message Too Large",
  600: "Busy Everywhere",
  603: "Decline",
  604: "Does Not Exist Anywhere",
  606: "Not Acceptable",
};

/** RFC 3261 §21; for statuses it does not know, the name of their class. */
export function reasonPhrase(status: number): string {
  const classes = [
    "",
    "Trying",
    "OK",
    "Redirected",
    "Bad Request",
    "Server Error",
    "Global Failure",
  ];
  return PHRASES[status] ?? classes[Math.floor(status / 100)] ?? "Unknown";
}
