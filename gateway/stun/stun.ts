/**
 * STUN messages read: RFC 8489 §5 (header) and §14 (attributes), with what ICE adds (RFC 8445
 * §16.1). Integrity is short-term (§9.1) with SHA-1, as ICE uses it. Writing is stun-writer.ts.
 * Above both: media's ice-lite.ts, and io's stun-client.ts.
 */
import { fromUtf8 } from "../bytes.ts";
import { equalSecret, hmac } from "../crypto.ts";
import { STUN_MESSAGE_BYTES_MAX } from "../limits.ts";
import { addressText, type TransportAddress } from "./address.ts";
import { crc32 } from "./crc32.ts";

export const STUN_HEADER_BYTES = 20;
export const MAGIC_COOKIE = 0x2112a442;
export const BINDING = 0x001;
/** What a CRC-32 is XORed with in FINGERPRINT, §14.7. */
export const FINGERPRINT_XOR = 0x5354554e;

export const USERNAME = 0x0006;
export const MESSAGE_INTEGRITY = 0x0008;
export const ERROR_CODE = 0x0009;
export const UNKNOWN_ATTRIBUTES = 0x000a;
export const XOR_MAPPED_ADDRESS = 0x0020;
export const PRIORITY = 0x0024;
export const USE_CANDIDATE = 0x0025;
export const FINGERPRINT = 0x8028;
export const ICE_CONTROLLED = 0x8029;
export const ICE_CONTROLLING = 0x802a;

/** Defined by RFC 8489 and without effect on a connectivity check: known, not acted upon. */
const IGNORED = new Set([0x0001, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e]);

/** Whether the sender of a role attribute, tie-breaker apart, is controlling or controlled. */
export type IceRole = "controlling" | "controlled";
export type StunClass = "request" | "indication" | "success" | "error";
const CLASSES: readonly StunClass[] = ["request", "indication", "success", "error"];

/** What a message says; of an attribute that comes twice, the first counts (§14). */
export interface StunMessage {
  class: StunClass;
  method: number;
  /** 12 bytes, a view of the datagram. */
  transactionId: Uint8Array;
  username?: string;
  priority?: number;
  useCandidate: boolean;
  role?: IceRole;
  xorMappedAddress?: TransportAddress;
  /** 300 to 699. */
  errorCode?: number;
  /** Listed by the sender of a 420. */
  unknownAttributes?: number[];
  /** Comprehension-required attribute types we do not know, §6.3.1. */
  notUnderstood: number[];
  /** Where MESSAGE-INTEGRITY begins; absent where there is none. */
  integrityOffset?: number;
  fingerprint: "absent" | "right" | "wrong";
}

/** Whether this looks like STUN: top bits, cookie and length (§5, §6.3). */
export function isStun(datagram: Uint8Array): boolean {
  const length = datagram.length;
  if (length < STUN_HEADER_BYTES || length > STUN_MESSAGE_BYTES_MAX) return false;
  if (uint16(datagram, 0) >= 0x4000) return false;
  const body = uint16(datagram, 2);
  return body % 4 === 0 && body + STUN_HEADER_BYTES === length && hasCookie(datagram);
}

/** The message, or undefined where header, an attribute's length or its value is malformed. */
export function readStun(datagram: Uint8Array): StunMessage | undefined {
  if (!isStun(datagram)) return undefined;
  const type = uint16(datagram, 0);
  const message: StunMessage = {
    class: CLASSES[((type >> 7) & 2) | ((type >> 4) & 1)] ?? "request",
    method: (type & 0x000f) | ((type & 0x00e0) >> 1) | ((type & 0x3e00) >> 2),
    transactionId: datagram.subarray(8, STUN_HEADER_BYTES),
    useCandidate: false,
    notUnderstood: [],
    fingerprint: "absent",
  };
  let offset = STUN_HEADER_BYTES;
  while (offset < datagram.length) {
    // FINGERPRINT must be the last attribute (§14.7).
    if (message.fingerprint !== "absent" || offset + 4 > datagram.length) return undefined;
    const start = offset + 4;
    const end = start + uint16(datagram, offset + 2);
    const next = (end + 3) & ~3;
    if (next > datagram.length) return undefined;
    if (!readAttribute(message, datagram, offset, start, end)) return undefined;
    offset = next;
  }
  return message;
}

/** False where the attribute's value is malformed. */
function readAttribute(
  message: StunMessage,
  datagram: Uint8Array,
  offset: number,
  start: number,
  end: number,
): boolean {
  const type = uint16(datagram, offset);
  if (type === FINGERPRINT) {
    if (end - start !== 4) return false;
    const expected = (crc32(datagram.subarray(0, offset)) ^ FINGERPRINT_XOR) >>> 0;
    message.fingerprint = uint32(datagram, start) === expected ? "right" : "wrong";
    return true;
  }
  // Nothing else after MESSAGE-INTEGRITY is covered by it, so nothing else counts (§14.5).
  if (message.integrityOffset !== undefined) return true;
  if (type === MESSAGE_INTEGRITY) {
    if (end - start !== 20) return false;
    message.integrityOffset = offset;
    return true;
  }
  return readValue(message, type, datagram.subarray(start, end));
}

