/**
 * Secrets that leave the gateway in an export: AES-256-GCM under a key made of a passphrase by
 * scrypt (RFC 7914). What is needed to open it again, but for the passphrase, stands beside it.
 */
import { randomBytes, scrypt } from "node:crypto";
import { GCM_TAG_BYTES, openGcm, sealGcm } from "../gateway/crypto.ts";

export interface Sealed {
  readonly cipher: "aes-256-gcm";
  readonly key: {
    readonly function: "scrypt";
    readonly n: number;
    readonly r: number;
    readonly p: number;
  };
  /** Base64, as the two below. */
  readonly salt: string;
  readonly nonce: string;
  /** Ciphertext and tag. */
  readonly data: string;
}

export const PASSPHRASE_LENGTH_MIN = 12;
/** 32 MiB and about a tenth of a second a guess. */
const COST = { n: 32_768, r: 8, p: 1 } as const;
/** What a document may ask for: more would be an attack on our memory. */
const COST_MAX = { n: 262_144, r: 16, p: 4 } as const;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const SALT_BYTES = 16;

/** The passphrase was wrong, or the document was changed. */
export class WrongPassphrase extends Error {}

export async function sealWithPassphrase(text: string, passphrase: string): Promise<Sealed> {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const key = await keyOf(passphrase, salt, COST);
  const plain = new TextEncoder().encode(text);
  const data = new Uint8Array(plain.length + GCM_TAG_BYTES);
  sealGcm(key, nonce, salt, plain, data, 0);
  return {
    cipher: "aes-256-gcm",
    key: { function: "scrypt", ...COST },
    salt: salt.toString("base64"),
    nonce: nonce.toString("base64"),
    data: Buffer.from(data).toString("base64"),
  };
}

/** Rejects with `WrongPassphrase` where it isn't the one, or anything was changed. */
export async function openWithPassphrase(sealed: Sealed, passphrase: string): Promise<string> {
  const { n, r, p } = sealed.key;
  // RFC 7914 §2: the cost is a power of two.
  const isPower = n > 1 && (n & (n - 1)) === 0;
  const isBearable = isPower && n <= COST_MAX.n && r <= COST_MAX.r && p <= COST_MAX.p;
  const salt = Buffer.from(sealed.salt, "base64");
  const nonce = Buffer.from(sealed.nonce, "base64");
  const data = Buffer.from(sealed.data, "base64");
  if (!isBearable || nonce.length !== NONCE_BYTES || data.length < GCM_TAG_BYTES) {
    throw new WrongPassphrase("the sealed secrets are damaged");
  }
  const key = await keyOf(passphrase, salt, sealed.key);
  const end = data.length - GCM_TAG_BYTES;
  const plain = openGcm(key, nonce, salt, data.subarray(0, end), data.subarray(end));
  if (!plain)
    throw new WrongPassphrase("the passphrase is another one, or the document was changed");
  return new TextDecoder().decode(plain);
}

function keyOf(
  passphrase: string,
  salt: Uint8Array,
  { n, r, p }: { n: number; r: number; p: number },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = { N: n, r, p, maxmem: 256 * n * r };
    scrypt(passphrase.normalize("NFKC"), salt, KEY_BYTES, options, (error, key) => {
      if (error) reject(new WrongPassphrase("the sealed secrets are damaged"));
      else resolve(key);
    });
  });
}
