/**
 * From a target to addresses, in the order they are to be tried: RFC 3263 §4. A port means A and
 * AAAA alone, no port means SRV first; NAPTR is asked before that where the transport was left to
 * the domain (§4.1). What failed a moment ago is tried last, and the last good answer outlives the
 * name server that gave it.
 */
import { lookup, resolveNaptr, resolveSrv } from "node:dns/promises";
import { isIP } from "node:net";
import { parseAddress } from "../address.ts";
import { mayConnect } from "../outbound-guard.ts";
import type { Target } from "../sip/flow.ts";

export type TrunkTransport = Exclude<Target["transport"], "auto">;

export interface ResolvedTarget {
  address: string;
  port: number;
  transport: TrunkTransport;
}

export interface NaptrRecord {
  order: number;
  preference: number;
  flags: string;
  service: string;
  replacement: string;
}

export interface SrvRecord {
  name: string;
  port: number;
  priority: number;
  weight: number;
}

/** The name service, which a test replaces. All reject when there is no answer. */
export interface Dns {
  naptr(name: string): Promise<NaptrRecord[]>;
  srv(name: string): Promise<SrvRecord[]>;
  addresses(name: string): Promise<string[]>;
}

export const systemDns: Dns = {
  naptr: (name) => resolveNaptr(name),
  srv: (name) => resolveSrv(name),
  addresses: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
};

const DEFAULT_PORT = { udp: 5060, tcp: 5060, tls: 5061 };
const SRV_SERVICE = { udp: "_sip._udp", tcp: "_sip._tcp", tls: "_sips._tcp" };
/** RFC 3263 §4.1: the services of NAPTR records we can speak; WebSockets are for softphones. */
const NAPTR_TRANSPORT = new Map<string, TrunkTransport>([
  ["SIPS+D2T", "tls"],
  ["SIP+D2T", "tcp"],
  ["SIP+D2U", "udp"],
]);
/** Where the domain names no transport: the safest of those it has servers for. */
const PREFERRED: readonly TrunkTransport[] = ["tls", "tcp", "udp"];
/** How long an address that failed is passed over. */
const SHUNNED_MS = 60_000;
/** How long the last good answer serves when no new one can be had (R5). */
const STALE_MS = 3_600_000;
/** Addresses of one name: more is no service but an attack on us. */
const TARGETS_MAX = 16;
/** A call waits for it, and who calls waits too: the system's own patience is half a minute. */
const PATIENCE_MS = 3_000;

export interface ResolverOptions {
  dns: Dns;
  now: () => number;
  /** A number from 0 up to 1. */
  chance: () => number;
  /** How long an answer is waited for; 3 s unless given. */
  patienceMs?: number;
  /** Whether a target on trial may be this very machine. */
  allowsLoopback?: boolean;
}

