/**
 * Challenging and checking: RFC 3261 §22.4, RFC 7616 §3.3 and §5. Nonces carry their time and are
 * signed for one source, so that a challenge costs no memory (S9); a nonce's counts are used once.
 */
import { equalSecret, hmacSha256 } from "../crypto.ts";
import { DIGEST_NONCES_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { type Random, randomToken } from "../random.ts";
import {
  type DigestAlgorithm,
  digestResponse,
  parseAlgorithm,
  parseDigest,
  printDigest,
} from "./digest.ts";
import type { Parameters } from "./grammar.ts";
import type { SipRequest } from "./message.ts";

/** How long a nonce is good; then the client is told `stale` and tries again by itself. */
const NONCE_LIFE_MS = 300_000;
const SIGNATURE_BYTES = 16;

/** H(username:realm:password) by algorithm, lower-case hex. */
export interface Ha1 {
  md5: string;
  sha256: string;
}

export type DigestVerdict =
  | { outcome: "ok"; username: string }
  /** No credentials for our realm. */
  | { outcome: "none" }
  /** Right so far as can be told, but the nonce is old or its count was used. */
  | { outcome: "stale" }
  | { outcome: "wrong"; username: string };

export interface DigestServerOptions {
  realm: string;
  /** Signs nonces; at least 32 bytes. */
  secret: Uint8Array;
  random: Random;
  /** In the order they are offered. Browsers know MD5 alone, and take the first they see. */
  algorithms?: readonly ("MD5" | "SHA-256")[];
}

/** Compared against when the user does not exist, so that both cases cost the same (S5). */
const NOBODY: Ha1 = { md5: "0".repeat(32), sha256: "0".repeat(64) };

export class DigestServer {
  readonly #realm: string;
  readonly #code: (text: string) => Uint8Array;
  readonly #random: Random;
  readonly #algorithms: readonly ("MD5" | "SHA-256")[];
  /** The highest count used of each nonce, oldest nonce first. */
  readonly #counts = new Map<string, number>();

  constructor(options: DigestServerOptions) {
    this.#realm = options.realm;
    this.#code = hmacSha256(options.secret);
    this.#random = options.random;
    this.#algorithms = options.algorithms ?? ["MD5"];
  }

  /** Header values, one for each algorithm; `source` is who may use the nonce. */
  challenge(now: Millis, source: string, stale = false): string[] {
    const nonce = this.#mint(now, source);
    return this.#algorithms.map((algorithm) =>
      printDigest(
        [
          ["realm", this.#realm],
          ["nonce", nonce],
          ["algorithm", algorithm],
          // Only `auth`: JsSIP would prefer auth-int and SIP.js does not know it.
          ["qop", "auth"],
          ["stale", stale ? "true" : undefined],
        ],
        ["algorithm", "stale"],
      ),
    );
  }

  /** Checks the request's credentials for our realm. */
  verify(
    request: SipRequest,
    ha1Of: (username: string) => Ha1 | undefined,
    now: Millis,
    source: string,
  ): DigestVerdict {
    const params = this.#credentialsOf(request);
    const username = params?.get("username");
    if (!params || username === undefined) return { outcome: "none" };
    const nonce = params.get("nonce") ?? "";
    const age = this.#ageOf(nonce, now, source);
    // A nonce that is not ours, or another source's, proves nothing: ask anew.
    if (age === undefined) return { outcome: "stale" };
    const isRight = this.#isRight(request, params, ha1Of(username));
    if (!isRight) return { outcome: "wrong", username };
    if (age > NONCE_LIFE_MS || !this.#use(nonce, params)) return { outcome: "stale" };
    return { outcome: "ok", username };
  }

  #credentialsOf(request: SipRequest): Parameters | undefined {
    const values = [
      ...request.headers.all("Authorization"),
      ...request.headers.all("Proxy-Authorization"),
    ];
    for (const value of values) {
      const params = parseDigest(value);
      if (params?.get("realm") === this.#realm) return params;
    }
    return undefined;
  }

  #isRight(request: SipRequest, params: Parameters, known: Ha1 | undefined): boolean {
    const choice = parseAlgorithm(params.get("algorithm"));
    const qop = params.get("qop")?.toLowerCase();
    const cnonce = params.get("cnonce");
    const uri = params.get("uri");
    if (!choice || !this.#offers(choice.algorithm) || qop !== "auth" || !cnonce || !uri)
      return false;
    const ha1 = known ?? NOBODY;
    const expected = digestResponse({
      choice,
      ha1: choice.algorithm === "MD5" ? ha1.md5 : ha1.sha256,
      method: request.method,
      uri,
      nonce: params.get("nonce") ?? "",
      qop,
      cnonce,
      nonceCount: params.get("nc") ?? "",
      body: request.body,
    });
    const isEqual = equalSecret(expected, (params.get("response") ?? "").toLowerCase());
    return isEqual && known !== undefined;
  }

  #offers(algorithm: DigestAlgorithm): boolean {
    return this.#algorithms.some((it) => it === algorithm);
  }

  /** RFC 7616 §5.12: a count that did not grow is a replay. */
  #use(nonce: string, params: Parameters): boolean {
    const text = params.get("nc") ?? "";
    const count = /^[0-9a-f]{8}$/i.test(text) ? Number.parseInt(text, 16) : 0;
    const used = this.#counts.get(nonce) ?? 0;
    if (count <= used) return false;
    if (used === 0 && this.#counts.size >= DIGEST_NONCES_MAX) {
      for (const oldest of this.#counts.keys()) {
        this.#counts.delete(oldest);
        break;
      }
    }
    this.#counts.set(nonce, count);
    return true;
  }

  #mint(now: Millis, source: string): string {
    const body = `${Math.floor(now).toString(16).padStart(12, "0")}${randomToken(this.#random, 6)}`;
    return body + this.#sign(body, source);
  }

  /** Milliseconds since the nonce was minted for that source; undefined when it was not. */
  #ageOf(nonce: string, now: Millis, source: string): Millis | undefined {
    const body = nonce.slice(0, 24);
    if (!/^[0-9a-f]{24}$/.test(body) || !equalSecret(nonce.slice(24), this.#sign(body, source))) {
      return undefined;
    }
    return now - Number.parseInt(body.slice(0, 12), 16);
  }

  #sign(body: string, source: string): string {
    return this.#code(`${body} ${source}`).subarray(0, SIGNATURE_BYTES).toHex();
  }
}
