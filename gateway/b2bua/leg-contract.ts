/** What a leg is made of, what it says of itself, and what it tells its call. Types and two lists. */
import type { Announcements, ConnectionId, UserId } from "../../schema/config.ts";
import type { CodecName, DtmfMode, LegId, LegKind } from "../media/protocol.ts";
import type { Random } from "../random.ts";
import type { EncryptionPolicy } from "../sdp/trunk-security.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import type { Refer } from "../sip/refer.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { Digit } from "./info-digit.ts";
import type { PeerProfile } from "./interop.ts";
import type { CallOrder } from "./order.ts";
import type { LegPlace } from "./place.ts";
import type { Ending } from "./reason.ts";

/** The methods we handle. */
export const ALLOW =
  "INVITE, ACK, CANCEL, BYE, UPDATE, INFO, OPTIONS, PRACK, REFER, MESSAGE, SUBSCRIBE, NOTIFY";
/** The extensions we know: RFC 4028, RFC 3262, RFC 3891. */
export const SUPPORTED: readonly string[] = ["timer", "100rel", "replaces"];

export type LegState =
  | "idle"
  /** Our INVITE is out, or the peer's has no final answer. */
  | "inviting"
  /** Our CANCEL is out. */
  | "cancelling"
  /** Our 2xx is out and not acknowledged. */
  | "answered"
  | "confirmed"
  /** Our BYE is out. */
  | "leaving"
  | "over";

export type LegEvent =
  | { type: "ringing" }
  /** The peer described its media: in a provisional answer, the answer, or a re-offer. */
  | { type: "described" }
  | { type: "answered" }
  /** The INVITE came to nothing. `redirects`: where a 3xx points, in the order to try. */
  | ({ type: "failed"; redirects?: readonly string[] } & Ending)
  /** The INVITE never reached the other side: another way to it may help. */
  | ({ type: "unreached" } & Ending)
  /** The peer's BYE, or a dialog that is no more. */
  | ({ type: "left" } & Omit<Ending, "status">)
  /** The peer wants somebody else in its place; it was told 202. */
  | { type: "refer"; refer: Refer }
  | { type: "digit"; digit: Digit };

/** Whose leg it is: a softphone user's, or a connection's. */
export interface LegOwner {
  readonly user?: UserId;
  readonly connection?: ConnectionId;
}

/** What a call passes on to the leg it concerns. */
export type LegInput =
  | { type: "response"; leg: LegId; method: string; flow: Flow; response: SipResponse }
  | {
      type: "failed";
      leg: LegId;
      method: string;
      request: SipRequest;
      reason: "timeout" | "transport";
    }
  /** A request inside the leg's dialog; answered by `respond`. */
  | { type: "request"; leg: LegId; request: SipRequest; transaction: TransactionId }
  /** The ACK for our 2xx came, or never came. */
  | { type: "acknowledged"; leg: LegId; ack: SipRequest }
  | { type: "unacknowledged"; leg: LegId };

export interface LegOptions {
  id: LegId;
  owner: LegOwner;
  kind: LegKind;
  codecs: readonly CodecName[];
  /** For a connection's leg: how its audio is protected. */
  encryption?: EncryptionPolicy;
  /** How digits go to the peer, where it takes them so; `rfc2833` where absent (DTM-01). */
  dtmfMode?: DtmfMode;
  /** False where the other end of the call must speak the same codec (MED-02); default true. */
  transcodes?: boolean;
  /** True where keys are the peers' own and pass undecrypted (AMB-07); default false. */
  relays?: boolean;
  /** A softphone's: what others hear while it holds them. A PBX's: what it hears else. */
  holdMusic?: string;
  /** What a PBX hears, or who calls it, when a call comes to nothing (MED-11). */
  announcements?: Announcements;
  /** Where a connection's audio comes in; absent: at the command line's address. */
  place?: LegPlace;
  /** The user part of our Contact. */
  contactUser: string;
  profile: PeerProfile;
  /** Whether the peer may transfer the call (S1: not every PBX may). */
  mayRefer: boolean;
  /** Whose minutes of the day it uses (LIM-05). */
  spender?: UserId;
  random: Random;
  orders: CallOrder[];
}

/** What a response of ours says beyond its status. */
export interface ResponseExtra {
  reason?: string;
  /** The Q.850 cause that goes with the reason. */
  q850?: number;
  sdp?: string;
  headers?: [string, string][];
}
