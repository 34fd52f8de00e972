/** Every bound of the gateway in one place: number, unit, reason. */

/** RFC 3261 §18.1.1 leaves the size to us; E2 says 64 KiB for a whole message. */
export const SIP_MESSAGE_BYTES_MAX = 65_536;
/** Start line and headers together. */
export const SIP_HEAD_BYTES_MAX = 32_768;
/** Header lines in one message. */
export const SIP_HEADERS_MAX = 200;
/** Characters of a Call-ID, tag, branch or method, S14: we keep them, and send them on. */
export const SIP_IDENTIFIER_LENGTH_MAX = 255;
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
/** What no limit and no permission holds up, where the settings say nothing else (AMB-04). */
export const EMERGENCY_NUMBERS_DEFAULT: readonly string[] = ["112", "911", "999", "110"];
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
/** Datagrams read from one socket before the others have their turn. */
export const DATAGRAM_BATCH_MAX = 32;
/** Addresses of peers a media worker keeps in both forms; past it they are made anew. */
export const SOCKET_ADDRESSES_KEPT = 8_192;
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
/** UDP peers of which it is known whether they take large requests over TCP (RFC 3261 §18.1.1). */
export const LARGE_REQUEST_WAYS_MAX = 1_000;
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
/** Packets held behind a gap before it counts as lost, on the worst network, and how long at most. */
export const REORDER_PACKETS_MAX = 6;
export const REORDER_WAIT_MS = 60;
/** Subscriptions of one user, and of all: a receptionist's lamps, and a company's. */
export const SUBSCRIPTIONS_PER_USER_MAX = 200;
export const SUBSCRIPTIONS_MAX = 20_000;
/** Bytes of a MESSAGE passed on (RFC 3428 §8 has 1300 where the path may be UDP). */
export const MESSAGE_BYTES_MAX = 16_384;
/** Sources of messages whose behaviour is remembered; about 200 bytes each. */
export const SOURCES_MAX = 100_000;
/** Digits that wait to be sent out of one leg: nobody types ahead of 20 s. */
export const ANNOUNCED_DIGITS_MAX = 64;
/** How long one digit sounds, milliseconds: ITU-T Q.24's shortest key, WebRTC's longest. */
export const DIGIT_MS_MIN = 40;
export const DIGIT_MS_MAX = 6_000;
/** Missing sequence numbers beyond which a stream has started anew (RFC 3550 A.1). */
export const SEQUENCE_DROPOUT_MAX = 3_000;
/** A packet this far behind is no latecomer: the stream started anew (RFC 3550 A.1). */
export const SEQUENCE_MISORDER_MAX = 100;
/** Copies of earlier audio in one RED packet (RFC 2198); browsers send one or two. */
export const RED_BLOCKS_MAX = 4;
/** Audio made up for lost packets in a row, milliseconds; after that silence is more honest. */
export const CONCEAL_MS_MAX = 120;
/** Audio in one packet, milliseconds: the longest Opus packet (RFC 6716 §3.2). */
export const PACKET_AUDIO_MS_MAX = 120;
/** Valid RTP packets a second one leg may bring, M10: twice 10 ms packets; and the burst. */
export const RTP_PACKETS_PER_SECOND_MAX = 200;
export const RTP_BURST_PACKETS_MAX = 100;
/** Audio one leg may have coded, milliseconds a second, M10: twice what is real; and the burst. */
export const CODED_AUDIO_MS_PER_SECOND_MAX = 2_000;
export const CODED_AUDIO_BURST_MS_MAX = 3_000;
/** Media sessions of one worker, and legs of one: ten devices may ring, and the trunk. */
export const MEDIA_SESSIONS_MAX = 1_000;
export const LEGS_PER_SESSION_MAX = 16;
/** DTLS datagrams kept for a leg whose SDP is still on its way: one ClientHello's. */
export const DTLS_EARLY_DATAGRAMS_MAX = 4;
/** SIP transactions at one time; past it new requests get 503 without one. About 4 KiB each. */
export const TRANSACTIONS_MAX = 100_000;
/** Nonces whose counts are remembered, 5 minutes each; the oldest is forgotten first. */
export const DIGEST_NONCES_MAX = 50_000;
/** Calls whose evidence is kept, X2; past it the oldest makes room, first of those that are over. */
export const TRACED_CALLS_MAX = 2_000;
/** Of strangers who were refused, the latest: they must not push calls out. */
export const TRACED_STRANGERS_MAX = 100;
/** Characters of evidence, of all calls: one takes about 12,000, a byte each where it is ASCII. */
export const TRACE_CHARACTERS_MAX = 33_554_432;
/** Characters, messages, decisions and dialogs of one call: what comes then is only counted. */
export const TRACE_CALL_CHARACTERS_MAX = 262_144;
export const TRACE_MESSAGES_MAX = 400;
export const TRACE_DECISIONS_MAX = 200;
export const TRACE_PARTIES_MAX = 24;
/** What a sample of a party's audio counts for among them: its numbers take about as many bytes. */
export const TRACE_SAMPLE_CHARACTERS = 120;
/** INVITEs that were asked for a password and may come again with it, and characters of each. */
export const TRACED_CHALLENGES_MAX = 100;
export const TRACED_CHALLENGE_CHARACTERS_MAX = 8_192;
/** Bytes, and seconds, of a sound file: an hour in stereo at 48 kHz is no hold music. */
export const SOUND_BYTES_MAX = 64 * 1_048_576;
export const SOUND_SECONDS_MAX = 900;
/** Sound files a worker keeps, 32 KB for each second: the one wanted longest ago makes room. */
export const SOUNDS_MAX = 16;
