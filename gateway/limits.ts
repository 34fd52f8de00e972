/** Every bound of the gateway in one place: number, unit, reason. */

/** RFC 3261 §18.1.1 leaves the size to us; E2 says 64 KiB for a whole message. */
export const SIP_MESSAGE_BYTES_MAX = 65_536;
/** Start line and headers together. */
export const SIP_HEAD_BYTES_MAX = 32_768;
/** Header lines in one message. */
export const SIP_HEADERS_MAX = 200;
/** Bindings of one address of record; E2 point 6. */
export const BINDINGS_PER_USER_MAX = 10;
/** Seconds a softphone's registration may last, REG-08 and S8. */
export const BINDING_EXPIRES_MIN = 60;
export const BINDING_EXPIRES_MAX = 3_600;
/** Body of an SDP, P4. */
export const SDP_BYTES_MAX = 65_536;
export const SDP_MEDIA_MAX = 16;
export const SDP_ATTRIBUTES_PER_MEDIA_MAX = 512;
export const SDP_CANDIDATES_MAX = 64;
/** Formats of one m= line: RTP has 128 payload types. */
export const SDP_FORMATS_PER_MEDIA_MAX = 128;
/** Of what a peer offered, how much a refusal repeats: names, and characters of each. */
export const SDP_NAMES_TOLD_MAX = 12;
export const SDP_NAME_TOLD_LENGTH_MAX = 32;
/** The dialled number, W7. */
export const DIALLED_NUMBER_LENGTH_MAX = 128;
/** A DTLS handshake message being reassembled, P8. */
export const DTLS_HANDSHAKE_BYTES_MAX = 65_536;
/** Calls at one time in one gateway; past it an INVITE gets 503. Memory, not CPU, sets it. */
export const CALLS_MAX = 5_000;
/** Devices of softphones at one time in one gateway; past it a REGISTER gets 503. */
export const FLOW_USERS_MAX = 20_000;
/** A media datagram we read or write, bytes: an Ethernet frame and then some; larger ones drop. */
export const MEDIA_DATAGRAM_BYTES_MAX = 2_048;
/** SSRCs one SRTP context keeps state for. Never evicted: a forgotten one could be replayed. */
export const SRTP_STREAMS_MAX = 64;
/** Remote addresses an ICE leg remembers an authenticated check from; the oldest makes room. */
export const ICE_SOURCES_MAX = 16;
/** Bytes of a STUN message we read; a connectivity check has about 120. */
export const STUN_MESSAGE_BYTES_MAX = 1_500;
/** Unknown attributes a 420 answer lists: with more it would amplify. */
export const STUN_UNKNOWN_ATTRIBUTES_MAX = 8;
/** Packets in one compound RTCP datagram. */
export const RTCP_PACKETS_MAX = 64;
/** Bytes waiting for a TCP peer that reads slowly; past it the flow is closed (backpressure). */
export const TCP_BACKLOG_BYTES_MAX = 1_048_576;
/** Bytes waiting for a WebSocket peer that reads slowly; past it the flow is closed. */
export const WEBSOCKET_BACKLOG_BYTES_MAX = 1_048_576;
/** Stream and WebSocket flows from one address, D11 of the secure defaults. */
export const FLOWS_PER_ADDRESS_MAX = 64;
/** UDP peers whose flow is remembered; an older one is made anew when it speaks again. */
export const UDP_FLOWS_MAX = 10_000;
/** Milliseconds an RTP port pair rests after use, M8: no stray packet reaches the next call. */
export const PORT_QUARANTINE_MS = 5_000;
/** Milliseconds before a pair another program holds is tried again. */
export const PORT_PAIR_REFUSED_MS = 30_000;
/** Pairs tried for one leg before it is refused: with more, a full range would stall the thread. */
export const PORT_PAIR_ATTEMPTS_MAX = 16;
/** How long after the SDP a stranger's audio may be latched on to, SEC-09; milliseconds. */
export const LATCH_WINDOW_MS = 3_000;
/** How long the signalled address has the first word, M1; milliseconds after the SDP. */
export const LATCH_FOREIGN_AFTER_MS = 500;
/** Consecutive packets of one SSRC a stranger needs, SEC-09. */
export const LATCH_PACKETS = 3;
/** Consecutive packets a locked host needs from another port, and its silence before, M3. */
export const LATCH_MOVE_PACKETS = 50;
export const LATCH_MOVE_SILENCE_MS = 200;
/** Packets held behind a gap before it counts as lost, and for how long at most. */
export const REORDER_PACKETS_MAX = 3;
export const REORDER_WAIT_MS = 60;
/** Missing sequence numbers beyond which a stream has started anew (RFC 3550 A.1). */
export const SEQUENCE_DROPOUT_MAX = 3_000;
/** A packet this far behind is no latecomer: the stream started anew (RFC 3550 A.1). */
export const SEQUENCE_MISORDER_MAX = 100;
/** Audio made up for lost packets in a row, milliseconds; after that silence is more honest. */
export const CONCEAL_MS_MAX = 120;
/** Audio in one packet, milliseconds: the longest Opus packet (RFC 6716 §3.2). */
export const PACKET_AUDIO_MS_MAX = 120;
/** Valid RTP packets a second one leg may bring, M10: twice 10 ms packets; and the burst. */
export const RTP_PACKETS_PER_SECOND_MAX = 200;
export const RTP_BURST_PACKETS_MAX = 100;
/** Media sessions of one worker, and legs of one: ten devices may ring, and the trunk. */
export const MEDIA_SESSIONS_MAX = 1_000;
export const LEGS_PER_SESSION_MAX = 16;
/** DTLS datagrams kept for a webrtc leg whose SDP is still on its way: one ClientHello's. */
export const DTLS_EARLY_DATAGRAMS_MAX = 4;
/** SIP transactions at one time; past it new requests get 503 without one. About 4 KiB each. */
export const TRANSACTIONS_MAX = 100_000;
/** Nonces whose counts are remembered, 5 minutes each; the oldest is forgotten first. */
export const DIGEST_NONCES_MAX = 50_000;
