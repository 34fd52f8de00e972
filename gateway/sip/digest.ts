/**
 * The computation of digest authentication: RFC 7616 §3.4, with RFC 8760's algorithms and the
 * `-sess` forms; without qop as in RFC 2069. Client and server side stand above it.
 */
import { type HashName, hashHex } from "../crypto.ts";
import { type Parameters, parseParameterList } from "./grammar.ts";

export type DigestAlgorithm = "MD5" | "SHA-256" | "SHA-512-256";

/** Strongest first. */
const HASHES: Readonly<Record<DigestAlgorithm, HashName>> = {
  "SHA-512-256": "sha512-256",
  "SHA-256": "sha256",
  MD5: "md5",
};

export const DIGEST_ALGORITHMS = Object.keys(HASHES) as DigestAlgorithm[];

const SCHEME = /^\s*digest\s+/i;

export interface AlgorithmChoice {
  algorithm: DigestAlgorithm;
  /** RFC 7616 §3.4.2: A1 covers nonce and cnonce too. */
  session: boolean;
}

/** Without a name it is MD5 (§3.3). Undefined for algorithms not known here. */
export function parseAlgorithm(name: string | undefined): AlgorithmChoice | undefined {
  const upper = (name ?? "MD5").toUpperCase();
  const session = upper.endsWith("-SESS");
  const base = session ? upper.slice(0, -"-SESS".length) : upper;
  const algorithm = DIGEST_ALGORITHMS.find((it) => it === base);
  return algorithm && { algorithm, session };
}

/** H(username:realm:password), lower-case hex. */
export function digestHa1(
  algorithm: DigestAlgorithm,
  username: string,
  realm: string,
  password: string,
): string {
  return hashHex(HASHES[algorithm], `${username}:${realm}:${password}`);
}

export interface DigestInputs {
  choice: AlgorithmChoice;
  ha1: string;
  method: string;
  uri: string;
  nonce: string;
  /** Absent: the old form without qop. */
  qop?: "auth" | "auth-int";
  cnonce?: string;
  /** Eight hex digits. */
  nonceCount?: string;
  body: Uint8Array;
}

/** The `response` parameter (§3.4.1). */
export function digestResponse(inputs: DigestInputs): string {
  const { choice, method, uri, nonce, qop, cnonce = "", nonceCount = "" } = inputs;
  const hash = (text: string) => hashHex(HASHES[choice.algorithm], text);
  const ha1 = choice.session ? hash(`${inputs.ha1}:${nonce}:${cnonce}`) : inputs.ha1;
  const bodyHash = qop === "auth-int" ? `:${hashHex(HASHES[choice.algorithm], inputs.body)}` : "";
  const ha2 = hash(`${method}:${uri}${bodyHash}`);
  if (qop === undefined) return hash(`${ha1}:${nonce}:${ha2}`);
  return hash(`${ha1}:${nonce}:${nonceCount}:${cnonce}:${qop}:${ha2}`);
}

/** The parameters of a challenge or of credentials of scheme Digest; undefined for other schemes. */
export function parseDigest(value: string): Parameters | undefined {
  const match = SCHEME.exec(value);
  return match ? parseParameterList(value, match[0].length) : undefined;
}

/** A header value of scheme Digest; `plain` names stand without quotes (§3.3, §3.4). */
export function printDigest(
  params: readonly (readonly [string, string | undefined])[],
  plain: readonly string[],
): string {
  const present = params.filter((it): it is [string, string] => it[1] !== undefined);
  const printed = present.map(([name, value]) =>
    plain.includes(name) ? `${name}=${value}` : `${name}="${value.replace(/["\\]/g, "\\$&")}"`,
  );
  return `Digest ${printed.join(", ")}`;
}
