/**
 * From a routing decision to candidates: who is invited, under which names and addresses (RTE-11,
 * CON-17). The only place where identities of one side become those of the other.
 */
import type { Connection, User } from "../../schema/config.ts";
import type { CodecName } from "../media/protocol.ts";
import type { NameAddr } from "../sip/name-addr.ts";
import { printUri } from "../sip/uri.ts";
import { identityHeaders, presented } from "./caller-identity.ts";
import type { Candidate, Journey } from "./destination.ts";
import {
  boundUri,
  credentialsOf,
  localUri,
  numberUri,
  registeredAs,
  routesOf,
} from "./identity.ts";
import { pbxProfile, softphoneProfile } from "./interop.ts";
import type { LegOptions } from "./leg-contract.ts";
import { legPlace } from "./place.ts";
import type { Binding } from "./registrar.ts";
import type { Trunk } from "./trunk.ts";

/** The softphone side, best first: Opus where the browser has it, else what needs no Opus. */
export const WEBRTC_CODECS: readonly CodecName[] = ["opus", "G722", "PCMA", "PCMU"];

/**
 * A number at a connection, at each place its PBX is to be called. `user`: on whose behalf it is
 * called, where it is a user's.
 */
export function trunkCandidates(
  trunk: Trunk,
  number: string,
  user: User | undefined,
  journey: Journey,
): Candidate[] {
  if (trunk.connection.type !== "inbound-registration") {
    const callee = numberUri(trunk.connection, number);
    return [trunkCandidate(trunk, trunk.connection, callee, user, journey)];
  }
  return trunk.bindingsForCall().map((binding) => {
    const at = registeredAs(trunk.connection, binding);
    const { flow } = binding;
    const candidate = trunkCandidate(trunk, at, boundUri(binding, number), user, journey);
    return { ...candidate, flow, place: legPlace(at, trunk.place, flow) };
  });
}

function trunkCandidate(
  trunk: Trunk,
  connection: Connection,
  callee: string,
  user: User | undefined,
  { caller, maxForwards, diverted }: Journey,
): Candidate {
  const own = localUri(connection, user?.name);
  const credentials = credentialsOf(connection);
  const named = caller.displayName === undefined ? user?.displayName : caller.displayName;
  const shown = caller.isPrivate ? anonymousAddress : nameAddr(own, named);
  return {
    kind: "trunk",
    ...audioOf(connection),
    place: legPlace(connection, trunk.place),
    contactUser: trunk.contactUser,
    profile: pbxProfile(connection.interop),
    mayRefer: connection.allowTransfer === true,
    connection: connection.id,
    ...(user ? { spender: user.id } : {}),
    invitation: {
      uri: callee,
      from: shown,
      to: nameAddr(callee),
      routes: routesOf(connection),
      maxForwards: maxForwards - 1,
      headers: identityHeaders(connection, own, caller, diverted),
      ...(credentials ? { credentials } : {}),
    },
  };
}

/** A device of a user, who has that music on hold. */
export function deviceCandidate(
  device: Binding,
  { caller, maxForwards }: Journey,
  holdMusic: string | undefined,
): Candidate {
  const seen = presented(caller);
  const number = encoded(seen.number);
  return {
    kind: "webrtc",
    codecs: WEBRTC_CODECS,
    contactUser: number,
    profile: softphoneProfile(device.userAgent),
    mayRefer: true,
    ...(holdMusic ? { holdMusic } : {}),
    flow: device.flow,
    user: device.owner,
    invitation: {
      uri: device.contact.uri,
      from: nameAddr(`sip:${number}@${device.flow.sentBy}`, seen.displayName),
      to: nameAddr(device.contact.uri),
      routes: [],
      maxForwards: maxForwards - 1,
      headers: [],
    },
  };
}

/** How a connection's audio is coded and protected, and digits in it. Without transcoding its codecs don't matter. */
export function audioOf(
  connection: Connection,
): Pick<
  LegOptions,
  "codecs" | "encryption" | "transcodes" | "relays" | "dtmfMode" | "holdMusic" | "announcements"
> {
  const { codecs, mediaEncryption, encryptionOptional, transcoding, dtmfMode } = connection;
  const { announcements, holdMusic } = connection;
  const transcodes = transcoding !== false;
  return {
    codecs: transcodes ? codecs : WEBRTC_CODECS,
    encryption: { encryption: mediaEncryption ?? "none", optional: encryptionOptional === true },
    transcodes,
    relays: !transcodes && mediaEncryption === "dtls",
    dtmfMode: dtmfMode ?? "rfc2833",
    ...(announcements ? { announcements } : {}),
    ...(holdMusic ? { holdMusic } : {}),
  };
}

/** RFC 3323 §4.1.1.3. */
const anonymousAddress: NameAddr = {
  displayName: "Anonymous",
  uri: "sip:anonymous@anonymous.invalid",
  params: new Map(),
};

/** A number as the user part of a URI of ours, percent-encoded. */
export function encoded(number: string): string {
  const printed = printUri({ scheme: "sip", user: number, host: "h", params: new Map() });
  return printed.slice("sip:".length, -"@h".length);
}

function nameAddr(uri: string, displayName?: string): NameAddr {
  const params = new Map<string, string | undefined>();
  return displayName ? { displayName, uri, params } : { uri, params };
}