function readValue(message: StunMessage, type: number, value: Uint8Array): boolean {
  switch (type) {
    case USERNAME:
      // 513 bytes at most before padding, §14.3.
      if (value.length > 513) return false;
      message.username ??= fromUtf8(value);
      return true;
    case PRIORITY:
      if (value.length !== 4) return false;
      message.priority ??= uint32(value, 0);
      return true;
    case USE_CANDIDATE:
      message.useCandidate = true;
      return value.length === 0;
    case ICE_CONTROLLING:
    case ICE_CONTROLLED:
      message.role ??= type === ICE_CONTROLLING ? "controlling" : "controlled";
      return value.length === 8;
    case XOR_MAPPED_ADDRESS: {
      const address = readXorAddress(value, message.transactionId);
      if (address) message.xorMappedAddress ??= address;
      return address !== undefined;
    }
    case ERROR_CODE: {
      const code = ((value[2] ?? 0) & 0x07) * 100 + (value[3] ?? 0);
      message.errorCode ??= code;
      return value.length >= 4 && code >= 300 && code <= 699;
    }
    case UNKNOWN_ATTRIBUTES: {
      const types: number[] = [];
      for (let at = 0; at + 1 < value.length; at += 2) types.push(uint16(value, at));
      message.unknownAttributes ??= types;
      return value.length % 2 === 0;
    }
    default:
      // Types below 0x8000 must be understood, §14.
      if (type < 0x8000 && !IGNORED.has(type)) message.notUnderstood.push(type);
      return true;
  }
}

/**
 * Whether MESSAGE-INTEGRITY was made with `key`, §14.5: over everything before it, with a
 * header length that ends after it. False where the message has none. For ICE the key is
 * the password's bytes (§9.1.1).
 */
export function integrityIsRight(
  datagram: Uint8Array,
  message: StunMessage,
  key: Uint8Array,
): boolean {
  const offset = message.integrityOffset;
  if (offset === undefined) return false;
  const covered = new Uint8Array(datagram.subarray(0, offset));
  const length = offset + 24 - STUN_HEADER_BYTES;
  covered[2] = length >> 8;
  covered[3] = length;
  return equalSecret(hmac("sha1", key, covered), datagram.subarray(offset + 4, offset + 24));
}

/**
 * The local ufrag out of a request's USERNAME ("local:remote"), without reading the rest: how a
 * worker finds the leg a check on its shared port is for. Undefined where there is none.
 */
export function ufragOf(datagram: Uint8Array): string | undefined {
  if (!isStun(datagram)) return undefined;
  let offset = STUN_HEADER_BYTES;
  while (offset + 4 <= datagram.length) {
    const end = offset + 4 + uint16(datagram, offset + 2);
    if (end > datagram.length) return undefined;
    const type = uint16(datagram, offset);
    if (type === MESSAGE_INTEGRITY) return undefined;
    if (type === USERNAME) {
      const colon = datagram.indexOf(0x3a, offset + 4);
      // RFC 8839 §5.4: 4 to 256 characters.
      if (colon < 0 || colon >= end || colon - offset - 4 > 256) return undefined;
      return fromUtf8(datagram.subarray(offset + 4, colon));
    }
    offset = (end + 3) & ~3;
  }
  return undefined;
}

/** Undo the XOR with the cookie and, for IPv6, the transaction (§14.2). */
function readXorAddress(
  value: Uint8Array,
  transactionId: Uint8Array,
): TransportAddress | undefined {
  const length = value[1] === 1 ? 4 : 16;
  if (value.length !== 4 + length || (value[1] !== 1 && value[1] !== 2)) return undefined;
  // Not `slice`: a Buffer's, which is what Bun's sockets bring, is no copy.
  const bytes = new Uint8Array(value.subarray(4));
  xorAddress(bytes, transactionId);
  return { address: addressText(bytes), port: uint16(value, 2) ^ (MAGIC_COOKIE >>> 16) };
}

/** In place; its own inverse. */
export function xorAddress(bytes: Uint8Array, transactionId: Uint8Array): void {
  for (let at = 0; at < bytes.length; at++) {
    const mask = at < 4 ? MAGIC_COOKIE >>> (24 - 8 * at) : (transactionId[at - 4] ?? 0);
    bytes[at] = (bytes[at] ?? 0) ^ mask;
  }
}

function hasCookie(datagram: Uint8Array): boolean {
  return uint32(datagram, 4) === MAGIC_COOKIE;
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function uint32(bytes: Uint8Array, offset: number): number {
  return ((uint16(bytes, offset) << 16) | uint16(bytes, offset + 2)) >>> 0;
}
