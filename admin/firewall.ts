/**
 * What a firewall must let through for one connection (NAT-07), from the configuration as it runs:
 * as facts, and as lines to copy for the usual firewalls of the gateway's side.
 */
import { parseAddress } from "../gateway/address.ts";
import type { NetworkStatus, Status } from "../gateway/b2bua/status.ts";
import type { Connection } from "../schema/config.ts";

export interface FirewallRule {
  readonly purpose: string;
  readonly protocol: "udp" | "tcp";
  /** Into the gateway, or out of it. */
  readonly direction: "in" | "out";
  /** On the gateway for what comes in, at the PBX for what goes out; absent: any. */
  readonly ports?: { readonly first: number; readonly last: number };
  /** Addresses and blocks of the other side; empty: anywhere. */
  readonly peers: readonly string[];
}

export interface Firewall {
  /** The address the PBX's own firewall must let in and out, and which a provider lists (SEC-07). */
  readonly address: string;
  /** Where its audio goes by another one (CON-21). */
  readonly audioAddress?: string;
  readonly rules: readonly FirewallRule[];
  /** By tool. */
  readonly lines: Readonly<Record<"iptables" | "nftables" | "ufw" | "aws", readonly string[]>>;
}

/** Of a connection as it runs. */
export function firewallNow(
  connection: Connection,
  { network, connections }: Pick<Status, "network" | "connections">,
): Firewall {
  const { registrar } = connections.find(({ id }) => id === connection.id) ?? {};
  return firewallOf(connection, network, registrar ? [registrar.replace(/:\d+$/, "")] : []);
}

/** The ports and the address of the interface it names (CON-20). */
function ownSide(connection: Connection, network: NetworkStatus) {
  const named = (name: string | undefined) => network.interfaces.find((it) => it.name === name);
  const { address, sipPort = network.sipPort } = named(connection.interface) ?? network;
  const { sipTlsPort } = named(connection.interface) ?? network;
  const audio = named(connection.mediaInterface ?? connection.interface) ?? network;
  return { address, sipPort, sipTlsPort, audioAddress: audio.address };
}

/** `resolved`: addresses the connection's names stand for now. */
export function firewallOf(
  connection: Connection,
  network: NetworkStatus,
  resolved: readonly string[] = [],
): Firewall {
  const rules = rulesOf(connection, network, resolved);
  const incoming = rules.filter(({ direction }) => direction === "in");
  const each = (line: (rule: FirewallRule, peer: string | undefined) => string) =>
    incoming.flatMap((rule) =>
      (rule.peers.length > 0 ? rule.peers : [undefined]).map((peer) => line(rule, peer)),
    );
  const lines = {
    iptables: each(iptables),
    nftables: each(nftables),
    ufw: each(ufw),
    aws: each(aws),
  };
  const { address, audioAddress } = ownSide(connection, network);
  return { address, ...(audioAddress === address ? {} : { audioAddress }), rules, lines };
}

function rulesOf(
  connection: Connection,
  network: NetworkStatus,
  resolved: readonly string[],
): FirewallRule[] {
  const { type, transport, host, port, outboundProxy, allow } = connection;
  const isRegistering = type === "inbound-registration";
  const target = outboundProxy ?? { host, ...(port === undefined ? {} : { port }) };
  const named = parseAddress(target.host) ? [target.host] : resolved;
  const isOpen = allow.includes("0.0.0.0/0") || allow.includes("::/0");
  // A single address in the list stands with its length.
  const single = named.filter((it) => !allow.some((block) => block.startsWith(`${it}/`)));
  const peers = isOpen ? [] : [...allow, ...single];
  const { sipPort, sipTlsPort = 5_061 } = ownSide(connection, network);
  const { rtpPorts } = network;
  const own = (at: number) => ({ first: at, last: at });
  const remotePort = target.port ?? (transport === "tls" ? 5_061 : 5_060);
  const protocols = { udp: ["udp"], tcp: ["tcp"], tls: ["tcp"], auto: ["udp", "tcp"] } as const;
  // A PBX that registers chooses by itself, unless it must come over TLS.
  const chosen = isRegistering && transport !== "tls" ? "auto" : transport;
  const signalling = protocols[chosen].flatMap((protocol): FirewallRule[] => {
    const at = own(transport === "tls" ? sipTlsPort : sipPort);
    const into = { purpose: "SIP", protocol, direction: "in", ports: at, peers } as const;
    if (isRegistering) return [into];
    return [into, { ...into, direction: "out", ports: own(remotePort), peers: named }];
  });
  const audio = {
    purpose: "audio (RTP)",
    protocol: "udp",
    peers: isRegistering ? [] : peers,
  } as const;
  return [
    ...signalling,
    { ...audio, direction: "in", ports: rtpPorts },
    { ...audio, direction: "out" },
  ];
}

function isV6(peer: string | undefined): boolean {
  return peer?.includes(":") === true;
}

function range({ ports }: FirewallRule, between: string): string {
  if (!ports) return "";
  return ports.first === ports.last ? String(ports.first) : `${ports.first}${between}${ports.last}`;
}

function iptables(rule: FirewallRule, peer: string | undefined): string {
  const source = peer === undefined ? "" : ` -s ${peer}`;
  const command = isV6(peer) ? "ip6tables" : "iptables";
  return `${command} -A INPUT -p ${rule.protocol}${source} --dport ${range(rule, ":")} -j ACCEPT`;
}

function nftables(rule: FirewallRule, peer: string | undefined): string {
  const source = peer === undefined ? "" : `${isV6(peer) ? "ip6" : "ip"} saddr ${peer} `;
  return `nft add rule inet filter input ${source}${rule.protocol} dport ${range(rule, "-")} accept`;
}

function ufw(rule: FirewallRule, peer: string | undefined): string {
  return `ufw allow proto ${rule.protocol} from ${peer ?? "any"} to any port ${range(rule, ":")}`;
}

function aws(rule: FirewallRule, peer: string | undefined): string {
  const blocks = peer === undefined ? ["0.0.0.0/0", "::/0"] : [peer];
  const [block = "", ...others] = blocks.map((it) =>
    it.includes("/") ? it : `${it}/${isV6(it) ? 128 : 32}`,
  );
  const from = rule.ports?.first ?? 0;
  const to = rule.ports?.last ?? 65_535;
  const v6 = [block, ...others].find((it) => it.includes(":"));
  const v4 = [block, ...others].find((it) => !it.includes(":"));
  const ranges = [
    v4 === undefined ? "" : `IpRanges=[{CidrIp=${v4}}]`,
    v6 === undefined ? "" : `Ipv6Ranges=[{CidrIpv6=${v6}}]`,
  ];
  const permission = [`IpProtocol=${rule.protocol}`, `FromPort=${from}`, `ToPort=${to}`, ...ranges];
  return `aws ec2 authorize-security-group-ingress --group-id GROUP --ip-permissions '${permission.filter(Boolean).join(",")}'`;
}
