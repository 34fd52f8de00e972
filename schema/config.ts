/**
 * The configuration as the gateway uses it: one immutable, validated snapshot. Secrets in it are
 * in the clear, in memory only. `load` makes it from the database, `check` says what is wrong.
 */
import type { Nat } from "../gateway/own-place.ts";
import type { ChosenInterfaces } from "./interfaces.ts";
import type { NumberPlan, Settings } from "./settings.ts";

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
  /** Where calls go that the user does not take; absent: nowhere. */
  readonly forward?: Forward;
  /**
   * What others hear while this user holds them: a WAV file of the data directory's folder `sounds`.
   * Absent: what the connection says, or silence.
   */
  readonly holdMusic?: string;
  /** How the user writes numbers; absent: as the settings say (AMB-04). */
  readonly numberPlan?: NumberPlan;
  /** Calls to outside it may begin a second, 0.01 to 100; absent: as many as it likes (LIM-05). */
  readonly callsPerSecond?: number;
  /** Minutes it may talk to outside a day, 1 to 100000; absent: as long as it likes (LIM-05). */
  readonly minutesPerDay?: number;
  /**
   * Beginnings of international numbers, `+44`, the longest that fits decides (SEC-10): with an allow
   * list nothing else abroad is called; what is blocked never is.
   */
  readonly allowCountries?: readonly string[];
  readonly blockCountries?: readonly string[];
  /** Who calls to test them: the connections it calls out by, and no others. Of nobody stored. */
  readonly only?: readonly ConnectionId[];
}

/** Numbers or user names, as the user would dial them. */
export interface Forward {
  readonly always?: string;
  readonly busy?: string;
  readonly noAnswer?: string;
  /** How long the devices ring before `noAnswer`: 5 to 120 seconds, default 20. */
  readonly noAnswerSeconds?: number;
}

/**
 * Who finds whom (CON-03): we register at the PBX; both know each other's address; the PBX registers
 * with us, by credentials we made.
 */
export type ConnectionType = "outbound-registration" | "outbound-trunk" | "inbound-registration";
/** `auto`: what the host's domain prefers by its NAPTR and SRV records (RFC 3263 §4.1). */
export type SipTransport = "udp" | "tcp" | "tls" | "auto";
/** How audio is protected: SRTP with keys in the SDP (RFC 4568), or of a DTLS handshake (RFC 5763). */
export type MediaEncryption = "none" | "sdes" | "dtls";
/** What a caller hears whose call comes to nothing: before the refusal, or in an answered call. */
export type Announcements = "none" | "early" | "answered";
export type TrunkCodec = "G722" | "PCMA" | "PCMU" | "opus";

/** One way a dialled number can match a connection (RTE-01, RTE-04). */
export interface DialPattern {
  /** A regular expression, search semantics, linear-time engine (RE2 syntax). */
  readonly pattern: string;
  /** How many leading characters of the number to drop before it is sent. */
  readonly strip: number;
  /** What to put in front afterwards. */
  readonly prepend: string;
  /** For people: what it is for. One line of at most 128 characters. */
  readonly comment?: string;
}

/** Files are PEM on the gateway's own machine: keys never pass through the database. */
export interface ConnectionTls {
  /** `strict`: name and chain; `pin`: this one certificate; `off`: any. */
  readonly verify: "strict" | "pin" | "off";
  /** SHA-256 of the pinned certificate in hex, colons allowed. */
  readonly pin?: string;
  readonly caFile?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
}

/** Connections that stand in for each other (RTE-07, RTE-08); all members name one strategy. */
export interface FailoverGroup {
  readonly name: string;
  /**
   * Who is asked first: by weight; in turn; whose places are least taken; by chance, in proportion
   * to `share`. The others stand in.
   */
  readonly strategy: "ordered" | "round-robin" | "least-busy" | "weighted";
  /** 1 to 1000, for `weighted`; default 1. */
  readonly share?: number;
}

/** A number (DID) and who is rung side by side when it is called. */
export interface InboundNumber {
  /** As the PBX writes it; `+` and `00` in front are one. */
  readonly number: string;
  readonly users: readonly UserId[];
}

