/**
 * What is kept of one call for whoever asks why it went as it did (X2): who was asked and why, every
 * message of every leg, and what became of the audio. Plain values without secrets. Types alone.
 */
import type { ConnectionId, UserId } from "../../schema/config.ts";
import type { WallMillis } from "../machine.ts";
import type { Endpoint, LegFacts } from "../media/protocol.ts";
import type { Transport } from "../sip/flow.ts";
import type { CallRecord, CallStatus, Finding } from "./status.ts";
import type { TimelineSample } from "./timeline.ts";

/** One dialog of the call: a softphone's, or one at a connection. */
export interface TracedParty {
  readonly role: "caller" | "callee";
  readonly kind: "softphone" | "pbx" | "stranger";
  /** The user's or the connection's, as it was called then; an address where it has none. */
  readonly name: string;
  readonly user?: UserId;
  readonly connection?: ConnectionId;
  readonly transport: Transport;
  /** Where its signalling comes from and goes to, and our own end of it. */
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly callId: string;
  /** The last word of the media worker, where it said one. */
  readonly media?: LegFacts;
  /** How its audio went, evenly spaced in time; absent before anything was measured. */
  readonly timeline?: readonly TimelineSample[];
}

/** One SIP message, as it went over the wire but for its secrets. */
export interface TracedMessage {
  readonly at: WallMillis;
  /** `received` by us, or `sent`. */
  readonly direction: "received" | "sent";
  /** Which of the parties' it is, by index. */
  readonly party: number;
  readonly text: string;
  /** How often the same came right after it, and when last: what UDP repeats until it is heard. */
  readonly repeats: number;
  readonly lastAt: WallMillis;
}

/** Why the call went the way it did, step by step. */
export interface Decision {
  readonly at: WallMillis;
  /**
   * `admission`: who may call; `route`: whom the number belongs to; `candidate`: what a connection
   * said to it; `way`: how it is reached; `failover`: who stands in; `media`: what the worker said;
   * `end`: how it ended.
   */
  readonly about: "admission" | "route" | "candidate" | "way" | "failover" | "media" | "end";
  /** A sentence. */
  readonly text: string;
}

export interface CallTrace {
  readonly id: string;
  readonly started: WallMillis;
  readonly parties: readonly TracedParty[];
  readonly messages: readonly TracedMessage[];
  readonly decisions: readonly Decision[];
  /** Messages that were not kept: the call has had its share. */
  readonly omitted: number;
}

/** A call with all that is known of it. */
export interface CallReport {
  /** Exactly one of them: while it runs, and once it is over. */
  readonly status?: CallStatus;
  readonly record?: CallRecord;
  /** The most telling one first; never empty for a call that is over. */
  readonly findings: readonly Finding[];
  /** Absent where it made room for newer calls. */
  readonly trace?: CallTrace;
}
