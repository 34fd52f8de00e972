/** What the gateway knows of itself right now, as plain values for the admin pages and the API. */
import type { ConnectionId, UserId } from "../../schema/config.ts";
import type { WallMillis } from "../machine.ts";

/** REG-01. `not-applicable` for a trunk that does not register. */
export type RegistrationState =
  | "not-applicable"
  | "disabled"
  | "idle"
  | "registering"
  | "registered"
  | "refreshing"
  | "failed"
  | "auth-failed"
  | "unreachable"
  | "unregistering";

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
  readonly callsNow: number;
}

export type CallState = "routing" | "ringing" | "early" | "connected" | "ending";

export interface CallStatus {
  readonly id: string;
  readonly direction: "outbound" | "inbound";
  readonly state: CallState;
  readonly caller: string;
  readonly callee: string;
  readonly connection?: ConnectionId;
  readonly user?: UserId;
  readonly started: WallMillis;
  readonly answered?: WallMillis;
  /** Codec on the webrtc leg and on the trunk leg, once negotiated. */
  readonly codecs?: { readonly webrtc: string; readonly trunk: string };
}

/** A call that ended, and why, in one sentence (the seed of X2). */
export interface CallRecord extends Omit<CallStatus, "state"> {
  readonly ended: WallMillis;
  /** The final SIP status the caller saw; 200 for a call that was answered. */
  readonly status: number;
  readonly endedBy: "caller" | "callee" | "gateway";
  readonly reason: string;
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

export interface Status {
  readonly draining: boolean;
  readonly connections: readonly ConnectionStatus[];
  readonly calls: readonly CallStatus[];
  readonly bindings: readonly BindingStatus[];
  /** SIP messages that were malformed or belonged to nothing, since the start. */
  readonly droppedMessages: number;
  /** By worker; filled in by the shell, which knows them. */
  readonly workers: readonly WorkerStatus[];
  /** Transactions, dialogs, calls, timers … alive: what the audits of the tests read. */
  readonly alive: Readonly<Record<string, number>>;
}
