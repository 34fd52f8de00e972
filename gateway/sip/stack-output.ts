/** What the stack is made with, wants done, and tells the transaction user above. Types alone. */
import type { Millis } from "../machine.ts";
import type { Random } from "../random.ts";
import type { Flow, FlowId, Target } from "./flow.ts";
import type { SipMessage, SipRequest, SipResponse } from "./message.ts";
import type { TransactionId } from "./transaction-table.ts";

export interface StackOptions {
  random: Random;
  /** Told of each message that can be read, as it came: for a record of what was said. */
  heard?: (message: SipMessage, bytes: Uint8Array, now: Millis) => void;
}

export type StackOutput =
  /** `refuses`: an answer without a transaction, to whoever is there; it may be left unsent. */
  | { type: "send"; flow: FlowId; bytes: Uint8Array; refuses?: Flow }
  /** A new request without a transaction; never ACK or CANCEL. */
  | { type: "request"; flow: Flow; request: SipRequest }
  /** The ACK of a 2xx of ours, once. */
  | { type: "ack"; flow: Flow; request: SipRequest }
  /** A CANCEL for our INVITE server transaction; it is answered already. */
  | { type: "cancelled"; transaction: TransactionId; request: SipRequest }
  /** Provisionals, each 2xx of a fork once, other finals once. */
  | { type: "response"; transaction: TransactionId; flow: Flow; response: SipResponse }
  | {
      type: "failed";
      transaction: TransactionId;
      reason: "timeout" | "transport" | "unacknowledged";
    }
  /** The peer answered a keep-alive of ours. */
  | { type: "pong"; flow: Flow }
  /** Unreadable, or a response to nothing of ours. */
  | { type: "dropped"; flow: Flow; reason: string; isReadable?: true }
  /** A connection for what is too large for UDP; comes back by `opened` or `close`. */
  | { type: "openFlow"; flow: FlowId; target: Target }
  | { type: "closeFlow"; flow: FlowId; reason: string };
