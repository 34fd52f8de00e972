/**
 * From a target to an address: RFC 3263 §4.2. The transport is configured, so NAPTR has nothing to
 * decide (§4.1); a port means A and AAAA alone, no port means SRV first.
 */
import { lookup, resolveSrv } from "node:dns/promises";
import { isIP } from "node:net";
import type { Target } from "../sip/flow.ts";

export interface ResolvedTarget {
  address: string;
  port: number;
}

const DEFAULT_PORT = { udp: 5060, tcp: 5060, tls: 5061 };
const SRV_SERVICE = { udp: "_sip._udp", tcp: "_sip._tcp", tls: "_sips._tcp" };

/** Rejects with a sentence when the name leads nowhere. */
export async function resolveTarget(target: Target): Promise<ResolvedTarget> {
  const { host, port, transport } = target;
  if (isIP(host)) return { address: host, port: port ?? DEFAULT_PORT[transport] };
  if (port !== undefined) return { address: await addressOf(host), port };
  const service = await firstService(`${SRV_SERVICE[transport]}.${host}`);
  if (service) return { address: await addressOf(service.name), port: service.port };
  return { address: await addressOf(host), port: DEFAULT_PORT[transport] };
}

/** The SRV record with the lowest priority, then the greatest weight (RFC 2782). */
async function firstService(name: string): Promise<{ name: string; port: number } | undefined> {
  try {
    const records = await resolveSrv(name);
    return records.sort((a, b) => a.priority - b.priority || b.weight - a.weight)[0];
  } catch {
    // Most names have none, and a resolver that can't be asked is found out by the next look-up.
    return undefined;
  }
}

async function addressOf(name: string): Promise<string> {
  try {
    return (await lookup(name)).address;
  } catch {
    throw new Error(`the name ${name} does not resolve to an address`);
  }
}
