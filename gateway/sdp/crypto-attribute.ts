/**
 * `a=crypto` (RFC 4568 §9.1): SRTP keys in the SDP, text to a value and back. What we can't do as a
 * line asks makes that line unusable, never the whole description: another one may do (§5.1.2).
 * Keys are bytes from here on, and no text of a refusal holds one.
 */
import type { SrtpSuite } from "../media/protocol.ts";
import { type Attribute, attributes, type MediaDescription } from "./session-description.ts";

/** Bytes of master key and master salt: RFC 4568 §6.2, RFC 7714 §12. The order is our preference. */
const KEY_AND_SALT_BYTES: Readonly<Record<SrtpSuite, number>> = {
  AEAD_AES_128_GCM: 28,
  AEAD_AES_256_GCM: 44,
  AES_CM_128_HMAC_SHA1_80: 30,
  AES_CM_128_HMAC_SHA1_32: 30,
};

export const SRTP_SUITES = Object.keys(KEY_AND_SALT_BYTES) as readonly SrtpSuite[];

export interface CryptoLine {
  /** Digits; what an answer names the line by. */
  readonly tag: string;
  readonly suite: SrtpSuite;
  /** Master key and salt, one after the other. */
  readonly keyAndSalt: Uint8Array;
}

const LINE = /^([1-9][0-9]{0,8}) +([A-Za-z0-9_]+) +(\S+)((?: +\S+)*) *$/;
const KEY = /^inline:([A-Za-z0-9+/]+={0,2})(?:\|(?:2\^[0-9]{1,2}|[0-9]{1,15}))?$/i;
/** §6.3: what changes nothing for us. A key derivation rate of 2^0 is the one every suite has. */
const HARMLESS = /^(?:KDR=0|WSH=[0-9]{2,}|-.*)$/i;

/** The lines of a stream that can be used as they stand, in the stream's order. */
export function cryptoLinesOf(media: MediaDescription): CryptoLine[] {
  const lines = attributes(media, "crypto").flatMap((text) => lineOf(text) ?? []);
  // §4.1: tags are unique; of two with one tag nobody could say which was meant.
  return lines.filter(({ tag }) => lines.filter((it) => it.tag === tag).length === 1);
}

/** Names of the suites a stream offers, usable or not, for a refusal. */
export function suitesOf(media: MediaDescription): string[] {
  return attributes(media, "crypto").map((text) => text.trim().split(/\s+/)[1] ?? "");
}

export function describeCrypto({ tag, suite, keyAndSalt }: CryptoLine): Attribute {
  return { name: "crypto", value: `${tag} ${suite} inline:${keyAndSalt.toBase64()}` };
}

/** How many bytes a suite's master key and salt have together. */
export function keyAndSaltBytes(suite: SrtpSuite): number {
  return KEY_AND_SALT_BYTES[suite];
}

/**
 * Undefined for a suite we don't speak, for a malformed line, for a master key identifier (we send
 * none, and one key has no need of it; several keys would) and for session parameters that weaken
 * or change the transform (§6.3.2).
 */
function lineOf(text: string): CryptoLine | undefined {
  const match = LINE.exec(text);
  const tag = match?.[1];
  const suite = SRTP_SUITES.find((it) => it === match?.[2]?.toUpperCase());
  const encoded = KEY.exec(match?.[3] ?? "")?.[1];
  if (tag === undefined || !suite || encoded === undefined) return undefined;
  const parameters = (match?.[4] ?? "").split(" ").filter((it) => it !== "");
  if (!parameters.every((it) => HARMLESS.test(it))) return undefined;
  const keyAndSalt = bytesOf(encoded);
  if (keyAndSalt?.length !== KEY_AND_SALT_BYTES[suite]) return undefined;
  return { tag, suite, keyAndSalt };
}

/** Some leave the padding out. */
function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return undefined;
  }
}
