/**
 * What peers do wrong or differently, in one table (X7): by User-Agent for softphones, by the
 * connection's setting for PBXs. The call code asks a profile and never a name.
 */
import type { LegKind } from "../media/protocol.ts";

export interface PeerProfile {
  readonly name: string;
  /** How we refresh the session (RFC 4028 §7.4): `allowed` goes by the peer's Allow. */
  readonly refreshBy: "allowed" | "invite";
  /**
   * One UPDATE after the ACK sets the interval to ours and makes us the refresher: for clients
   * that refresh every 45 s themselves and give the call up when their connection is away then.
   */
  readonly raisesInterval: boolean;
  /** Whether our INVITE offers reliable provisional responses (RFC 3262). */
  readonly offersReliable: boolean;
  /** Whether our INVITE asks for a session timer (RFC 4028). */
  readonly offersTimer: boolean;
}

const SOFTPHONE: PeerProfile = {
  name: "softphone",
  refreshBy: "allowed",
  raisesInterval: false,
  // A browser has no loss below the WebSocket, and old SIP.js answers 420 to it.
  offersReliable: false,
  offersTimer: true,
};

const PBX: PeerProfile = {
  name: "pbx",
  refreshBy: "allowed",
  raisesInterval: false,
  offersReliable: true,
  offersTimer: true,
};

const SOFTPHONES: readonly { userAgent: RegExp; profile: PeerProfile }[] = [
  // Sends Session-Expires: 90 and takes whatever interval an UPDATE of ours brings.
  { userAgent: /^JsSIP/, profile: { ...SOFTPHONE, name: "jssip", raisesInterval: true } },
  { userAgent: /dart-sip-ua/i, profile: { ...SOFTPHONE, name: "dart", raisesInterval: true } },
  // Answers UPDATE with 405 although some of its builds list it.
  { userAgent: /SIP\.js/, profile: { ...SOFTPHONE, name: "sip.js", refreshBy: "invite" } },
  { userAgent: /Browser Phone/i, profile: { ...SOFTPHONE, name: "bp", refreshBy: "invite" } },
];

/** What a connection's `interop` setting may name. */
export const PBX_PROFILES = {
  standard: PBX,
  /** For PBXs that refuse or mishandle what RFC 3261 alone did not have. */
  plain: { ...PBX, name: "plain", offersReliable: false, offersTimer: false, refreshBy: "invite" },
} as const satisfies Record<string, PeerProfile>;

export type PbxProfileName = keyof typeof PBX_PROFILES;

export function softphoneProfile(userAgent: string | undefined): PeerProfile {
  const known = SOFTPHONES.find((it) => it.userAgent.test(userAgent ?? ""));
  return known?.profile ?? SOFTPHONE;
}

export function pbxProfile(name: string | undefined): PeerProfile {
  return PBX_PROFILES[name as PbxProfileName] ?? PBX;
}

/** Where nothing is known of a peer yet. */
export function profileOf(kind: LegKind): PeerProfile {
  return kind === "webrtc" ? SOFTPHONE : PBX;
}
