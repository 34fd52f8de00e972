/**
 * One direction of SRTP and SRTCP under one master key: RFC 3711 §3.3 (processing order), §3.3.1
 * (rollover counter), §3.4 (SRTCP). State is per SSRC and created only by authentic packets, so a
 * forger can neither fill it nor move a window. The legs stand above; the ciphers below. No MKI.
 */
import { MEDIA_DATAGRAM_BYTES_MAX, SRTP_STREAMS_MAX } from "../../limits.ts";
import { headerLength } from "../rtp/rtp-packet.ts";
import { nearestIndex } from "../rtp/sequence.ts";
import { AesCmTransform } from "./aes-cm-transform.ts";
import { AesGcmTransform } from "./aes-gcm-transform.ts";
import { deriveSessionKeys } from "./key-derivation.ts";
import type { SrtpProfile } from "./profiles.ts";
import { ReplayWindow } from "./replay-window.ts";
import {
  ENCRYPTED_FLAG,
  NOT_AUTHENTIC,
  REPLAYED,
  RTCP_HEADER_BYTES,
  RTCP_INDEX_BYTES,
  readUint32,
  type SrtpTransform,
  TOO_LONG,
  TOO_MANY_STREAMS,
  TOO_SHORT,
} from "./transform.ts";

export { NOT_AUTHENTIC, REPLAYED, TOO_LONG, TOO_MANY_STREAMS, TOO_SHORT };

/** How much a protected packet may grow: the longest tag and the SRTCP index, bytes. */
export const SRTP_OVERHEAD_BYTES = 20;

export class SrtpSender {
  readonly #transform: SrtpTransform;
  readonly #streams = new Streams();
  #rtcpIndex = 0;

  /** Throws where key or salt don't have the profile's lengths: our own bug. */
  constructor(profile: SrtpProfile, masterKey: Uint8Array, masterSalt: Uint8Array) {
    this.#transform = transformOf(profile, masterKey, masterSalt);
  }

  /**
   * Protects the RTP packet in buffer[0..length) in place; `buffer` must have room for
   * SRTP_OVERHEAD_BYTES more. Returns the new length, or 0, and then nothing may be sent: the
   * packet is malformed, or its index was used before or is too old to know. A second packet under
   * one index would give away the keystream (RFC 3711 §9.1, RFC 7714 §10.1).
   */
  protect(buffer: Uint8Array, length: number): number {
    const payload = headerLength(buffer, length);
    if (payload === 0 || length + SRTP_OVERHEAD_BYTES > MEDIA_DATAGRAM_BYTES_MAX) return 0;
    const ssrc = readUint32(buffer, 8);
    const window = this.#streams.find(ssrc) ?? this.#streams.add(ssrc);
    if (!window) return 0;
    const index = indexOf(buffer, window);
    if (!window.accepts(index)) return 0;
    window.record(index);
    return this.#transform.protectRtp(buffer, length, payload, index);
  }

  /** The same for a compound RTCP packet. 0 where it is malformed or 2^31 packets were sent. */
  protectRtcp(buffer: Uint8Array, length: number): number {
    if (length < RTCP_HEADER_BYTES || this.#rtcpIndex >= ENCRYPTED_FLAG) return 0;
    if (length + SRTP_OVERHEAD_BYTES > MEDIA_DATAGRAM_BYTES_MAX) return 0;
    // One counter for all our SSRCs: each still sees its index only grow.
    const index = this.#rtcpIndex;
    this.#rtcpIndex += 1;
    return this.#transform.protectRtcp(buffer, length, index);
  }
}

export class SrtpReceiver {
  readonly #transform: SrtpTransform;
  readonly #profile: SrtpProfile;
  readonly #streams = new Streams();
  readonly #rtcpStreams = new Streams();

  /** Throws where key or salt don't have the profile's lengths: our own bug. */
  constructor(profile: SrtpProfile, masterKey: Uint8Array, masterSalt: Uint8Array) {
    this.#transform = transformOf(profile, masterKey, masterSalt);
    this.#profile = profile;
  }

