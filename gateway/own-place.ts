/** Which of our addresses a peer reaches us at: inside a network of ours, or outside (NAT-01, NAT-03). */
import { type Cidr, contains, parseAddress } from "./address.ts";

/** Whether a NAT lies between us and a peer: as its address says, always, or never (NAT-01). */
export const NATS = ["auto", "yes", "no"] as const;
export type Nat = (typeof NATS)[number];

/** A further address of this machine that connections may use by name (CON-20, CON-21). */
export interface NamedInterface {
  readonly name: string;
  /** The IP address of this machine it binds. */
  readonly address: string;
  /** What peers outside are told instead, behind a NAT. */
  readonly externalAddress?: string;
  /** UDP and TCP; TLS at the next one (NAT-08). Absent: it is for audio alone. */
  readonly sipPort?: number;
}

export interface OwnPlace {
  /** The address of this machine it is. */
  readonly inside: string;
  /** What peers beyond a NAT are told. */
  readonly outside: string;
  /** Who is told the one inside. No network is local unless it is listed. */
  readonly localNetworks: readonly Cidr[];
}

/** The address to name towards that peer; `remote` is an IP literal. */
export function hostTowards(remote: string, place: OwnPlace, nat: Nat = "auto"): string {
  const { inside, outside, localNetworks } = place;
  if (nat !== "auto") return nat === "yes" ? outside : inside;
  if (isLoopback(remote)) return inside;
  const address = localNetworks.length > 0 ? parseAddress(remote) : undefined;
  const isLocal = address && localNetworks.some((block) => contains(block, address));
  return isLocal ? inside : outside;
}

export function placeOf(
  { address, externalAddress }: NamedInterface,
  localNetworks: readonly Cidr[],
): OwnPlace {
  return { inside: address, outside: externalAddress ?? address, localNetworks };
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
