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

/**
 * How digits go to a peer: `rfc2833` as telephone-events where it takes them, `inband` always as
 * tones, `info` not by the worker at all: what comes in for it is told to main, which sends INFO.
 */
export type DtmfMode = "rfc2833" | "inband" | "info";

/** What the two directions of a leg's digits are, apart from the formats negotiated. */
export interface DigitWays {
  /** Towards the peer; `rfc2833` unless told otherwise. */
  dtmfMode?: DtmfMode;
  /**
   * From the peer: keys are looked for in its audio (ITU-T Q.24), told as notices and kept from the
   * other leg. For peers that send neither events nor INFO; events, once one came, count alone.
   */
  detectDtmf?: boolean;
}

/** Formats that stand beside the codec, as negotiated: payload types to send with and expect. */
export interface AuxiliaryFormats {
  /** Comfort noise (RFC 3389) on a clock of 8000, for a codec that has none of its own. */
  comfortNoise?: number;
  /** RED (RFC 2198) around `codec`: each packet carries those before it once more. */
  red?: number;
}

/** What the peer's SDP asks RTCP to say besides (RFC 3611 §5.1). */
export interface ExtendedReports {
  /** `voip-metrics`. */
  voip: boolean;
  /** `rcvr-rtt`. */
  roundTrip: boolean;
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

/** Crypto suites by the names SDES gives them (RFC 4568 §6.2, RFC 7714 §14.2). */
export type SrtpSuite =
  | "AEAD_AES_128_GCM"
  | "AEAD_AES_256_GCM"
  | "AES_CM_128_HMAC_SHA1_80"
  | "AES_CM_128_HMAC_SHA1_32";

/**
 * How a trunk leg's packets are protected, both ways: by keys of the SDP or of a DTLS handshake.
 * SDES keys are master key and master salt, one after the other; they are kept in memory and
 * written nowhere. `local` is what we protect with, `remote` what the peer does.
 */
export type TrunkSrtp =
  | { keying: "sdes"; suite: SrtpSuite; local: Uint8Array; remote: Uint8Array }
  | { keying: "dtls"; role: "client" | "server"; fingerprints: Fingerprint[] };

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
  | {
      kind: "trunk";
      rtp: Endpoint;
      rtcp: Endpoint;
      /** Of the same ports, for peers of our own networks; absent where `rtp` names it (NAT-03). */
      interfaceAddress?: string;
      fingerprint: Fingerprint;
      ssrc: number;
      cname: string;
    };

/** What the peer's SDP said, as far as packets need it. */
export type RemoteLeg = DigitWays &
  AuxiliaryFormats & {
    extendedReports?: ExtendedReports;
    /**
     * The keys are the two peers' own: DTLS, SRTP and SRTCP pass to the leg it is joined with, which
     * says so too, as they come. Nothing is negotiated, decrypted or sent by us on such a leg.
     */
    relay?: true;
  } & (
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
        /** The same as `rtp` where both share a port (RFC 5761). */
        rtcp: Endpoint;
        /** Absent: RTP in the clear. */
        srtp?: TrunkSrtp;
        codec: Codec;
        receive: Codec[];
        dtmf?: DtmfFormat[];
        direction: Direction;
      }
  );

/** Where a trunk leg's audio comes in, and who may send it. */
export interface TrunkPlace {
  /** The address of this machine it is received at; absent: the worker's own (CON-21). */
  bindAddress?: string;
  /** Audio goes where the SDP says, whoever else speaks (NAT-05); absent: it may be learnt (SEC-09). */
  isFixed?: true;
}

/**
 * Main to worker. Every command that carries `seq` is answered by one reply with the same `seq`.
 * `direction` in a remote leg is ours: what we do (`sendonly` means we send and drop what comes).
 */
export type Command =
  /** Opens a leg, and the session with it if it is new; best in the worker that has `near`. */
  | ({
      type: "open";
      seq: number;
      session: SessionId;
      leg: LegId;
      kind: LegKind;
      near?: SessionId;
    } & TrunkPlace)
  /** Sets or changes what the peer said. */
  | { type: "connect"; seq: number; session: SessionId; leg: LegId; remote: RemoteLeg }
  /** Audio flows between the two from now on, through codecs where they differ. */
  | { type: "join"; seq: number; session: SessionId; legs: [LegId, LegId] }
  /** New ICE credentials for a webrtc leg (ICE restart): answered by `opened`. */
  | { type: "restart"; seq: number; session: SessionId; leg: LegId }
  /** The leg goes over from another session of the same worker; the session is made if need be. */
  | { type: "adopt"; seq: number; session: SessionId; from: SessionId; leg: LegId }
  /**
   * A digit out of the leg, after those that wait: as telephone-event, or as tones where none was
   * negotiated or its mode is `inband`. `durationMs` is held to 40 … 6000.
   */
  | { type: "dtmf"; session: SessionId; leg: LegId; digit: string; durationMs: number }
  /**
   * A tone towards the leg's peer; with `untilAudio` it stops by itself when the leg it is joined
   * with brings something to hear. `sound: undefined` stops it. `country` (ISO 3166, two letters)
   * chooses whose tone it is; most of Europe's where it is absent or none is known. With `once` it
   * ends by itself, a file at its end, a tone after some seconds, which `played` tells.
   */
  | {
      type: "play";
      session: SessionId;
      leg: LegId;
      sound: Sound | undefined;
      untilAudio: boolean;
      country?: string;
      once?: true;
    }
  | { type: "query"; seq: number; session: SessionId }
  | { type: "closeLeg"; session: SessionId; leg: LegId }
  | { type: "close"; session: SessionId };

