/**
 * From master key and salt to session keys: RFC 3711 §4.3 with the AES-CM function of §4.3.3, AES-256
 * after RFC 6188 §2, the 96-bit salts of RFC 7714 §11. The key derivation rate is 0, so this runs
 * once for each direction. Above it the SRTP contexts.
 */
import { aesBlockCipher } from "../../crypto.ts";
import type { SrtpProfile } from "./profiles.ts";

export interface SessionKeys {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
  /** Empty where the cipher authenticates by itself. */
  readonly authenticationKey: Uint8Array;
}

/** Labels of RFC 3711 §4.3.1 and §4.3.2: encryption, authentication and salt follow each other. */
const RTP_LABEL = 0x00;
const RTCP_LABEL = 0x03;

/** The session keys for RTP and for RTCP. Key and salt must have the profile's lengths. */
export function deriveSessionKeys(
  profile: SrtpProfile,
  masterKey: Uint8Array,
  masterSalt: Uint8Array,
): { rtp: SessionKeys; rtcp: SessionKeys } {
  if (masterKey.length !== profile.keyBytes || masterSalt.length !== profile.saltBytes) {
    throw new Error(`SRTP master key or salt has the wrong length for ${profile.suite}`);
  }
  const encrypt = aesBlockCipher(masterKey);
  const keysFrom = (label: number): SessionKeys => ({
    key: derive(encrypt, masterSalt, label, profile.keyBytes),
    authenticationKey: derive(encrypt, masterSalt, label + 1, profile.authenticationKeyBytes),
    salt: derive(encrypt, masterSalt, label + 2, profile.saltBytes),
  });
  return { rtp: keysFrom(RTP_LABEL), rtcp: keysFrom(RTCP_LABEL) };
}

/** The first `length` bytes of AES-CM keystream at (label * 2^48 XOR salt) * 2^16. */
function derive(
  encrypt: (blocks: Uint8Array) => Uint8Array,
  masterSalt: Uint8Array,
  label: number,
  length: number,
): Uint8Array {
  const count = Math.ceil(length / 16);
  const blocks = new Uint8Array(16 * count);
  for (let index = 0; index < count; index++) {
    // A salt of 96 bits is filled with zeros on its right to 112 (RFC 7714 §11).
    blocks.set(masterSalt, 16 * index);
    blocks[16 * index + 7] = (masterSalt[7] ?? 0) ^ label;
    blocks[16 * index + 15] = index;
  }
  return new Uint8Array(encrypt(blocks).subarray(0, length));
}
