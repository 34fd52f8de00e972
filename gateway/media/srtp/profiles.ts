/**
 * The SRTP protection profiles we speak: RFC 5764 §4.1.2 and RFC 7714 §14.2 by their DTLS-SRTP
 * numbers, RFC 4568 §6.2 by their SDES names. Key derivation and the transforms stand above.
 */

import type { SrtpSuite } from "../protocol.ts";

export interface SrtpProfile {
  /** The number in the DTLS use_srtp extension. */
  readonly id: number;
  /** The crypto suite's name in an SDP `a=crypto` line. */
  readonly suite: SrtpSuite;
  readonly cipher: "aes-cm" | "aes-gcm";
  /** Master and session encryption key, bytes. */
  readonly keyBytes: number;
  /** Master and session salt, bytes. */
  readonly saltBytes: number;
  /** Authentication key, bytes; 0 where the cipher authenticates by itself. */
  readonly authenticationKeyBytes: number;
  /** Tag of an RTP packet, bytes. */
  readonly tagBytes: number;
  /** Tag of an RTCP packet, bytes: 80 bits even where RTP has 32 (RFC 5764 §4.1.2). */
  readonly rtcpTagBytes: number;
}

export const SRTP_AES128_CM_HMAC_SHA1_80: SrtpProfile = {
  id: 0x0001,
  suite: "AES_CM_128_HMAC_SHA1_80",
  cipher: "aes-cm",
  keyBytes: 16,
  saltBytes: 14,
  authenticationKeyBytes: 20,
  tagBytes: 10,
  rtcpTagBytes: 10,
};

export const SRTP_AES128_CM_HMAC_SHA1_32: SrtpProfile = {
  ...SRTP_AES128_CM_HMAC_SHA1_80,
  id: 0x0002,
  suite: "AES_CM_128_HMAC_SHA1_32",
  tagBytes: 4,
};

export const SRTP_AEAD_AES_128_GCM: SrtpProfile = {
  id: 0x0007,
  suite: "AEAD_AES_128_GCM",
  cipher: "aes-gcm",
  keyBytes: 16,
  saltBytes: 12,
  authenticationKeyBytes: 0,
  tagBytes: 16,
  rtcpTagBytes: 16,
};

export const SRTP_AEAD_AES_256_GCM: SrtpProfile = {
  ...SRTP_AEAD_AES_128_GCM,
  id: 0x0008,
  suite: "AEAD_AES_256_GCM",
  keyBytes: 32,
};

/** All profiles, the one we prefer first. */
export const SRTP_PROFILES: readonly SrtpProfile[] = [
  SRTP_AEAD_AES_128_GCM,
  SRTP_AEAD_AES_256_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  SRTP_AES128_CM_HMAC_SHA1_32,
];

/** The profile of a DTLS-SRTP number; undefined for one we do not speak. */
export function profileById(id: number): SrtpProfile | undefined {
  return SRTP_PROFILES.find((profile) => profile.id === id);
}

/** The profile of an SDES suite. */
export function profileOfSuite(suite: SrtpSuite): SrtpProfile {
  const profile = SRTP_PROFILES.find((it) => it.suite === suite);
  if (!profile) throw new Error(`${suite} is no SRTP suite of ours`);
  return profile;
}
