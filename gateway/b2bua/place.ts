/**
 * Where we are for a connection: the interfaces it names (CON-20, CON-21), and whether a NAT lies in
 * between (NAT-01). Audio is received there, and SDP says so.
 */
import type { Connection } from "../../schema/config.ts";
import type { Settings } from "../../schema/settings.ts";
import { parseCidr } from "../address.ts";
import type { LegId, LegKind } from "../media/protocol.ts";
import {
  hostTowards,
  type NamedInterface,
  type Nat,
  type OwnPlace,
  placeOf,
} from "../own-place.ts";
import type { Flow } from "../sip/flow.ts";
import type { MediaOrder } from "./order.ts";

/** What the settings say of what a connection names; another one is another way to its PBX. */
export interface ConnectionPlace {
  readonly signalling?: NamedInterface;
  /** Absent: the command line's address. */
  readonly media?: NamedInterface;
  /** CIDR blocks, where they count. */
  readonly localNetworks?: readonly string[];
}

/** Of one leg. */
export interface LegPlace {
  /** Absent: the command line's address, and the one that SIP tells. */
  readonly bound?: OwnPlace;
  readonly nat: Nat;
}

export function connectionPlace(connection: Connection, settings: Settings = {}): ConnectionPlace {
  const { interfaces = [], localNetworks = [] } = settings;
  const named = (name: string | undefined) => interfaces.find((it) => it.name === name);
  const signalling = named(connection.interface);
  const media = named(connection.mediaInterface ?? connection.interface);
  return {
    ...(signalling ? { signalling } : {}),
    ...(media ? { media, localNetworks } : {}),
  };
}

/** `flow`: the one its PBX came by, where it came by itself. */
export function legPlace(
  { nat = "auto" }: Connection,
  { media, localNetworks = [] }: ConnectionPlace,
  flow?: Flow,
): LegPlace {
  const inside = flow?.interfaceAddress;
  const there = inside && { inside, outside: flow?.local.address ?? inside, localNetworks: [] };
  const blocks = localNetworks.flatMap((block) => parseCidr(block)?.cidr ?? []);
  const bound = media ? placeOf(media, blocks) : there;
  return { nat, ...(bound ? { bound } : {}) };
}

/** What opens a leg's media, for the first time or in another worker. */
export function openingOf(leg: {
  readonly id: LegId;
  readonly kind: LegKind;
  readonly options: { readonly place?: LegPlace };
}): MediaOrder {
  const { bound, nat } = leg.options.place ?? {};
  return {
    ...{ type: "open", leg: leg.id, kind: leg.kind },
    ...(bound ? { bindAddress: bound.inside } : {}),
    ...(nat === "no" ? { isFixed: true } : {}),
  };
}

/** What the SDP for the peer of that flow says. */
export function toldAddress(place: LegPlace | undefined, { remote, local }: Flow): string {
  return place?.bound ? hostTowards(remote.address, place.bound, place.nat) : local.address;
}

/** The flow as a connection's PBX sees it. */
export function seenBy({ nat = "auto" }: Connection, flow: Flow): Flow {
  return nat === "auto" ? flow : (flow.beyond?.(nat) ?? flow);
}
