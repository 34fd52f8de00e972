/**
 * The RTP packet, RFC 3550 §5.1 and §5.3.1: fixed header, contributing sources, one header
 * extension, padding. Reads and writes in place and into a reused object, for this runs once for
 * each packet. Above it the legs and SRTP; below it nothing.
 */

export const RTP_HEADER_BYTES = 12;

/** One packet's header, reused from packet to packet. */
export class RtpHeader {
  payloadType = 0;
  marker = false;
  /** 16 bits. */
  sequence = 0;
  /** 32 bits, in units of the payload's clock. */
  timestamp = 0;
  /** 32 bits. */
  ssrc = 0;
  /** Where the payload begins: after contributing sources and extension. */
  payloadOffset = RTP_HEADER_BYTES;
  /** Bytes of payload without padding; may be 0. */
  payloadLength = 0;
}

/**
 * Length of the header with contributing sources and extension, in bytes; 0 where it isn't RTP
 * version 2 or runs past `length`. Needs no decryption: SRTP leaves all this in the clear.
 */
export function headerLength(buffer: Uint8Array, length: number): number {
  if (length < RTP_HEADER_BYTES || length > buffer.length) return 0;
  const first = byte(buffer, 0);
  if (first >> 6 !== 2) return 0;
  let end = RTP_HEADER_BYTES + 4 * (first & 0x0f);
  if (first & 0x10) {
    if (end + 4 > length) return 0;
    end += 4 + 4 * uint16(buffer, end + 2);
  }
  return end <= length ? end : 0;
}

/**
 * Reads the packet in buffer[0..length) into `into`. False, with `into` unchanged, where a field
 * runs past the end, or the padding is zero or longer than what follows the header.
 */
export function readHeader(buffer: Uint8Array, length: number, into: RtpHeader): boolean {
  const offset = headerLength(buffer, length);
  if (offset === 0) return false;
  let padding = 0;
  if (byte(buffer, 0) & 0x20) {
    padding = byte(buffer, length - 1);
    if (padding === 0 || padding > length - offset) return false;
  }
  const second = byte(buffer, 1);
  into.marker = second >= 0x80;
  into.payloadType = second & 0x7f;
  into.sequence = uint16(buffer, 2);
  into.timestamp = uint32(buffer, 4);
  into.ssrc = uint32(buffer, 8);
  into.payloadOffset = offset;
  into.payloadLength = length - offset - padding;
  return true;
}

/**
 * Writes a header of 12 bytes, without contributing sources, extension or padding, at the start of
 * `buffer`. Returns its length: where the payload goes.
 */
export function writeHeader(
  buffer: Uint8Array,
  header: Pick<RtpHeader, "payloadType" | "marker" | "sequence" | "timestamp" | "ssrc">,
): number {
  buffer[0] = 0x80;
  buffer[1] = (header.marker ? 0x80 : 0) | (header.payloadType & 0x7f);
  buffer[2] = header.sequence >> 8;
  buffer[3] = header.sequence;
  writeUint32(buffer, 4, header.timestamp);
  writeUint32(buffer, 8, header.ssrc);
  return RTP_HEADER_BYTES;
}

// A DataView would have to be made for each buffer; these compile to plain loads.

function byte(buffer: Uint8Array, offset: number): number {
  return buffer[offset] ?? 0;
}

function uint16(buffer: Uint8Array, offset: number): number {
  return (byte(buffer, offset) << 8) | byte(buffer, offset + 1);
}

function uint32(buffer: Uint8Array, offset: number): number {
  return ((uint16(buffer, offset) << 16) | uint16(buffer, offset + 2)) >>> 0;
}

function writeUint32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 24;
  buffer[offset + 1] = value >>> 16;
  buffer[offset + 2] = value >>> 8;
  buffer[offset + 3] = value;
}
