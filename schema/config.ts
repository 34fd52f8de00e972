/**
 * The configuration as the gateway uses it: one immutable, validated snapshot. Secrets in it are
 * in the clear, in memory only. `load` makes it from the database, `check` says what is wrong.
 */

export type UserId = number & { readonly brand: "UserId" };
export type ConnectionId = number & { readonly brand: "ConnectionId" };

/** A softphone account: who may register over WebSocket and place calls. */
export interface User {
  readonly id: UserId;
  /** The user part of the address of record; letters, digits and `-_.+`, unique. */
  readonly name: string;
  readonly displayName: string;
  readonly enabled: boolean;
  /** H(name:realm:password) by algorithm (RFC 7616 §3.4.2), lower-case hex. */
  readonly ha1: { readonly md5: string; readonly sha256: string };
}

export type ConnectionType = "outbound-registration" | "outbound-trunk";
export type SipTransport = "udp" | "tcp";
export type TrunkCodec = "G722" | "PCMA" | "PCMU" | "opus";

/** One way a dialled number can match a connection (RTE-01, RTE-04). */
export interface DialPattern {
  /** A regular expression, search semantics, linear-time engine (RE2 syntax). */
  readonly pattern: string;
  /** How many leading characters of the number to drop before it is sent. */
  readonly strip: number;
  /** What to put in front afterwards. */
  readonly prepend: string;
}

/** A link between the gateway and one PBX or carrier (CON-01). */
export interface Connection {
  readonly id: ConnectionId;
  readonly name: string;
  readonly type: ConnectionType;
  readonly enabled: boolean;
  /** Domain name or IP literal (no brackets). */
  readonly host: string;
  /** Absent: the transport's default, or SRV where `host` is a name (RFC 3263). */
  readonly port?: number;
  readonly transport: SipTransport;
  readonly outboundProxy?: { readonly host: string; readonly port?: number };
  /** The user part of our address at the PBX, and the digest user name unless `authId` is set. */
  readonly username?: string;
  readonly authId?: string;
  readonly password?: string;
  /** `*` answers whatever realm the PBX presents; else only that one (CON-18). */
  readonly realm: string;
  readonly fromUser?: string;
  readonly fromDomain?: string;
  /** Seconds asked for in REGISTER: 60 to 86400, default 300 (REG-02). */
  readonly registrationExpires: number;
  /** 0 to 65535, lowest first (RTE-02). */
  readonly weight: number;
  readonly patterns: readonly DialPattern[];
  /** CIDR blocks requests may come from, canonical form; empty means nobody (SEC-01). */
  readonly allow: readonly string[];
  /** In order of preference (MED-06). */
  readonly codecs: readonly TrunkCodec[];
  /** Whose softphones ring when the PBX calls; absent: inbound calls get 480. */
  readonly inboundUser?: UserId;
  readonly allowInbound: boolean;
  readonly allowOutbound: boolean;
}

export interface Config {
  /** Grows by one with each saved change. */
  readonly revision: number;
  /** The digest realm towards softphones. HA1s depend on it, so it is fixed at first start. */
  readonly realm: string;
  readonly users: readonly User[];
  readonly connections: readonly Connection[];
}

/** What is wrong with one field, and what would be right. */
export interface Problem {
  /** Where, as a JSON path: `connections[3].allow[0]`. */
  readonly path: string;
  readonly message: string;
}
