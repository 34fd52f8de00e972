/**
 * Answering a challenge: RFC 3261 §22.2 and §22.3, RFC 7616 §3.4, RFC 8760 §2.4 (the strongest
 * algorithm we know). Never before a challenge came, and never twice to the same one (CON-19).
 */
import { type Random, randomToken } from "../random.ts";
import {
  type AlgorithmChoice,
  DIGEST_ALGORITHMS,
  digestHa1,
  digestResponse,
  parseAlgorithm,
  parseDigest,
  printDigest,
} from "./digest.ts";
import type { Parameters } from "./grammar.ts";
import type { SipResponse } from "./message.ts";

export interface DigestCredentials {
  username: string;
  password: string;
  /** `*` takes any realm; else only the one that is equal to the letter (CON-18). */
  realm: string;
}

/** What a sequence of attempts remembers: the last nonce answered, and how often. */
export interface DigestState {
  nonce?: string;
  count?: number;
}

export interface DigestRequest {
  method: string;
  /** The Request-URI, as it stands on the line. */
  uri: string;
  body: Uint8Array;
}

export type DigestAnswer =
  | { ok: true; headers: [string, string][] }
  | { ok: false; reason: string };

interface Challenge {
  params: Parameters;
  choice: AlgorithmChoice;
}

/** The credentials for a 401 or 407; `state` is this request's, and is updated. */
export function answerChallenge(
  response: SipResponse,
  credentials: DigestCredentials,
  request: DigestRequest,
  state: DigestState,
  random: Random,
): DigestAnswer {
  const isProxy = response.status === 407;
  const challenges = challengesOf(response, isProxy ? "Proxy-Authenticate" : "WWW-Authenticate");
  const ours = challenges.filter(({ params }) => isWanted(params, credentials.realm));
  const [first] = challenges;
  if (!first) return refused("the challenge uses no algorithm known here");
  const chosen = ours.sort((a, b) => strength(a) - strength(b))[0];
  if (!chosen) {
    const got = first.params.get("realm") ?? "";
    return refused(`realm mismatch: wanted ${credentials.realm}, got ${got}`);
  }
  const nonce = chosen.params.get("nonce") ?? "";
  const isStale = chosen.params.get("stale")?.toLowerCase() === "true";
  if (state.nonce !== undefined && !isStale) return refused("wrong user name or password");
  state.count = state.nonce === nonce ? (state.count ?? 0) + 1 : 1;
  state.nonce = nonce;
  const name = isProxy ? "Proxy-Authorization" : "Authorization";
  const value = authorization(chosen, credentials, request, state.count, random);
  return value === undefined
    ? refused("the challenge asks for a quality of protection not known here")
    : { ok: true, headers: [[name, value]] };
}

function authorization(
  { params, choice }: Challenge,
  { username, password }: DigestCredentials,
  { method, uri, body }: DigestRequest,
  count: number,
  random: Random,
): string | undefined {
  const realm = params.get("realm") ?? "";
  const nonce = params.get("nonce") ?? "";
  const offered = params
    .get("qop")
    ?.split(",")
    .map((it) => it.trim().toLowerCase());
  const qop = (["auth", "auth-int"] as const).find((it) => offered?.includes(it));
  if (offered !== undefined && qop === undefined) return undefined;
  const ha1 = digestHa1(choice.algorithm, username, realm, password);
  const cnonce = randomToken(random, 8);
  const nonceCount = count.toString(16).padStart(8, "0");
  const protection = qop === undefined ? {} : { qop, cnonce, nonceCount };
  const session = choice.session ? { cnonce } : {};
  const response = digestResponse({
    choice,
    ha1,
    method,
    uri,
    nonce,
    body,
    ...session,
    ...protection,
  });
  return printDigest(
    [
      ["username", username],
      ["realm", realm],
      ["nonce", nonce],
      ["uri", uri],
      ["response", response],
      ["algorithm", params.get("algorithm")],
      ["opaque", params.get("opaque")],
      ["qop", qop],
      ["cnonce", qop === undefined && !choice.session ? undefined : cnonce],
      ["nc", qop === undefined ? undefined : nonceCount],
    ],
    ["algorithm", "qop", "nc"],
  );
}

function challengesOf(response: SipResponse, name: string): Challenge[] {
  return response.headers.all(name).flatMap((value) => {
    const params = parseDigest(value);
    const choice = params && parseAlgorithm(params.get("algorithm"));
    return params?.has("nonce") && choice ? [{ params, choice }] : [];
  });
}

function isWanted(params: Parameters, realm: string): boolean {
  return realm === "*" || params.get("realm") === realm;
}

function strength({ choice }: Challenge): number {
  return DIGEST_ALGORITHMS.indexOf(choice.algorithm);
}

function refused(reason: string): DigestAnswer {
  return { ok: false, reason };
}
