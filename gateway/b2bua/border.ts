/**
 * The B2BUA's whole border: what the shell tells it and what it asks of the shell. Types alone.
 */
import type { Config, ConnectionId } from "../../schema/config.ts";
import type { LoadLevel } from "../load-ladder.ts";
import type { Millis, WallMillis } from "../machine.ts";
import type { Command, Notice, Reply } from "../media/protocol.ts";
import type { Random } from "../random.ts";
import type { Flow, FlowId, Target } from "../sip/flow.ts";
import type { Place } from "./last-place.ts";
import type { StandingCall, StandingDialog } from "./standing.ts";
import type { CallRecord } from "./status.ts";

export interface B2buaOptions {
  readonly random: Random;
  /** The wall clock at a monotonic time: for what people read. */
  readonly wallClock: (at: Millis) => WallMillis;
  /** Where PBXs last answered the gateway before this one (TST-04). */
  readonly places?: ReadonlyMap<ConnectionId, Place>;
}

export type B2buaInput =
  /** A new snapshot: the first one starts the gateway, later ones are compared by id. */
  | { type: "configured"; config: Config }
  /** A flow came up: one we asked for by `open`, or one a peer made. */
  | { type: "opened"; flow: Flow }
  /** What the target of a flow we asked for stands for: every server's IP address. */
  | { type: "resolved"; flow: FlowId; addresses: readonly string[] }
  /** A datagram, a WebSocket message, or any piece of a stream. */
  | { type: "received"; flow: Flow; bytes: Uint8Array }
  /** A flow is gone, or could not be opened; `reason` is a sentence. */
  | { type: "closed"; flow: FlowId; reason: string }
  | { type: "media"; message: Reply | Notice }
  /** The media worker that held these sessions died. */
  | { type: "mediaLost"; sessions: readonly string[] }
  /** How short of time the media workers are has changed. */
  | { type: "load"; level: LoadLevel }
  /** The gateway before this one ended in the midst of these: they are ended for it. */
  | { type: "abandoned"; dialogs: readonly StandingDialog[] }
  /** The administrator ends a call. */
  | { type: "hangUp"; call: string }
  /** And puts somebody in the place of one of its parties. */
  | { type: "transfer"; call: string; leaves: "caller" | "callee"; number: string }
  /** The administrator lets a banned source be heard again, by its name in the status. */
  | { type: "unban"; source: string }
  /** No new calls from now on; registrations are withdrawn (SIGTERM). */
  | { type: "drain" }
  | { type: "timeout" };

export type LogLevel = "debug" | "info" | "warning" | "error";

export type B2buaOutput =
  | { type: "send"; flow: FlowId; bytes: Uint8Array }
  /**
   * Resolve, connect, then answer with `opened` (same id) or `closed`. `instead` of a flow whose
   * address did not answer: another one, or `closed` where there is none.
   */
  | { type: "open"; flow: FlowId; target: Target; instead?: FlowId }
  /** `unanswered`: its address is dead, others come first for a while. */
  | { type: "close"; flow: FlowId; reason: string; unanswered?: boolean }
  | { type: "media"; command: Command }
  /** A line for the log: `event` is a stable name, `fields` hold no secret. */
  | { type: "log"; level: LogLevel; event: string; fields: Record<string, string | number> }
  | { type: "record"; record: CallRecord }
  /** A call is up, or has changed sides: what is to be known of it should the gateway end (R2). */
  | { type: "stands"; call: StandingCall }
  /** Something `status()` shows has changed. */
  | { type: "changed" }
  /** Nothing has changed but the measured quality of calls. */
  | { type: "measured" };
