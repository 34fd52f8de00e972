/**
 * From the shared secret to every key: the PRF (RFC 5246 §5), the extended master secret (RFC
 * 7627), the record keys (RFC 5288), Finished (§7.4.9) and SRTP's keys (RFC 5764 §4.2).
 */
import { concat, utf8 } from "../../bytes.ts";
import { hash, hmac } from "../../crypto.ts";
import { profileById } from "../srtp/profiles.ts";
import type { CipherSuite } from "./cipher-suites.ts";

const MASTER_SECRET_BYTES = 48;
const VERIFY_DATA_BYTES = 12;

export interface DirectionKeys {
  cipher: CipherSuite["cipher"];
  key: Uint8Array;
  iv: Uint8Array;
}

export interface SrtpKeys {
  localKey: Uint8Array;
  localSalt: Uint8Array;
  remoteKey: Uint8Array;
  remoteSalt: Uint8Array;
}

/** RFC 5246 §5: P_hash over label and seed. */
export function prf(
  name: CipherSuite["hash"],
  secret: Uint8Array,
  label: string,
  seed: Uint8Array,
  length: number,
): Uint8Array {
  const labelled = concat(utf8(label), seed);
  const output: Uint8Array[] = [];
  let a: Uint8Array = labelled;
  for (let filled = 0; filled < length; ) {
    a = hmac(name, secret, a);
    const block = hmac(name, secret, concat(a, labelled));
    output.push(block);
    filled += block.length;
  }
  return concat(...output).slice(0, length);
}

export interface Randoms {
  client: Uint8Array;
  server: Uint8Array;
}

/** With a session hash it is RFC 7627's; without, RFC 5246 §8.1's. */
export function masterSecret(
  suite: CipherSuite,
  premaster: Uint8Array,
  randoms: Randoms,
  sessionHash: Uint8Array | undefined,
): Uint8Array {
  if (sessionHash) {
    return prf(suite.hash, premaster, "extended master secret", sessionHash, MASTER_SECRET_BYTES);
  }
  const seed = concat(randoms.client, randoms.server);
  return prf(suite.hash, premaster, "master secret", seed, MASTER_SECRET_BYTES);
}

/** RFC 5246 §6.3. */
export function recordKeys(
  suite: CipherSuite,
  master: Uint8Array,
  randoms: Randoms,
): { client: DirectionKeys; server: DirectionKeys } {
  const { cipher, keyBytes, ivBytes } = suite;
  const seed = concat(randoms.server, randoms.client);
  const block = prf(suite.hash, master, "key expansion", seed, 2 * (keyBytes + ivBytes));
  const iv = (index: number) => {
    const start = 2 * keyBytes + index * ivBytes;
    return block.slice(start, start + ivBytes);
  };
  return {
    client: { cipher, key: block.slice(0, keyBytes), iv: iv(0) },
    server: { cipher, key: block.slice(keyBytes, 2 * keyBytes), iv: iv(1) },
  };
}

/** RFC 5246 §7.4.9. */
export function verifyData(
  suite: CipherSuite,
  master: Uint8Array,
  sender: "client" | "server",
  transcript: Uint8Array,
): Uint8Array {
  const digest = hash(suite.hash, transcript);
  return prf(suite.hash, master, `${sender} finished`, digest, VERIFY_DATA_BYTES);
}

/** RFC 5764 §4.2: client key, server key, client salt, server salt. */
export function srtpKeys(
  suite: CipherSuite,
  master: Uint8Array,
  randoms: Randoms,
  profileId: number,
  role: "client" | "server",
): SrtpKeys {
  const profile = profileById(profileId);
  if (!profile) throw new Error("an SRTP profile was agreed on that we never offered");
  const { keyBytes, saltBytes } = profile;
  const seed = concat(randoms.client, randoms.server);
  const label = "EXTRACTOR-dtls_srtp";
  const material = prf(suite.hash, master, label, seed, 2 * (keyBytes + saltBytes));
  const salts = 2 * keyBytes;
  const client = {
    key: material.slice(0, keyBytes),
    salt: material.slice(salts, salts + saltBytes),
  };
  const server = { key: material.slice(keyBytes, salts), salt: material.slice(salts + saltBytes) };
  const [local, remote] = role === "client" ? [client, server] : [server, client];
  return {
    localKey: local.key,
    localSalt: local.salt,
    remoteKey: remote.key,
    remoteSalt: remote.salt,
  };
}
