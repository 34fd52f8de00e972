/** What the gateway knows of itself right now, as plain values for the admin pages and the API. */
import type { ConnectionId, UserId } from "../../schema/config.ts";
import type { WallMillis } from "../machine.ts";
import type { LegQuality } from "../media/protocol.ts";
import type { Place } from "./last-place.ts";

/** REG-01. `not-applicable` for a trunk that does not register. */
export type RegistrationState =
  | "not-applicable"
  | "disabled"
  | "idle"
  /** It is the PBX that registers, and it has not. */
  | "awaited"
  | "registering"
  | "registered"
  | "refreshing"
  | "failed"
  | "auth-failed"
  | "unreachable"
  | "unregistering";

/** ADM-03. `unknown` where it is not asked, or was not asked yet. */
export type ReachabilityState = "unknown" | "ok" | "degraded" | "down";

/** What OPTIONS say of a PBX. */
export interface ReachabilityStatus {
  readonly state: ReachabilityState;
  /** One sentence: why it is so. */
  readonly reason: string;
  readonly since: WallMillis;
  /** From a probe to its answer, in milliseconds. */
  readonly roundTripMs?: number;
}

/** REG-04: the last word of the registrar, in terms an administrator understands. */
export interface ConnectionStatus {
  readonly id: ConnectionId;
  readonly name: string;
  readonly registration: RegistrationState;
  /** The last SIP status of the registration, when one came. */
  readonly lastStatus?: number;
  /** One sentence: why it is in this state. */
  readonly reason: string;
  readonly since: WallMillis;
  readonly nextAttempt?: WallMillis;
  readonly grantedSeconds?: number;
  /** The registrar's IP and port. */
  readonly registrar?: string;
  /** The IP address the registrar sees us at (NAT-02). */
  readonly seenAs?: string;
  /** `host:port` it would call us at, where that is not what we said (NAT-09). */
  readonly boundAs?: string;
  readonly callsNow: number;
  /** Where a PBX that registers with us is registered from, newest first. */
  readonly bindings?: readonly Omit<BindingStatus, "user">[];
  /** Where the PBX answered last, and which host led there then (TST-04). */
  readonly lastAnswered?: Place;
  /** Absent where the connection is not probed. */
  readonly reachability?: ReachabilityStatus;
}

export type CallState = "routing" | "ringing" | "early" | "connected" | "ending";

/** How audio arrives between the gateway and one party, both ways (X4). */
export type PartyQuality = Omit<LegQuality, "leg"> & { readonly party: "caller" | "callee" };

/**
 * What happens to the audio between two parties: decoded and encoded anew; its packets passed on,
 * protected anew for each leg, because both speak one codec; or passed on as they come, with keys
 * of the parties' own that the gateway doesn't hold (SEC-08).
 */
export type MediaMode = "transcode" | "bridge" | "relay";

export interface CallStatus {
  readonly id: string;
  readonly direction: "outbound" | "inbound" | "internal";
  readonly state: CallState;
  readonly caller: string;
  readonly callee: string;
  readonly connection?: ConnectionId;
  readonly user?: UserId;
  readonly started: WallMillis;
  readonly answered?: WallMillis;
  /** Codec on the webrtc leg and on the trunk leg, once negotiated. */
  readonly codecs?: { readonly webrtc: string; readonly trunk: string };
  /** Once both parties have described their audio. */
  readonly mode?: MediaMode;
  /** How the PBX's audio is protected (CON-25). */
  readonly trunkEncryption?: "none" | "sdes" | "dtls";
  /** Of each party, once some seconds of audio were measured. */
  readonly quality?: readonly PartyQuality[];
  /** What an administrator should know of how it goes, in sentences (DTM-03). */
  readonly notices?: readonly string[];
}

/** Why a call ended so, or goes so, in words; and what may be done about it. */
export interface Finding {
  /** A stable name. */
  readonly cause: string;
  readonly sentence: string;
  readonly suggestion: string;
  /** The field that mends it, by its path in the connection's form. */
  readonly field?: { readonly connection: ConnectionId; readonly path: string };
  /** `fine`: as people end calls; `note`: worth knowing; `fault`: something should be mended. */
  readonly weight: "fine" | "note" | "fault";
}

/** A call that ended, or never began, and why, in one sentence. */
export interface CallRecord extends Omit<CallStatus, "state"> {
  readonly ended: WallMillis;
  /** The final SIP status the caller saw; 200 for a call that was answered. */
  readonly status: number;
  readonly endedBy: "caller" | "callee" | "gateway";
  readonly reason: string;
  /**
   * In the telephone network's terms (ITU-T Q.850): a peer's own word, or what the status means.
   * Absent in records of old.
   */
  readonly cause?: number;
  /** What the evidence says of it (X2); absent in records of old. */
  readonly finding?: Finding;
}

