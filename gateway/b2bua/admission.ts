/**
 * Who sent a request that belongs to no dialog, and may they (CON-26, AMB-20, SEC-01, RFC 3261
 * §8.2 and §22). Default deny: a request is a softphone's, proved by digest, or a connection's,
 * proved by our Contact token, our own flow or the allow list; anything else is refused.
 */
import type { Connection, User } from "../../schema/config.ts";
import { type Cidr, contains, parseAddress, parseCidr } from "../address.ts";
import type { Millis } from "../machine.ts";
import { from } from "../sip/accessors.ts";
import type { DigestServer } from "../sip/digest-server.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import { parseUri } from "../sip/uri.ts";
import { DRAFT_ID } from "./test-caller.ts";
import type { Trunk } from "./trunk.ts";

export type SoftphoneVerdict =
  | { outcome: "admitted"; user: User }
  /** No usable credentials: answer with a challenge. */
  | { outcome: "challenge"; stale: boolean }
  | { outcome: "refused"; reason: string };

/** Digest authentication of a softphone, of enabled users by name (RFC 3261 §22.2, RFC 7616). */
export function admitSoftphone(
  userNamed: (name: string) => User | undefined,
  digest: DigestServer,
  flow: Flow,
  request: SipRequest,
  now: Millis,
): SoftphoneVerdict {
  const source = flow.remote.address;
  const verdict = digest.verify(request, (name) => userNamed(name)?.ha1, now, source);
  switch (verdict.outcome) {
    case "none":
      return { outcome: "challenge", stale: false };
    case "stale":
      return { outcome: "challenge", stale: true };
    case "wrong":
      return { outcome: "refused", reason: "wrong user name or password" };
    case "ok": {
      const user = userNamed(verdict.username);
      if (!user || !speaksFor(user, request)) {
        return { outcome: "refused", reason: "the From address belongs to another user" };
      }
      return { outcome: "admitted", user };
    }
  }
}

/** A user may only speak as itself: the From address of the request is the user's. */
export function speaksFor(user: User, request: SipRequest): boolean {
  return parseUri(from(request).uri)?.user === user.name;
}

/** `by`: how it is known, a sentence. */
export type TrunkVerdict = { trunk: Trunk; by: string } | { trunk: undefined; reason: string };

/**
 * AMB-20: the token of our Contact, then our own flow, then the longest allow-list entry. PBXs that
 * register with us are known by their password alone; see `pbx-registrar`. One that is tried unsaved
 * takes no calls, and none from a saved one's PBX that it shares an address with.
 */
export function identifyTrunk(
  trunks: Iterable<Trunk>,
  flow: Flow,
  request: SipRequest,
): TrunkVerdict {
  const candidates = [...trunks].filter(
    ({ connection: { id, type } }) => type !== "inbound-registration" && id !== DRAFT_ID,
  );
  const target = parseUri(request.uri)?.user;
  const byToken = candidates.find(
    (trunk) => trunk.registrationToken === target && target !== undefined,
  );
  if (byToken) return { trunk: byToken, by: "it calls the address we registered" };
  const byFlow = candidates.filter((trunk) => trunk.owns(flow.id));
  if (byFlow[0]) return { trunk: byFlow[0], by: "it calls over our own connection to it" };
  return byAddress(candidates, flow);
}

function byAddress(trunks: readonly Trunk[], flow: Flow): TrunkVerdict {
  let best: { trunk: Trunk; length: number }[] = [];
  const address = parseAddress(flow.remote.address);
  for (const trunk of trunks) {
    const length = trunk.isFrom(flow.remote.address)
      ? SINGLE_ADDRESS
      : allowedBy(trunk.connection, address);
    if (length < 0) continue;
    const longest = best[0]?.length ?? -1;
    if (length > longest) best = [{ trunk, length }];
    else if (length === longest) best.push({ trunk, length });
  }
  const [first, second] = best;
  if (!first) return { trunk: undefined, reason: "the address is on no connection's allow list" };
  if (second) {
    const names = best.map(({ trunk }) => trunk.connection.name).join(", ");
    return { trunk: undefined, reason: `the address is on several allow lists: ${names}` };
  }
  return { trunk: first.trunk, by: `${flow.remote.address} is on its allow list` };
}

/** True where the connection's own list has the address. */
export function allows(connection: Connection, flow: Flow): boolean {
  return allowedBy(connection, parseAddress(flow.remote.address)) >= 0;
}

/** True where an address alone makes a connection of it. */
export function isListed(trunks: Iterable<Trunk>, flow: Flow): boolean {
  const address = parseAddress(flow.remote.address);
  for (const trunk of trunks) {
    const { connection } = trunk;
    if (connection.type === "inbound-registration") continue;
    if (trunk.isFrom(flow.remote.address) || allowedBy(connection, address) >= 0) return true;
  }
  return false;
}

/** The prefix length of the narrowest block that holds the address; -1 when none does. */
function allowedBy(connection: Connection, address: ReturnType<typeof parseAddress>): number {
  if (!address) return -1;
  let longest = -1;
  for (const block of blocksOf(connection)) {
    if (contains(block, address)) longest = Math.max(longest, block.length);
  }
  return longest;
}

/** As narrow as an entry can be. */
const SINGLE_ADDRESS = 128;
const blocks = new WeakMap<Connection, Cidr[]>();

function blocksOf(connection: Connection): Cidr[] {
  let parsed = blocks.get(connection);
  if (!parsed) {
    parsed = connection.allow.flatMap((text) => parseCidr(text)?.cidr ?? []);
    blocks.set(connection, parsed);
  }
  return parsed;
}
