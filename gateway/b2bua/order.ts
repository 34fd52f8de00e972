/** What a call orders: the border from a call to the call control that owns it. Types alone. */
import type { ConnectionId } from "../../schema/config.ts";
import type { LegId, LegKind, RemoteLeg, Sound, TrunkPlace } from "../media/protocol.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import type { Replaces } from "../sip/refer.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { RouteAsk } from "./destination.ts";
import type { CallRecord } from "./status.ts";

/** A media command without the B2BUA's bookkeeping. */
export type MediaOrder =
  | ({ type: "open"; leg: LegId; kind: LegKind } & TrunkPlace)
  | { type: "connect"; leg: LegId; remote: RemoteLeg }
  | { type: "join"; legs: [LegId, LegId] }
  | { type: "restart"; leg: LegId }
  | { type: "dtmf"; leg: LegId; digit: string; durationMs: number }
  | { type: "play"; leg: LegId; sound: Sound | undefined; untilAudio: boolean; once?: true }
  | { type: "closeLeg"; leg: LegId }
  | { type: "close" };

export type CallOrder =
  | { type: "respond"; transaction: TransactionId; response: SipResponse }
  | { type: "request"; leg: LegId; flow: Flow; request: SipRequest }
  /** CANCEL of the leg's INVITE. */
  | { type: "cancel"; leg: LegId; reason: string }
  /** ACK of a 2xx to the leg's INVITE. */
  | { type: "acknowledge"; leg: LegId; flow: Flow; ack: SipRequest }
  | { type: "media"; order: MediaOrder }
  /** A way to the connection; `instead` of a flow that led nowhere. */
  | { type: "reach"; leg: LegId; connection: ConnectionId; instead?: FlowId }
  /** Requests with this Call-ID and To tag belong to the leg from now on. */
  | { type: "index"; leg: LegId; callId: string; localTag: string }
  | { type: "route"; ask: RouteAsk }
  /**
   * An attended transfer: `leg` takes the place of the other end of that dialog, in the call the
   * dialog belongs to. `referrer` must be the same peer as the dialog's.
   */
  | { type: "merge"; referrer: LegId; leg: LegId; replaces: Replaces }
  /** The leg is gone: what is kept for it may go. */
  | { type: "dropLeg"; leg: LegId }
  | { type: "log"; event: string; fields: Record<string, string | number> }
  | { type: "changed" }
  /** Its audio was measured anew. */
  | { type: "measured" }
  /** Nothing is left of the call but its record. */
  | { type: "over"; record: CallRecord };
