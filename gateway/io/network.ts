/** Which of our addresses a peer can reach us at. */
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { GatewayOptions } from "../options.ts";

/** The addresses media is bound to, and what SDP and Via say. */
export interface LocalAddresses {
  media: string;
  advertised: string | undefined;
  /** The host to name towards that peer. */
  hostFor: (remoteAddress: string) => string;
}

/** Loopback peers are told loopback; others the external address, else the media address. */
export function localAddresses(options: GatewayOptions): LocalAddresses {
  const media = options.media ?? firstPublicAddress() ?? "127.0.0.1";
  const outside = options.externalIp ?? media;
  const hostFor = (remote: string) => {
    if (remote.startsWith("127.")) return "127.0.0.1";
    return remote === "::1" ? "::1" : outside;
  };
  return { media, advertised: options.externalIp, hostFor };
}

/** The first address of an interface that is up and no loopback; IPv4 before IPv6. */
function firstPublicAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const usable = all.filter((entry) => !entry.internal && !entry.address.startsWith("fe80:"));
  return (usable.find((entry) => !isIPv6(entry.address)) ?? usable[0])?.address;
}