export interface BindingStatus {
  readonly user: UserId;
  readonly userAgent: string;
  readonly remote: string;
  readonly since: WallMillis;
  readonly expires: WallMillis;
}

/** One media worker, as of its last report. */
export interface WorkerStatus {
  readonly sessions: number;
  readonly legs: number;
  /** Share of its thread that was busy, 0 to 1. */
  readonly busy: number;
}

/** The order of our own certificate by ACME. */
export interface AcmeStatus {
  readonly names: readonly string[];
  readonly state: "valid" | "ordering" | "failed";
  /** Why it failed, and when it is tried again. */
  readonly reason?: string;
  readonly nextAttempt?: WallMillis;
}

/** A source that is not listened to, and until when (S4). */
export interface BanStatus {
  readonly source: string;
  readonly reason: string;
  readonly until: WallMillis;
}

/** Where a number would go, and why. */
export interface Explanation {
  /** As it is read. */
  readonly number: string;
  /** Connections that would be asked, one after the other, and what each would be sent. */
  readonly ways: readonly {
    readonly connection: ConnectionId;
    readonly name: string;
    readonly number: string;
  }[];
  /** What every connection says to it, in the order of their weights. */
  readonly steps: readonly { readonly connection: string; readonly outcome: string }[];
  /** The user whose devices would ring instead. */
  readonly colleague?: string;
  /** Why nobody would be reached. */
  readonly reason?: string;
  /** Of a time that is past: which, and what of the answer is of then. */
  readonly at?: WallMillis;
  readonly note?: string;
}

/** A certificate we show; `isDue` when it should be renewed. */
export interface CertificateStatus {
  readonly names: readonly string[];
  readonly expires: WallMillis;
  /** Whole days, negative once it has expired. */
  readonly daysLeft: number;
  readonly isDue: boolean;
  /** Nobody but ourselves vouches for it: browsers warn of it. */
  readonly isSelfSigned: boolean;
}

/** What we show by TLS, and whence it is. */
export interface TlsStatus {
  readonly certificates: readonly CertificateStatus[];
  /** The settings have a say where the command line has none. */
  readonly certificatesFrom: "command line" | "settings";
  /** Where it is ordered by ACME. */
  readonly acme?: AcmeStatus;
  /** Why the certificate of the settings, or its port, can't be used. */
  readonly certificateProblem?: string;
}

/** A named interface as it runs. */
export interface InterfaceStatus {
  readonly name: string;
  /** What peers outside are told. */
  readonly address: string;
  /** The address of this machine. */
  readonly bound: string;
  /** Absent: it is for audio alone. */
  readonly sipPort?: number;
  readonly sipTlsPort?: number;
  /** Why SIP can't go by it. */
  readonly problem?: string;
}

/** Where the gateway is to be found, as it runs: what firewalls and PBXs are told (NAT-07, CON-20). */
export interface NetworkStatus {
  /** The IP address peers outside see. */
  readonly address: string;
  /** Who says so. */
  readonly addressFrom: "command line" | "setting" | "stun" | "registrar" | "interface";
  /** The name or address PBXs are told to register at. */
  readonly host: string;
  /** UDP and TCP. */
  readonly sipPort: number;
  /** Absent without a certificate. */
  readonly sipTlsPort?: number;
  /** Where pages and softphones are served with the certificate of the settings. */
  readonly httpsPort?: number;
  /** The addresses of this machine it listens at; `0.0.0.0` and `::` are all of them. */
  readonly bound: { readonly sip: string; readonly sipTls: string; readonly media: string };
  readonly rtpPorts: { readonly first: number; readonly last: number };
  /** Those of the settings (CON-20). */
  readonly interfaces: readonly InterfaceStatus[];
  readonly webrtcPorts: { readonly first: number; readonly last: number };
}

/** TLS, workers and network are filled in by the shell, which has them. */
export interface Status extends TlsStatus {
  readonly draining: boolean;
  readonly connections: readonly ConnectionStatus[];
  readonly calls: readonly CallStatus[];
  readonly bindings: readonly BindingStatus[];
  readonly bans: readonly BanStatus[];
  /** SIP messages that were malformed or belonged to nothing, since the start. */
  readonly droppedMessages: number;
  /** By worker. */
  readonly workers: readonly WorkerStatus[];
  readonly network: NetworkStatus;
  /** Transactions, dialogs, calls, timers … alive: what the audits of the tests read. */
  readonly alive: Readonly<Record<string, number>>;
}

/** What the B2BUA itself knows of it. */
export type OwnStatus = Omit<Status, keyof TlsStatus | "workers" | "network">;