  /**
   * Unprotects the SRTP packet in buffer[0..length) in place. Returns the RTP packet's length, or
   * one of the negative reasons TOO_SHORT, TOO_LONG, REPLAYED, NOT_AUTHENTIC, TOO_MANY_STREAMS;
   * then no state changed, and but for the last neither did the buffer.
   */
  unprotect(buffer: Uint8Array, length: number): number {
    if (length > MEDIA_DATAGRAM_BYTES_MAX) return TOO_LONG;
    const payload = headerLength(buffer, length);
    if (payload === 0 || length < payload + this.#profile.tagBytes) return TOO_SHORT;
    const ssrc = readUint32(buffer, 8);
    const known = this.#streams.find(ssrc);
    const index = indexOf(buffer, known);
    if (known && !known.accepts(index)) return REPLAYED;
    const plain = this.#transform.unprotectRtp(buffer, length, payload, index);
    if (plain < 0) return plain;
    const window = known ?? this.#streams.add(ssrc);
    if (!window) return TOO_MANY_STREAMS;
    window.record(index);
    return plain;
  }

  /** The same for SRTCP; an authentic packet without encryption (E flag 0) is accepted. */
  unprotectRtcp(buffer: Uint8Array, length: number): number {
    if (length > MEDIA_DATAGRAM_BYTES_MAX) return TOO_LONG;
    const shortest = RTCP_HEADER_BYTES + RTCP_INDEX_BYTES + this.#profile.rtcpTagBytes;
    if (length < shortest || length > buffer.length) return TOO_SHORT;
    if ((buffer[0] ?? 0) >> 6 !== 2) return TOO_SHORT;
    const ssrc = readUint32(buffer, 4);
    const known = this.#rtcpStreams.find(ssrc);
    const index = readUint32(buffer, this.#transform.rtcpIndexOffset(length)) % ENCRYPTED_FLAG;
    if (known && !known.accepts(index)) return REPLAYED;
    const plain = this.#transform.unprotectRtcp(buffer, length);
    if (plain < 0) return plain;
    const window = known ?? this.#rtcpStreams.add(ssrc);
    if (!window) return TOO_MANY_STREAMS;
    window.record(index);
    return plain;
  }
}

function transformOf(
  profile: SrtpProfile,
  masterKey: Uint8Array,
  masterSalt: Uint8Array,
): SrtpTransform {
  const { rtp, rtcp } = deriveSessionKeys(profile, masterKey, masterSalt);
  if (profile.cipher === "aes-gcm") return new AesGcmTransform(rtp, rtcp);
  return new AesCmTransform(profile, rtp, rtcp);
}

/** The packet's index; a stream's first packet has rollover counter 0 (§3.3.1). */
function indexOf(buffer: Uint8Array, window: ReplayWindow | undefined): number {
  const sequence = ((buffer[2] ?? 0) << 8) | (buffer[3] ?? 0);
  if (!window || window.highest < 0) return sequence;
  return nearestIndex(window.highest, sequence);
}

/** The windows by SSRC, the last one used at hand: a leg's packets nearly all have one SSRC. */
class Streams {
  readonly #windows = new Map<number, ReplayWindow>();
  #lastSsrc = -1;
  #last: ReplayWindow | undefined;

  find(ssrc: number): ReplayWindow | undefined {
    if (ssrc === this.#lastSsrc) return this.#last;
    const window = this.#windows.get(ssrc);
    if (window) this.#remember(ssrc, window);
    return window;
  }

  /** Undefined when SRTP_STREAMS_MAX is reached. */
  add(ssrc: number): ReplayWindow | undefined {
    if (this.#windows.size >= SRTP_STREAMS_MAX) return undefined;
    const window = new ReplayWindow();
    this.#windows.set(ssrc, window);
    this.#remember(ssrc, window);
    return window;
  }

  #remember(ssrc: number, window: ReplayWindow): void {
    this.#lastSsrc = ssrc;
    this.#last = window;
  }
}
