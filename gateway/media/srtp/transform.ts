/**
 * What the two ciphers have in common: how one packet is protected once its index is known. The
 * contexts above decide the index (rollover counter, replay); a transform keeps no packet's state.
 * All work in place and return the packet's new length.
 */

/** The packet is too short to be what it says, or not RTP or RTCP version 2. */
export const TOO_SHORT = -1;
/** The index was seen before, or is older than the replay window. */
export const REPLAYED = -2;
/** The tag is wrong. */
export const NOT_AUTHENTIC = -3;
/** Longer than a media datagram may be. */
export const TOO_LONG = -4;
/** Authentic, but from more SSRCs than one context keeps. */
export const TOO_MANY_STREAMS = -5;

/** The E flag before the SRTCP index: the packet is encrypted (RFC 3711 §3.4). */
export const ENCRYPTED_FLAG = 0x8000_0000;
/** The part of an RTCP packet that stays in the clear. */
export const RTCP_HEADER_BYTES = 8;
export const RTCP_INDEX_BYTES = 4;

export interface SrtpTransform {
  /** `index` is rollovers * 65536 + sequence number; `payload` where the payload begins. */
  protectRtp(buffer: Uint8Array, length: number, payload: number, index: number): number;
  /** NOT_AUTHENTIC leaves the buffer as it was. */
  unprotectRtp(buffer: Uint8Array, length: number, payload: number, index: number): number;
  protectRtcp(buffer: Uint8Array, length: number, index: number): number;
  /** NOT_AUTHENTIC leaves the buffer as it was. */
  unprotectRtcp(buffer: Uint8Array, length: number): number;
  /** Where the E flag and the SRTCP index lie in a protected packet of `length` bytes. */
  rtcpIndexOffset(length: number): number;
}

/** A 32-bit number in network order; the caller has checked the bounds. */
export function readUint32(buffer: Uint8Array, offset: number): number {
  const high = ((buffer[offset] ?? 0) << 8) | (buffer[offset + 1] ?? 0);
  const low = ((buffer[offset + 2] ?? 0) << 8) | (buffer[offset + 3] ?? 0);
  return ((high << 16) | low) >>> 0;
}

export function writeUint32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 24;
  buffer[offset + 1] = value >>> 16;
  buffer[offset + 2] = value >>> 8;
  buffer[offset + 3] = value;
}
