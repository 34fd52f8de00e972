/**
 * Transfers in header form: `Refer-To` (RFC 3515), `Replaces` (RFC 3891), `Referred-By` (RFC 3892),
 * and the message/sipfrag bodies that report on them (RFC 3420). Values in, values out.
 */
import { utf8 } from "../bytes.ts";
import type { SipMessage, SipRequest } from "./message.ts";
import { type NameAddr, parseNameAddr } from "./name-addr.ts";
import { parseUri } from "./uri.ts";

/** The dialog an INVITE is to take the place of, as the receiver of that INVITE names it. */
export interface Replaces {
  readonly callId: string;
  /** The tag of whoever receives the INVITE. */
  readonly toTag: string;
  readonly fromTag: string;
  readonly earlyOnly: boolean;
}

export interface Refer {
  readonly target: NameAddr;
  readonly replaces?: Replaces;
  /** False where the referrer wants no reports (`Refer-Sub: false`, RFC 4488). */
  readonly reports: boolean;
}

export type ReferResult =
  | { readonly ok: true; readonly refer: Refer }
  | { readonly ok: false; readonly reason: string };

/** Reads a REFER: one target, by INVITE. */
export function readRefer(request: SipRequest): ReferResult {
  const written = request.headers.all("Refer-To");
  const target = written.length === 1 ? parseNameAddr(written[0] ?? "") : undefined;
  const uri = target && parseUri(target.uri);
  if (!target || !uri) return { ok: false, reason: "a REFER has one Refer-To with a SIP address" };
  const method = uri.params.get("method");
  if (method !== undefined && method.toUpperCase() !== "INVITE") {
    return { ok: false, reason: `a referral to ${method} can't be carried out; INVITE can` };
  }
  const reports = request.headers.get("Refer-Sub")?.trim().toLowerCase() !== "false";
  const header = replacesHeaderOf(uri.headers);
  if (header === undefined) return { ok: true, refer: { target, reports } };
  const replaces = parseReplaces(header);
  if (!replaces) return { ok: false, reason: "the Replaces of the Refer-To is malformed" };
  return { ok: true, refer: { target, replaces, reports } };
}

/** RFC 3891 §6.1; undefined when a tag is missing. */
export function parseReplaces(text: string): Replaces | undefined {
  const [callId = "", ...params] = text.split(";").map((part) => part.trim());
  const parameter = (name: string) =>
    params.find((it) => it.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
  const toTag = parameter("to-tag");
  const fromTag = parameter("from-tag");
  if (callId === "" || toTag === undefined || fromTag === undefined) return undefined;
  const earlyOnly = params.some((it) => it.toLowerCase() === "early-only");
  return { callId, toTag, fromTag, earlyOnly };
}

/** The `Replaces` of an INVITE; "malformed" where it can't be read (400). */
export function replacesOf(message: SipMessage): Replaces | "malformed" | undefined {
  const written = message.headers.all("Replaces");
  if (written.length === 0) return undefined;
  const parsed = written.length === 1 ? parseReplaces(written[0] ?? "") : undefined;
  return parsed ?? "malformed";
}

/** A report on a referral: `SIP/2.0 200 OK` (RFC 3515 §2.4.5). */
export function sipfrag(status: number, reason: string): { type: string; bytes: Uint8Array } {
  const line = `SIP/2.0 ${status} ${reason.replace(/[\r\n]/g, " ")}\r\n`;
  return { type: "message/sipfrag;version=2.0", bytes: utf8(line) };
}

/** The part of a URI after `?` is header fields, escaped (RFC 3261 §19.1.1). */
function replacesHeaderOf(headers: string | undefined): string | undefined {
  for (const field of (headers ?? "").split("&")) {
    const equals = field.indexOf("=");
    if (equals < 0 || field.slice(0, equals).toLowerCase() !== "replaces") continue;
    try {
      return decodeURIComponent(field.slice(equals + 1));
    } catch {
      return "";
    }
  }
  return undefined;
}
