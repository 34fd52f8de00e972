/** Whom a call is to reach: what routing answers, and what is asked of it. Types alone. */
import type { Announcements, ConnectionId, User, UserId } from "../../schema/config.ts";
import type { Millis } from "../machine.ts";
import type { CodecName, DtmfMode, LegKind } from "../media/protocol.ts";
import type { EncryptionPolicy } from "../sdp/trunk-security.ts";
import type { DigestCredentials } from "../sip/digest-client.ts";
import type { Flow } from "../sip/flow.ts";
import type { NameAddr } from "../sip/name-addr.ts";
import type { CallerIdentity, Diverted } from "./caller-identity.ts";
import type { PeerProfile } from "./interop.ts";
import type { LegPlace } from "./place.ts";

/** Who calls, how it came here, and how far it may still go. */
export interface Journey {
  readonly caller: CallerIdentity;
  readonly maxForwards: number;
  readonly diverted?: Diverted;
}

/** Whom to call and as whom: the parts of the INVITE that routing decided. */
export interface Invitation {
  readonly uri: string;
  readonly from: NameAddr;
  readonly to: NameAddr;
  readonly routes: readonly string[];
  readonly maxForwards: number;
  /** Identity, diversion and the like, by the connection's policy. */
  readonly headers: readonly (readonly [string, string])[];
  readonly credentials?: DigestCredentials;
}

/** Somebody to invite: one device of a user, or a number at a connection. */
export interface Candidate {
  readonly kind: LegKind;
  readonly codecs: readonly CodecName[];
  /** For a connection: how its audio is protected. */
  readonly encryption?: EncryptionPolicy;
  readonly dtmfMode?: DtmfMode;
  /** False where the other end of the call must speak the same codec (MED-02); default true. */
  readonly transcodes?: boolean;
  /** True where keys are the peers' own and pass undecrypted (AMB-07); default false. */
  readonly relays?: boolean;
  readonly holdMusic?: string;
  readonly announcements?: Announcements;
  /** For a connection: where its audio comes in; absent: at the command line's address. */
  readonly place?: LegPlace;
  readonly contactUser: string;
  readonly invitation: Invitation;
  readonly profile: PeerProfile;
  readonly mayRefer: boolean;
  /** The device's flow; absent where a connection's flow is to be reached. */
  readonly flow?: Flow;
  readonly connection?: ConnectionId;
  readonly user?: UserId;
  /** Whose minutes of the day a call at a connection uses (LIM-05); absent: nobody's of ours. */
  readonly spender?: UserId;
}

/** Whom a call is to reach, and what then: the outcome of routing. */
export interface Destination {
  readonly candidates: readonly Candidate[];
  /** How long they ring, in milliseconds; absent: as long as anybody may. */
  readonly ringForMs?: number;
  /** Where else, by outcome: numbers the user chose. */
  readonly forward?: { readonly busy?: string; readonly noAnswer?: string };
  /** The user who is called: on whose behalf a forward is dialled. */
  readonly user?: UserId;
  /** Another connection is there for when this one can't take the call. */
  readonly standIn?: StandIn;
}

/** What it takes to ask another connection for the same number (AMB-02). */
export interface StandIn {
  /** Normalised, and international where the number plan says so. */
  readonly number: string;
  readonly isEmergency: boolean;
  readonly journey: Journey;
  /** Connections asked so far, in order. */
  readonly tried: readonly ConnectionId[];
  /** Nobody is asked any more after that. */
  readonly until: Millis;
  /** Who dialled it. */
  readonly user: User;
}

/** A further destination is wanted while the call runs. */
export interface RouteAsk {
  readonly why: "transfer" | "forward" | "redirect" | "failover";
  /** The address to reach; for a forward a bare number in a SIP URI. */
  readonly uri: string;
  /** On whose behalf: the one who transfers, forwards or redirects. */
  readonly user?: UserId;
  readonly connection?: ConnectionId;
  /** For a failover: what was tried, and how it ended. */
  readonly standIn?: StandIn;
  readonly because?: string;
  /** The party that waits: whose name the new callee sees. */
  readonly caller: CallerIdentity;
  /** Who was called first and why it goes on, for Diversion and History-Info. */
  readonly diverted?: Diverted;
  readonly maxForwards: number;
}