/** A target on trial leads to where the gateway may not go (W8). */
export class ForbiddenTarget extends Error {}

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #shunned = new Map<string, number>();
  readonly #answers = new Map<string, { at: number; targets: ResolvedTarget[] }>();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** Never empty; rejects with a sentence when the name leads nowhere. */
  async resolve(target: Target): Promise<ResolvedTarget[]> {
    const { host, port } = target;
    // §4.1: an address or a port names a server, and its transport is UDP unless it is told.
    const isServer = isIP(host) > 0 || port !== undefined;
    const transport = isServer && target.transport === "auto" ? "udp" : target.transport;
    if (transport !== "auto" && isIP(host) > 0) {
      return [{ address: host, port: port ?? DEFAULT_PORT[transport], transport }];
    }
    const key = `${transport} ${host} ${port ?? ""}`;
    const now = this.#options.now();
    try {
      const asked = transport === "auto" ? this.#askForAny(host) : this.#ask(host, port, transport);
      const kept = asked.then((found) => {
        const targets = found.slice(0, TARGETS_MAX);
        this.#answers.set(key, { at: this.#options.now(), targets });
        return targets;
      });
      return this.#livingFirst(await this.#inTime(kept), now);
    } catch (error) {
      const before = this.#answers.get(key);
      if (!before || now - before.at > STALE_MS) throw error;
      return this.#livingFirst(before.targets, now);
    }
  }

  /** The servers of a target and of its others, those that answered last first; each with its target. */
  async resolveAll(target: Target): Promise<{ remote: ResolvedTarget; target: Target }[]> {
    const { others = [], ...own } = target;
    const found: { remote: ResolvedTarget; target: Target }[] = [];
    let failure: unknown;
    for (const at of [own, ...others]) {
      const { port: _, ...rest } = own;
      const each: Target = { ...rest, ...at };
      try {
        for (const remote of await this.resolve(each)) found.push({ remote, target: each });
      } catch (error) {
        failure ??= error;
      }
    }
    if (found.length === 0) throw failure;
    // All of them: a name that leads to one forbidden address is no PBX's.
    if (own.isOnTrial && found.some(({ remote }) => !this.#mayTry(remote))) {
      throw new ForbiddenTarget("the host leads to an address that is no PBX's");
    }
    const now = this.#options.now();
    const isShunned = ({ remote }: { remote: ResolvedTarget }) => this.#isShunned(remote, now);
    return [...found.filter((it) => !isShunned(it)), ...found.filter(isShunned)];
  }

  /** The address did not answer: others come first for a while. */
  shun(target: ResolvedTarget): void {
    const now = this.#options.now();
    for (const [key, until] of this.#shunned) if (until <= now) this.#shunned.delete(key);
    this.#shunned.set(nameOf(target), now + SHUNNED_MS);
  }

  /** What comes later than that is kept for the next one who asks. */
  #inTime<Answer>(asked: Promise<Answer>): Promise<Answer> {
    const { patienceMs = PATIENCE_MS } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error("the name service does not answer in time"));
    }, patienceMs);
    return Promise.race([asked, late.promise]).finally(() => clearTimeout(timer));
  }

  #mayTry({ address: text }: ResolvedTarget): boolean {
    const address = parseAddress(text);
    return address !== undefined && mayConnect(address, this.#options.allowsLoopback);
  }

  #livingFirst(targets: ResolvedTarget[], now: number): ResolvedTarget[] {
    const isShunned = (target: ResolvedTarget) => this.#isShunned(target, now);
    return [...targets.filter((it) => !isShunned(it)), ...targets.filter(isShunned)];
  }

  #isShunned(target: ResolvedTarget, now: number): boolean {
    return (this.#shunned.get(nameOf(target)) ?? 0) > now;
  }

  /**
   * §4.1: the transport the domain prefers of ours, by its NAPTR records, and where there are none
   * by the services it has. Only "there is no such record" leads on to the next question: whoever
   * can keep a record from us must not choose the transport by it.
   */
  async #askForAny(host: string): Promise<ResolvedTarget[]> {
    const records = await this.#options.dns.naptr(host).catch(noneIfAbsent);
    const offers = records
      .filter(({ flags, replacement }) => flags.toLowerCase() === "s" && replacement !== "")
      .sort((a, b) => a.order - b.order || a.preference - b.preference);
    for (const { service, replacement } of offers) {
      const transport = NAPTR_TRANSPORT.get(service.toUpperCase());
      if (transport === undefined) continue;
      const services = await this.#services(replacement, noneIfAbsent);
      if (services.length > 0) return this.#servers(host, services, transport);
    }
    for (const transport of PREFERRED) {
      const name = `${SRV_SERVICE[transport]}.${host}`;
      const services = await this.#services(name, noneIfAbsent);
      if (services.length > 0) return this.#servers(host, services, transport);
    }
    return this.#addresses(host, DEFAULT_PORT.udp, "udp");
  }

  async #ask(
    host: string,
    port: number | undefined,
    transport: TrunkTransport,
  ): Promise<ResolvedTarget[]> {
    if (port !== undefined) return this.#addresses(host, port, transport);
    // Most names have none, and a server that can't be asked is found out by the next question.
    const services = await this.#services(`${SRV_SERVICE[transport]}.${host}`, () => []);
    if (services.length > 0) return this.#servers(host, services, transport);
    return this.#addresses(host, DEFAULT_PORT[transport], transport);
  }

  async #services(name: string, otherwise: (error: unknown) => SrvRecord[]): Promise<SrvRecord[]> {
    const records = await this.#options.dns.srv(name).catch(otherwise);
    return inOrder(records, this.#options.chance);
  }

  async #servers(
    host: string,
    services: readonly SrvRecord[],
    transport: TrunkTransport,
  ): Promise<ResolvedTarget[]> {
    const found: ResolvedTarget[] = [];
    for (const { name, port } of services) {
      // One name of several that leads nowhere is no reason to give the others up.
      found.push(...(await this.#addresses(name, port, transport).catch(() => [])));
    }
    if (found.length > 0) return found;
    throw new Error(`none of the servers of ${host} has an address`);
  }

  async #addresses(
    name: string,
    port: number,
    transport: TrunkTransport,
  ): Promise<ResolvedTarget[]> {
    if (isIP(name)) return [{ address: name, port, transport }];
    const addresses = await this.#options.dns.addresses(name).catch(() => []);
    if (addresses.length === 0) {
      throw new Error(`the name ${name} does not resolve to an address`);
    }
    return addresses.map((address) => ({ address, port, transport }));
  }
}

function nameOf({ address, port, transport }: ResolvedTarget): string {
  return `${transport} ${address} ${port}`;
}

/** No records where the name service says that there are none; any other failure stays one. */
function noneIfAbsent(error: unknown): never[] {
  const { code, message } = error as Error & { code?: string };
  if (code === "ENOTFOUND" || code === "ENODATA") return [];
  throw new Error(`the name service does not answer: ${message}`);
}

/** RFC 2782: by priority; inside one, by chance, the greater weight more often first. */
export function inOrder(records: readonly SrvRecord[], chance: () => number): SrvRecord[] {
  const ordered: SrvRecord[] = [];
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  while (left.length > 0) {
    const priority = left[0]?.priority;
    const peers = left.filter((it) => it.priority === priority);
    const sum = peers.reduce((total, { weight }) => total + weight, 0);
    let mark = chance() * sum;
    const chosen =
      peers.find(({ weight }) => {
        mark -= weight;
        return mark < 0;
      }) ?? peers.at(-1);
    if (!chosen) break;
    ordered.push(chosen);
    left.splice(left.indexOf(chosen), 1);
  }
  return ordered;
}
