/**
 * What a call is told and what it orders: the border between one call and the B2BUA that owns it.
 * Types alone. A leg's client transactions are named by its id and their method: a leg has at most
 * one of each method at a time (RFC 3261 §14.1 for INVITE; the leg sees to the others).
 */
import type { ConnectionId } from "../../schema/config.ts";
import type {
  LegId,
  LegKind,
  LocalLeg,
  Notice,
  RefusedReason,
  RemoteLeg,
} from "../media/protocol.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { CallRecord } from "./status.ts";

export type CallInput =
  /** The media leg is open; also the answer to `restart`. */
  | { type: "opened"; leg: LegId; local: LocalLeg }
  | { type: "refused"; leg: LegId; reason: RefusedReason }
  /** The connection's flow, which the call asked for by `reach`. */
  | { type: "reached"; flow: Flow }
  | { type: "unreached"; reason: string }
  | { type: "response"; leg: LegId; method: string; flow: Flow; response: SipResponse }
  | { type: "failed"; leg: LegId; method: string; reason: "timeout" | "transport" }
  /** A request inside the leg's dialog; answered by `respond`. */
  | { type: "request"; leg: LegId; request: SipRequest; transaction: TransactionId }
  /** The caller's ACK for our 2xx came, or never came. */
  | { type: "acknowledged"; leg: LegId }
  | { type: "unacknowledged"; leg: LegId }
  /** The caller's CANCEL. */
  | { type: "cancelled" }
  | { type: "notice"; notice: Exclude<Notice, { type: "load" }> }
  /** The gateway itself ends the call; `reason` is a sentence. */
  | { type: "hangUp"; status: number; reason: string }
  | { type: "timeout" };

/** A media command without the B2BUA's bookkeeping. */
export type MediaOrder =
  | { type: "open"; leg: LegId; kind: LegKind }
  | { type: "connect"; leg: LegId; remote: RemoteLeg }
  | { type: "join"; legs: [LegId, LegId] }
  | { type: "restart"; leg: LegId }
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
  | { type: "reach"; connection: ConnectionId }
  /** Requests with this Call-ID and To tag belong to the leg from now on. */
  | { type: "index"; leg: LegId; callId: string; localTag: string }
  | { type: "log"; event: string; fields: Record<string, string | number> }
  | { type: "changed" }
  /** Nothing is left of the call but its record. */
  | { type: "over"; record: CallRecord };
