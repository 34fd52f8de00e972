/**
 * AES-GCM for SRTP and SRTCP: RFC 7714 §8 (RTP) and §9 (RTCP, whose index follows the tag).
 * The contexts, which know the packet's index, stand above; AES-GCM itself is packet-cipher.ts.
 */
import { GCM_TAG_BYTES } from "../../crypto.ts";
import { type PacketCipher, packetCipher } from "../../packet-cipher.ts";
import type { SessionKeys } from "./key-derivation.ts";
import {
  ENCRYPTED_FLAG,
  NOT_AUTHENTIC,
  RTCP_HEADER_BYTES,
  RTCP_INDEX_BYTES,
  readUint32,
  type SrtpTransform,
  writeUint32,
} from "./transform.ts";

export class AesGcmTransform implements SrtpTransform {
  readonly #rtp: SessionKeys;
  readonly #rtcp: SessionKeys;
  readonly #cipher: PacketCipher;
  readonly #nonce = new Uint8Array(12);
  /** An unencrypted SRTCP packet is additional data together with its index word (§9.3). */
  readonly #rtcpHeader = new Uint8Array(RTCP_HEADER_BYTES + RTCP_INDEX_BYTES);

  constructor(rtp: SessionKeys, rtcp: SessionKeys, cipher: PacketCipher = packetCipher()) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#cipher = cipher;
  }

  protectRtp(buffer: Uint8Array, length: number, payload: number, index: number): number {
    this.#writeNonce(this.#rtp.salt, buffer, 8, index);
    this.#cipher.seal(this.#rtp.key, this.#nonce, undefined, buffer, payload, length);
    return length + GCM_TAG_BYTES;
  }

  unprotectRtp(buffer: Uint8Array, length: number, payload: number, index: number): number {
    this.#writeNonce(this.#rtp.salt, buffer, 8, index);
    const end = length - GCM_TAG_BYTES;
    const { key } = this.#rtp;
    const isGood = this.#cipher.open(key, this.#nonce, undefined, buffer, payload, end);
    return isGood ? end : NOT_AUTHENTIC;
  }

  protectRtcp(buffer: Uint8Array, length: number, index: number): number {
    const word = ENCRYPTED_FLAG + index;
    this.#writeNonce(this.#rtcp.salt, buffer, 4, index);
    const additional = this.#additional(buffer, word);
    const { key } = this.#rtcp;
    this.#cipher.seal(key, this.#nonce, additional, buffer, RTCP_HEADER_BYTES, length);
    writeUint32(buffer, length + GCM_TAG_BYTES, word);
    return length + GCM_TAG_BYTES + RTCP_INDEX_BYTES;
  }

  unprotectRtcp(buffer: Uint8Array, length: number): number {
    const tagEnd = length - RTCP_INDEX_BYTES;
    const end = tagEnd - GCM_TAG_BYTES;
    const word = readUint32(buffer, tagEnd);
    const encrypted = word >= ENCRYPTED_FLAG;
    this.#writeNonce(this.#rtcp.salt, buffer, 4, encrypted ? word - ENCRYPTED_FLAG : word);
    const additional = encrypted
      ? this.#additional(buffer, word)
      : clearRtcp(buffer, end, tagEnd, length);
    const { key } = this.#rtcp;
    const from = encrypted ? RTCP_HEADER_BYTES : end;
    const isGood = this.#cipher.open(key, this.#nonce, additional, buffer, from, end);
    return isGood ? end : NOT_AUTHENTIC;
  }

  rtcpIndexOffset(length: number): number {
    return length - RTCP_INDEX_BYTES;
  }

  /** 16 zero bits, SSRC, 48 bits of index, XOR salt: §8.1; for SRTCP's 31 bits the same, §9.1. */
  #writeNonce(salt: Uint8Array, buffer: Uint8Array, ssrc: number, index: number): void {
    const nonce = this.#nonce;
    nonce.set(salt, 0);
    for (let at = 0; at < 4; at++) nonce[2 + at] = (nonce[2 + at] ?? 0) ^ (buffer[ssrc + at] ?? 0);
    let rest = index;
    for (let at = 11; at >= 6; at--) {
      nonce[at] = (nonce[at] ?? 0) ^ (rest % 256);
      rest = Math.floor(rest / 256);
    }
  }

  /** The clear 8 octets and the index word with its E flag (§9.2). */
  #additional(buffer: Uint8Array, word: number): Uint8Array {
    for (let at = 0; at < RTCP_HEADER_BYTES; at++) this.#rtcpHeader[at] = buffer[at] ?? 0;
    writeUint32(this.#rtcpHeader, RTCP_HEADER_BYTES, word);
    return this.#rtcpHeader;
  }
}

/** Additional data of an unencrypted SRTCP packet: all of it and the index word. Rare, so it copies. */
function clearRtcp(buffer: Uint8Array, end: number, word: number, length: number): Uint8Array {
  const additional = new Uint8Array(end + RTCP_INDEX_BYTES);
  additional.set(buffer.subarray(0, end));
  additional.set(buffer.subarray(word, length), end);
  return additional;
}
