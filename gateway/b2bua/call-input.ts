/** What a call is told: the border from the call control to one call. Types alone. */
import type { LegId, LocalLeg, Notice, RefusedReason } from "../media/protocol.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { CallerLeg } from "./caller-leg.ts";
import type { Destination } from "./destination.ts";
import type { LegInput } from "./leg-contract.ts";
import type { Ending } from "./reason.ts";

export type CallInput =
  | LegInput
  /** The media leg is open; also the answer to `restart`. */
  | { type: "opened"; leg: LegId; local: LocalLeg }
  | { type: "refused"; leg: LegId; reason: RefusedReason }
  /** The connection's flow, which the call asked for by `reach`. */
  | { type: "reached"; leg: LegId; flow: Flow }
  | { type: "unreached"; leg: LegId; reason: string }
  /** The caller's CANCEL. */
  | ({ type: "cancelled"; leg: LegId } & Omit<Ending, "status">)
  | { type: "notice"; notice: Exclude<Notice, { type: "load" }> }
  /** The worker that held the call's media died. */
  | { type: "mediaLost" }
  /** The answers to `route`. */
  | { type: "routed"; destination: Destination }
  | { type: "unrouted"; status: number; reason: string }
  /** The answer to `merge`: 200, or why not. */
  | { type: "merged"; leg: LegId; status: number; reason: string }
  /** The softphone's connection is gone (X1); and it is back, perhaps from another address. */
  | { type: "parked"; flow: FlowId }
  | { type: "returned"; flow: FlowId; to: Flow }
  /** A new INVITE takes the place of one of the legs (RFC 3891). */
  | { type: "replaced"; leg: LegId; by: CallerLeg }
  /** The gateway itself ends the call; `reason` is a sentence. */
  | { type: "hangUp"; status: number; reason: string }
  /** The administrator wants `number` in the place of one of the two parties. */
  | { type: "transfer"; leaves: "caller" | "callee"; number: string }
  | { type: "timeout" };
