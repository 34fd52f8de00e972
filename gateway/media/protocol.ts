/**
 * The whole conversation between the main thread and a media worker, and the only module both
 * sides share. Types alone: nothing here runs. No SDP, no SIP: the worker knows RTP, not calls.
 *
 * A media session belongs to one call and to one worker. It holds legs; a leg is `webrtc` (ICE,
 * DTLS-SRTP) or `trunk` (RTP). At most two legs are joined at a time; a forked call opens one
 * webrtc leg for each device that rings and closes those that lost.
 */

export type LegKind = "webrtc" | "trunk";
export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";
export type SessionId = string & { readonly brand: "SessionId" };
export type LegId = string & { readonly brand: "LegId" };

/** An IP literal (no brackets) and a port. */
export interface Endpoint {
  address: string;
  port: number;
}

export type CodecName = "opus" | "G722" | "PCMA" | "PCMU";

/** A codec as negotiated. `clockRate` is the RTP clock: 8000 for G.722 (RFC 3551 §4.5.2). */
export interface Codec {
  name: CodecName;
  payloadType: number;
  clockRate: 48_000 | 8_000;
  /** Milliseconds of audio in each packet we send: 10, 20, 30, 40 or 60. */
  ptimeMs: number;
  /** The remote side's wish for in-band FEC (RFC 7587 §6.1); Opus only. */
  fec?: boolean;
}

/** telephone-event (RFC 4733) as negotiated: the payload type to send with and expect. */
export interface DtmfFormat {
  payloadType: number;
  clockRate: 48_000 | 8_000;
}

/** `value` as in SDP: upper-case hex pairs with colons (RFC 8122 §5). */
export interface Fingerprint {
  algorithm: "sha-256" | "sha-384" | "sha-512";
  value: string;
}

export interface IceCredentials {
  ufrag: string;
  password: string;
}

/** What a leg opened: everything the SDP for its peer needs. */
export type LocalLeg =
  | {
      kind: "webrtc";
      /** Host candidates, best first. All of the worker's webrtc legs share the port. */
      candidates: Endpoint[];
      ice: IceCredentials;
      fingerprint: Fingerprint;
      ssrc: number;
      cname: string;
    }
  | { kind: "trunk"; rtp: Endpoint; rtcp: Endpoint; ssrc: number; cname: string };

/** What the peer's SDP said, as far as packets need it. */
export type RemoteLeg =
  | {
      kind: "webrtc";
      ice: IceCredentials;
      fingerprints: Fingerprint[];
      /** Our role in the DTLS handshake: `client` where the peer's `a=setup` is passive. */
      dtls: "client" | "server";
      codec: Codec;
      /** Every payload type the peer may send, by negotiated codec; includes `codec`. */
      receive: Codec[];
      dtmf?: DtmfFormat[];
      direction: Direction;
    }
  | {
      kind: "trunk";
      rtp: Endpoint;
      rtcp: Endpoint;
      codec: Codec;
      receive: Codec[];
      dtmf?: DtmfFormat[];
      direction: Direction;
    };

/**
 * Main to worker. Every command that carries `seq` is answered by one reply with the same `seq`.
 * `direction` in a remote leg is ours: what we do (`sendonly` means we send and drop what comes).
 */
export type Command =
  /** Opens a leg, and the session with it if it is new. */
  | { type: "open"; seq: number; session: SessionId; leg: LegId; kind: LegKind }
  /** Sets or changes what the peer said. */
  | { type: "connect"; seq: number; session: SessionId; leg: LegId; remote: RemoteLeg }
  /** Audio flows between the two from now on, through codecs where they differ. */
  | { type: "join"; seq: number; session: SessionId; legs: [LegId, LegId] }
  /** New ICE credentials for a webrtc leg (ICE restart): answered by `opened`. */
  | { type: "restart"; seq: number; session: SessionId; leg: LegId }
  | { type: "query"; seq: number; session: SessionId }
  | { type: "closeLeg"; session: SessionId; leg: LegId }
  | { type: "close"; session: SessionId };

export type RefusedReason = "no-port" | "over-limit" | "unknown-session" | "unknown-leg";

export interface LegStatistics {
  leg: LegId;
  kind: LegKind;
  codec?: CodecName;
  packetsReceived: number;
  packetsSent: number;
  packetsLost: number;
  /** Packets dropped, by why: replay, authentication, source, malformed, payload-type … */
  dropped: Record<string, number>;
  /** Interarrival jitter, RFC 3550 §6.4.1, in milliseconds. */
  jitterMs: number;
  /** From RTCP, in milliseconds; absent until a report came. */
  roundTripMs?: number;
}

export type Reply =
  | { type: "opened"; seq: number; local: LocalLeg }
  | { type: "connected"; seq: number }
  | { type: "joined"; seq: number }
  | { type: "statistics"; seq: number; legs: LegStatistics[] }
  | { type: "refused"; seq: number; reason: RefusedReason };

/** Worker to main, unasked. */
export type Notice =
  /** The first valid packet of audio came in. */
  | { type: "flowing"; session: SessionId; leg: LegId }
  /** No valid packet for `forMs` although the peer should send. */
  | { type: "silent"; session: SessionId; leg: LegId; forMs: number }
  | {
      type: "failed";
      session: SessionId;
      leg: LegId;
      reason: "dtls" | "fingerprint" | "ice-consent" | "fault";
      detail: string;
    }
  /** Every second: sessions it holds and the share of its thread that was busy, 0 to 1. */
  | { type: "load"; sessions: number; legs: number; busy: number };

export type FromWorker =
  | Reply
  | Notice
  | { type: "ready"; webrtcPort: number }
  /** It can't start: a port is taken, or an address isn't this machine's. */
  | { type: "unable"; reason: string };

/** The first message to a worker, before any command. */
export interface WorkerOptions {
  type: "start";
  /** Local IP addresses media is received on; the first is the default. */
  bindAddresses: string[];
  /** What SDP says instead of the bind address behind a 1:1 NAT; absent: the bind address. */
  advertisedAddress?: string;
  webrtcPort: number;
  /** This worker's share of the RTP port range, inclusive; even first. */
  rtpPorts: { first: number; last: number };
  /** A media leg silent for this long is reported, then again each time it doubles. */
  silenceMs: number;
}

export type ToWorker = WorkerOptions | Command;
