/**
 * Names and passwords we make: for PBXs that register with us (REG-08). Letters and digits without
 * the ones people mix up, so that they can be read out and stand in any configuration file.
 */
import { randomBytes } from "node:crypto";
import { type HashName, hashHex } from "../gateway/crypto.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

const NAME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const PASSWORD_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
const NAME_LENGTH = 12;
/** 57 letters: 5.8 bits each, 163 bits in all. */
const PASSWORD_LENGTH = 28;

export function newUsername(): string {
  return `pbx${lettersOf(NAME_ALPHABET, NAME_LENGTH)}`;
}

export function newPassword(): string {
  return lettersOf(PASSWORD_ALPHABET, PASSWORD_LENGTH);
}

/** H(name:realm:password) (RFC 7616 §3.4.2), as rows keep it. */
export function digestsOf({ username, password }: Credentials, realm: string) {
  const digest = (algorithm: HashName) => hashHex(algorithm, `${username}:${realm}:${password}`);
  return { ha1_md5: digest("md5"), ha1_sha256: digest("sha256") };
}

/** Every letter equally likely: bytes beyond the last whole multiple of the alphabet are drawn anew. */
function lettersOf(alphabet: string, length: number): string {
  const fair = 256 - (256 % alphabet.length);
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < fair && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}
