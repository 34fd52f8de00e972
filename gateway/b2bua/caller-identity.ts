/**
 * Who calls, as headers: P-Asserted-Identity (RFC 3325), Remote-Party-ID, Privacy (RFC 3323),
 * Diversion (RFC 5806) and History-Info (RFC 7044), by the connection's policy. What a peer claims
 * counts only where its connection is trusted to assert it; else its From is all there is.
 */
import type { Connection } from "../../schema/config.ts";
import { from } from "../sip/accessors.ts";
import type { SipRequest } from "../sip/message.ts";
import { parseNameAddr, printNameAddr } from "../sip/name-addr.ts";
import { parseUri, printUri } from "../sip/uri.ts";

export interface CallerIdentity {
  /** Decoded: a number, a user's name, or `anonymous`. */
  readonly number: string;
  readonly displayName?: string;
  /** The caller asked to be kept private (RFC 3323 §4.2). */
  readonly isPrivate: boolean;
}

export interface Diverted {
  /** Who was called. */
  readonly by: string;
  /** A word of RFC 5806 §4: `user-busy`, `no-answer`, `unconditional`, `deflection`. */
  readonly reason: string;
}

const ANONYMOUS = "anonymous";

/** The caller of an INVITE; `trusts`: whether the peer may assert an identity. */
export function callerOf(invite: SipRequest, trusts: boolean): CallerIdentity {
  const privacy = (invite.headers.get("Privacy") ?? "").toLowerCase().split(/[;,\s]+/);
  const isPrivate = privacy.some((it) => it === "id" || it === "user" || it === "header");
  const asserted = trusts ? assertedIn(invite) : undefined;
  const { uri, displayName } = asserted ?? from(invite);
  const number = numberOf(uri) ?? ANONYMOUS;
  const name = displayName === undefined || displayName === "" ? {} : { displayName };
  return { number, ...name, isPrivate };
}

/** What the callee may see of the caller. */
export function presented(caller: CallerIdentity): CallerIdentity {
  if (!caller.isPrivate) return caller;
  return { number: ANONYMOUS, displayName: "Anonymous", isPrivate: true };
}

/** The headers of an INVITE over a connection; `own` is our address of record there. */
export function identityHeaders(
  connection: Connection,
  own: string,
  caller: CallerIdentity,
  diverted: Diverted | undefined,
): [string, string][] {
  const { sendIdentity = "pai" } = connection;
  const headers: [string, string][] = [];
  const params = new Map<string, string | undefined>();
  const { displayName } = caller;
  const name = displayName === undefined ? { uri: own, params } : { displayName, uri: own, params };
  if (sendIdentity === "pai" || sendIdentity === "both") {
    headers.push(["P-Asserted-Identity", printNameAddr(name)]);
  }
  if (sendIdentity === "rpid" || sendIdentity === "both") {
    const privacy = caller.isPrivate ? "full" : "off";
    const party = new Map([
      ["party", "calling"],
      ["privacy", privacy],
      ["screen", "yes"],
    ]);
    headers.push(["Remote-Party-ID", printNameAddr({ ...name, params: party })]);
  }
  if (caller.isPrivate) headers.push(["Privacy", "id"]);
  if (diverted) headers.push(...diversionHeaders(connection, diverted));
  return headers;
}

function diversionHeaders({ host }: Connection, { by, reason }: Diverted): [string, string][] {
  const uri = printUri({ scheme: "sip", user: by, host, params: new Map() });
  return [
    ["Diversion", `<${uri}>;reason=${reason};counter=1`],
    ["History-Info", `<${uri}>;index=1`],
  ];
}

function assertedIn(invite: SipRequest) {
  for (const name of ["P-Asserted-Identity", "Remote-Party-ID"]) {
    for (const value of invite.headers.list(name)) {
      const parsed = parseNameAddr(value);
      if (parsed && numberOf(parsed.uri) !== undefined) return parsed;
    }
  }
  return undefined;
}

/** The user part of a SIP address, or the number of a `tel:` one. */
function numberOf(uri: string): string | undefined {
  const number = /^tel:([^;]+)/i.exec(uri)?.[1] ?? parseUri(uri)?.user;
  return number === undefined || number === "" ? undefined : number;
}