/**
 * Tones of ITU-T E.180 (`information` is its special information tone: the number is not in use), a
 * soft sign of life for who waits, nothing at all.
 */
export type ToneName = "ringback" | "busy" | "congestion" | "information" | "hold" | "silence";

/** A WAV file of the data directory's `sounds`; the tone where there is none, or it is no good. */
export interface SoundFile {
  file: string;
  otherwise: ToneName;
}

export type Sound = ToneName | SoundFile;

/** `elsewhere`: the leg to adopt is in another worker's hands. */
export type RefusedReason =
  | "no-port"
  | "over-limit"
  | "unknown-session"
  | "unknown-leg"
  | "elsewhere";

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

/** One direction of a leg's audio; counts and means since its beginning. */
export interface DirectionQuality {
  /**
   * `measured`: it comes to us. `reported`: it goes out, the peer's RTCP tells. `estimated`: it goes
   * out and the peer tells nothing; the way back stands in for it, and only jitter and loss of it.
   */
  basis: "measured" | "reported" | "estimated";
  /** Share of packets that did not arrive in time to be heard, 0 to 1; now and on the whole. */
  lossNow: number;
  loss: number;
  /** ITU-T G.107: mean length of losses over that of random ones; 1 is random. */
  burstRatio: number;
  jitterMs: number;
  /** E-model mean opinion score, 1 to 4.5: of the latest seconds, on the whole, at its worst. */
  mosNow: number;
  mos: number;
  mosWorst: number;
}

/** How one leg's audio arrives at either end. A direction nothing went in is absent. */
export interface LegQuality {
  leg: LegId;
  kind: LegKind;
  codec: CodecName;
  roundTripMs?: number;
  /** From the peer to us, and from us to the peer. */
  received?: DirectionQuality;
  sent?: DirectionQuality;
  /** Packets of the peer's that were not used, by why: another key, another format, replayed … */
  dropped?: Record<string, number>;
}

/**
 * What became of one leg's media, for whoever asks why it went as it did. Counts since its
 * beginning; addresses are IP literals.
 */
export interface LegFacts extends LegStatistics {
  /** Undefined before the peer's SDP is known. */
  direction?: Direction;
  /** The peer reported on what we send (RFC 3550 §6.4). */
  hasReports: boolean;
  /** Where the peer's SDP says its audio is; for trunk legs. */
  signalled?: Endpoint;
  /** Where we send: the nominated pair, the latched source, else what the SDP says. */
  remote?: Endpoint;
  /** Where packets came from last that were not listened to for it. */
  stranger?: Endpoint;
  /** For webrtc legs: authenticated checks, and whether one nominated a pair (RFC 8445 §8). */
  ice?: { checks: number; isNominated: boolean };
  /** Of the handshake for SRTP keys, where there is one of ours. */
  dtls?: DtlsProgress;
  /** Its packets pass as they are, to the other peer's keys: what is sent is not counted. */
  isSealed?: boolean;
}

/** `waiting`: for the peer's address or its SDP; `begun`: without keys so far. */
export type DtlsProgress = "waiting" | "begun" | "keyed";

export type Reply =
  | { type: "opened"; seq: number; local: LocalLeg }
  | { type: "connected"; seq: number }
  | { type: "joined"; seq: number }
  | { type: "adopted"; seq: number }
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
  /**
   * A digit came in on the leg that is not passed on as telephone-event by itself: the other leg
   * has none or another mode, is just being sent one of ours, or it was heard in the audio. Once a
   * digit, at its end.
   */
  | { type: "dtmf"; session: SessionId; leg: LegId; digit: string; durationMs: number }
  /** What was to be played once is over. */
  | { type: "played"; session: SessionId; leg: LegId }
  /** Every few seconds, of legs that are joined and of one that closes. */
  | { type: "quality"; session: SessionId; legs: LegQuality[] }
  /** Of legs that are joined now and then, of each that closes once. */
  | { type: "facts"; session: SessionId; legs: LegFacts[] }
  /** The answer to `close`: nothing more comes of this session. */
  | { type: "closed"; session: SessionId }
  /**
   * Every second: sessions it holds, the share of its thread that was busy, 0 to 1, and how late
   * its timer was served at worst, in milliseconds.
   */
  | { type: "load"; sessions: number; legs: number; busy: number; lateMs: number };

export type FromWorker =
  | Reply
  | Notice
  | { type: "ready"; webrtcPort: number }
  /** It is at work: every tenth of a second, whatever else it has to say. */
  | { type: "beat" }
  /** A sound file can't be played; a tone stands in for it. Told once until that changes. */
  | { type: "unplayable"; file: string; reason: string }
  /** It can't start: a port is taken, or an address isn't this machine's. */
  | { type: "unable"; reason: string };

/**
 * To a worker that is to take another's place one day: it loads what it can without sockets, so
 * that its `start` takes no longer than opening those does.
 */
export interface Preparation {
  type: "prepare";
}

/** The first message to a worker, or the second after `prepare`; before any command. */
export interface WorkerOptions {
  type: "start";
  /** Local IP addresses media is received on; the first is the default. */
  bindAddresses: string[];
  /** What peers outside are told instead of the bind address behind a 1:1 NAT; absent: that one. */
  advertisedAddress?: string;
  webrtcPort: number;
  /** This worker's share of the RTP port range, inclusive; even first. */
  rtpPorts: { first: number; last: number };
  /** How long its port may still be taken, by the worker whose place it takes; absent: not at all. */
  portPatienceMs?: number;
  /** A media leg silent for this long is reported, then again each time it doubles. */
  silenceMs: number;
  /** Where sound files are; absent: there are none. */
  soundsDirectory?: string;
}

export type ToWorker = Preparation | WorkerOptions | Command;
