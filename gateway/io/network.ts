/** Which of our addresses a peer can reach us at. */
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { type Cidr, isPrivateAddress, parseCidr } from "../address.ts";
import type { NetworkStatus } from "../b2bua/status.ts";
import type { GatewayOptions } from "../options.ts";
import { hostTowards, isLoopback, type NamedInterface } from "../own-place.ts";
import type { LocalHostFor } from "./own-flow.ts";
import type { SipTransports } from "./sip-transports.ts";

/** What of the settings says where we are. */
export interface PlaceSettings {
  readonly externalAddress?: string;
  readonly stunServers?: readonly string[];
  readonly localNetworks?: readonly string[];
  readonly interfaces?: readonly NamedInterface[];
}

/**
 * The addresses media is bound to, and what SDP and Via say: the command line's word before the
 * settings', theirs before what STUN servers see (NAT-02).
 */
export class OwnAddresses {
  readonly media: string;
  readonly #given: string | undefined;
  #settings: PlaceSettings = {};
  #localNetworks: readonly Cidr[] = [];
  #seen: string | undefined;
  /** By registrars. */
  #registered: string | undefined;

  constructor(options: Pick<GatewayOptions, "media" | "externalIp">) {
    this.media = options.media ?? firstPublicAddress() ?? "127.0.0.1";
    this.#given = options.externalIp;
  }

  configure(settings: PlaceSettings): void {
    this.#settings = settings;
    const { localNetworks = [] } = settings;
    this.#localNetworks = localNetworks.flatMap((block) => parseCidr(block)?.cidr ?? []);
    if (!settings.stunServers?.length) this.#seen = undefined;
  }

  /** Whom to ask; nobody where somebody has told already. */
  get stunServers(): readonly string[] {
    const isTold = this.#given !== undefined || this.#settings.externalAddress !== undefined;
    return isTold ? [] : (this.#settings.stunServers ?? []);
  }

  /** What STUN servers saw; true when that is news. Where they differ, most of them are believed. */
  seen(addresses: readonly string[]): boolean {
    const count = (address: string) => addresses.filter((it) => it === address).length;
    const [most] = [...new Set(addresses)].sort((a, b) => count(b) - count(a));
    if (most === undefined || most === this.#seen) return false;
    this.#seen = most;
    return true;
  }

  /**
   * Where registrars see us; true when that is news. It counts where nobody has told and no STUN
   * server is asked, and where we are behind a NAT: a PBX in our own network sees us as we are.
   */
  registeredAs(addresses: readonly string[]): boolean {
    const outside = addresses.find((it) => !isPrivateAddress(it));
    const before = this.advertised;
    if (outside !== undefined && isPrivateAddress(this.media)) this.#registered = outside;
    return this.advertised !== before;
  }

  /** Undefined where the interface's own address is as good as any. */
  get advertised(): string | undefined {
    const told = this.#given ?? this.#settings.externalAddress;
    return told ?? this.#seen ?? this.#registered;
  }

  get advertisedFrom(): NetworkStatus["addressFrom"] {
    if (this.#given !== undefined) return "command line";
    if (this.#settings.externalAddress !== undefined) return "setting";
    if (this.#seen !== undefined) return "stun";
    return this.#registered === undefined ? "interface" : "registrar";
  }

  /**
   * The host to name towards that peer: loopback and local networks are not outside (NAT-03). The
   * SDP of a trunk leg follows it. No network is local unless it is listed: behind a proxy of the
   * machine's own, such as a container's, strangers come from the interface's network too.
   */
  readonly hostFor: LocalHostFor = (remote, nat) => {
    if (isLoopback(remote) && nat !== "yes") return remote === "::1" ? "::1" : "127.0.0.1";
    const outside = this.advertised ?? this.media;
    return hostTowards(
      remote,
      { inside: this.media, outside, localNetworks: this.#localNetworks },
      nat,
    );
  };
}

/** What is open besides what the options say. */
export interface OpenPorts {
  readonly sip: Pick<SipTransports, "port" | "tlsPort" | "interfaces">;
  readonly https: number | undefined;
}

/** What firewalls and PBXs are told. */
export function networkStatus(
  options: GatewayOptions,
  { media, advertised, advertisedFrom }: OwnAddresses,
  { sip, https }: OpenPorts,
): NetworkStatus {
  const { rtpPorts, webrtcPort, workers } = options;
  const address = advertised ?? media;
  return {
    address,
    addressFrom: advertisedFrom,
    host: address,
    sipPort: sip.port,
    bound: { sip: options.sip.host, sipTls: options.sipTls.host, media },
    ...(sip.tlsPort === undefined ? {} : { sipTlsPort: sip.tlsPort }),
    ...(https === undefined ? {} : { httpsPort: https }),
    rtpPorts,
    interfaces: sip.interfaces.status,
    webrtcPorts: { first: webrtcPort, last: webrtcPort + workers - 1 },
  };
}

/** The first address of an interface that is up and no loopback; IPv4 before IPv6. */
function firstPublicAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const usable = all.filter((entry) => !entry.internal && !entry.address.startsWith("fe80:"));
  return (usable.find((entry) => !isIPv6(entry.address)) ?? usable[0])?.address;
}