/** A link between the gateway and one PBX or carrier (CON-01). */
export interface Connection extends ChosenInterfaces {
  readonly id: ConnectionId;
  readonly name: string;
  readonly type: ConnectionType;
  readonly enabled: boolean;
  /** Domain name or IP literal (no brackets); empty for an inbound registration, which tells us. */
  readonly host: string;
  /** Absent: the transport's default, or SRV where `host` is a name (RFC 3263). */
  readonly port?: number;
  /** Where else its PBX is to be found, in this order, when the host above does not answer. */
  readonly furtherHosts?: readonly { readonly host: string; readonly port?: number }[];
  readonly transport: SipTransport;
  /** For `tls` and `auto`: how the PBX's certificate is checked, and our own; default `strict`. */
  readonly tls?: ConnectionTls;
  readonly outboundProxy?: { readonly host: string; readonly port?: number };
  /** Whether a NAT lies between us and the PBX; default `auto`: as its address says (NAT-01). */
  readonly nat?: Nat;
  /**
   * The user part of our address at the PBX, and the digest user name unless `authId` is set. For an
   * inbound registration the PBX's name here, made by us.
   */
  readonly username?: string;
  readonly authId?: string;
  readonly password?: string;
  /** What the PBX proves itself with where it registers (REG-08); as good as a password. */
  readonly ha1?: { readonly md5: string; readonly sha256: string };
  /** How many places a PBX may be registered from at once: 1 to 10, default 1 (REG-10). */
  readonly maxRegistrations?: number;
  /** Which of them gets a call: all at once, or one after the other; default `fork`. */
  readonly bindingStrategy?: "fork" | "round-robin";
  /** Whether a TCP or TLS flow that registered needs no password for calls; default false (REG-09). */
  readonly flowTrust?: boolean;
  /** `*` answers whatever realm the PBX presents; else only that one (CON-18). */
  readonly realm: string;
  readonly fromUser?: string;
  readonly fromDomain?: string;
  /** Seconds asked for in REGISTER: 60 to 86400, default 300 (REG-02). */
  readonly registrationExpires: number;
  /** Seconds between OPTIONS that ask whether the PBX is there: 10 to 3600; absent: it isn't asked. */
  readonly optionsInterval?: number;
  /** 0 to 65535, lowest first (RTE-02). */
  readonly weight: number;
  readonly patterns: readonly DialPattern[];
  /**
   * CIDR blocks requests may come from, canonical form; empty means nobody (SEC-01). A PBX that
   * registers must come from there besides showing its password.
   */
  readonly allow: readonly string[];
  /** In order of preference (MED-06). */
  readonly codecs: readonly TrunkCodec[];
  /** How digits go to the PBX: telephone-events (the default), INFO or tones in the audio (DTM-01). */
  readonly dtmfMode?: "rfc2833" | "info" | "inband";
  /**
   * Whether the two sides of a call may speak different codecs; default true. Without, the packets
   * pass with the codec both have, whatever `codecs` says (MED-01, MED-02); with `mediaEncryption`
   * `dtls` they pass undecrypted, with keys the two sides have with each other (AMB-07).
   */
  readonly transcoding?: boolean;
  /** Default `none`: a call that comes to nothing is refused without a sound (MED-11). */
  readonly announcements?: Announcements;
  /** What its side hears while a softphone holds it, unless the user has music of their own. */
  readonly holdMusic?: string;
  /** Default `none`: plain RTP (CON-25). */
  readonly mediaEncryption?: MediaEncryption;
  /** Whether a PBX without SRTP, or without keys of its own, is spoken with all the same; default false. */
  readonly encryptionOptional?: boolean;
  /** Whether keys may go through signalling that is not encrypted itself; default false. */
  readonly keysInClear?: boolean;
  /** Whose softphones ring when the PBX calls; absent: inbound calls get 480. */
  readonly inboundUser?: UserId;
  /** Numbers of ours there whose calls ring others instead; the first that is the one called counts. */
  readonly inboundNumbers?: readonly InboundNumber[];
  readonly allowInbound: boolean;
  readonly allowOutbound: boolean;
  /** Who may call out over it; absent: every user. */
  readonly users?: readonly UserId[];
  /** Calls at once, all and by direction; absent or 9999: unlimited, 0: none (LIM-01 to LIM-03). */
  readonly maxCalls?: number;
  readonly maxInbound?: number;
  readonly maxOutbound?: number;
  /** What the PBX hears where there is no place for its call: 503, or 486 (LIM-04); default 503. */
  readonly fullStatus?: 503 | 486;
  readonly failoverGroup?: FailoverGroup;
  /**
   * Whether a call that fails here by the connection's fault is tried at the next one that matches.
   * Absent: only within the failover group; `false`: not there either.
   */
  readonly continueOnFailure?: boolean;
  /** Whether the PBX may transfer calls by REFER; default false. */
  readonly allowTransfer?: boolean;
  /** Whether a 3xx to one of the connection's own hosts is followed; default false. */
  readonly followRedirects?: boolean;
  /** How the caller's identity is told to the PBX besides From; default `pai`. */
  readonly sendIdentity?: "none" | "pai" | "rpid" | "both";
  /** Whether the PBX's P-Asserted-Identity and Remote-Party-ID are believed; default false. */
  readonly trustIdentity?: boolean;
  /** What the PBX needs done differently, by name; default `standard`. */
  readonly interop?: "standard" | "plain";
}

export interface Config {
  /** Grows by one with each saved change. */
  readonly revision: number;
  /** The digest realm towards softphones. HA1s depend on it, so it is fixed at first start. */
  readonly realm: string;
  readonly users: readonly User[];
  readonly connections: readonly Connection[];
  /** Absent: nothing is set. */
  readonly settings?: Settings;
}

/** What is wrong with one field, and what would be right. */
export interface Problem {
  /** Where, as a JSON path: `connections[3].allow[0]`. */
  readonly path: string;
  readonly message: string;
}
