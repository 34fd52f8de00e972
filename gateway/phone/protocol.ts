/** What the main thread and the test phone's thread tell each other. Values alone. */
import type { Identity } from "./identity.ts";

export interface PhoneOrder {
  readonly type: "call";
  /** Who calls, and with what password. */
  readonly identity: Identity;
  /** `sip:number@host`. */
  readonly target: string;
  /** The address of ours media is bound to: its audio goes from there to there. */
  readonly address: string;
}

export type ToPhone =
  | PhoneOrder
  /** SIP for it, one message. */
  | { readonly type: "received"; readonly bytes: Uint8Array }
  /** Nobody wants to know any more. */
  | { readonly type: "stop" };

/** How the call went, or what was heard in it. */
export type CallOutcome =
  | "answered"
  | "refused"
  | "unanswered"
  /** Answered, and the softphone's own audio could not be connected. */
  | "no-media"
  | "hung-up"
  /** Not one packet, or packets of silence. */
  | "nothing"
  | "silence"
  /** Something, and not what was said. */
  | "other"
  /** What was said, or so with much of it lost. */
  | "echo"
  | "broken";

export type PhoneStep =
  | { readonly step: "call" | "talk"; readonly begun: true }
  | {
      readonly step: "call" | "talk";
      readonly begun?: never;
      readonly outcome: CallOutcome;
      readonly tookMs: number;
      /** Numbers by name: `status`, `levelDb`, `delayMs`, `loss` (0 to 1). */
      readonly facts: Readonly<Record<string, number>>;
    };

export type FromPhone =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "step"; readonly step: PhoneStep }
  /** The call is over and everything of it is told. */
  | { readonly type: "over" }
  /** A mistake of ours: nothing more comes. */
  | { readonly type: "fault"; readonly reason: string };
