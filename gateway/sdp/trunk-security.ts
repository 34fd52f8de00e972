/**
 * What a connection asks of SRTP, and what an audio stream of the PBX's says about it:
 *
 *   connection    | RTP/AVP | RTP/AVP, keys | RTP/SAVP, keys | we offer
 *   none          | clear   | clear         | 488            | RTP/AVP
 *   sdes, dtls    | 488     | SRTP          | SRTP           | RTP/SAVP or UDP/TLS/RTP/SAVP, keys
 *   … optional    | clear   | SRTP          | SRTP           | RTP/AVP, keys
 *
 * "Keys" are a=crypto for sdes (RFC 4568) and a=fingerprint for dtls (RFC 5763), whose stream may
 * say RTP/SAVP or UDP/TLS/RTP/SAVP alike. RTP/AVP with keys is how PBXs write "SRTP if you can",
 * which no RFC has but all understand. Above: the trunk profile, which has the rest of the stream.
 */
import type { LocalLeg, SrtpSuite, TrunkSrtp } from "../media/protocol.ts";
import type { Random } from "../random.ts";
import { namesTold } from "./codecs.ts";
import {
  type CryptoLine,
  cryptoLinesOf,
  describeCrypto,
  keyAndSaltBytes,
  SRTP_SUITES,
  suitesOf,
} from "./crypto-attribute.ts";
import { describeDtls, dtlsRole, fingerprintsOf } from "./dtls-attributes.ts";
import { type Result, refused } from "./offer-answer.ts";
import {
  type Attribute,
  inherited,
  type MediaDescription,
  type SessionDescription,
} from "./session-description.ts";

export type MediaEncryption = "none" | "sdes" | "dtls";

/** A connection's wish. */
export interface EncryptionPolicy {
  readonly encryption: MediaEncryption;
  /** Plain RTP is spoken with a PBX that has no SRTP. */
  readonly optional: boolean;
}

/** One leg's: its connection's wish, and its keys. */
export interface TrunkSecurity extends EncryptionPolicy {
  readonly keys: SdesKeys;
}

type TrunkLocal = Extract<LocalLeg, { kind: "trunk" }>;

/** What was agreed on for a stream, and how our description says it. */
export interface AgreedSecurity {
  readonly srtp?: TrunkSrtp;
  readonly protocol: string;
  readonly describe: (local: TrunkLocal) => readonly Attribute[];
}

/**
 * A leg's own keys, one for each suite (RFC 4568 §6.1 wants them different), made when first asked
 * for and the same ever after: a re-offer changes no key by itself.
 */
export class SdesKeys {
  readonly #random: Random;
  readonly #keys = new Map<SrtpSuite, Uint8Array>();

  constructor(random: Random) {
    this.#random = random;
  }

  of(suite: SrtpSuite): Uint8Array {
    const known = this.#keys.get(suite);
    if (known) return known;
    const made = this.#random.bytes(keyAndSaltBytes(suite));
    this.#keys.set(suite, made);
    return made;
  }

  /** All are made anew: a stream that begins afresh under an old key could repeat its keystream. */
  renew(): void {
    this.#keys.clear();
  }
}

const PLAIN = ["RTP/AVP", "RTP/AVPF"];
const SECURE = ["RTP/SAVP", "RTP/SAVPF"];
const DTLS = ["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"];

/** What each wish is called in an offer of ours that insists. */
const PROTOCOL = { none: "RTP/AVP", sdes: "RTP/SAVP", dtls: "UDP/TLS/RTP/SAVP" } as const;
/** The streams that may carry each wish's keys. */
const CARRIERS = {
  none: PLAIN,
  sdes: [...PLAIN, ...SECURE],
  dtls: [...PLAIN, ...SECURE, ...DTLS],
} as const;

/** Where we offer. */
export function securityToOffer({
  encryption,
  optional,
  keys,
}: TrunkSecurity): Omit<AgreedSecurity, "srtp"> {
  const protocol = PROTOCOL[optional ? "none" : encryption];
  switch (encryption) {
    case "none":
      return { protocol, describe: () => [] };
    case "dtls":
      return { protocol, describe: ({ fingerprint }) => describeDtls(fingerprint, undefined) };
    case "sdes": {
      const lines = SRTP_SUITES.map((suite, index) =>
        describeCrypto({ tag: String(index + 1), suite, keyAndSalt: keys.of(suite) }),
      );
      return { protocol, describe: () => lines };
    }
  }
}

/** The PBX offers. */
export function securityFromOffer(
  session: SessionDescription,
  audio: MediaDescription,
  security: TrunkSecurity,
): Result<AgreedSecurity> {
  const { protocol } = audio;
  const { encryption, keys } = security;
  const said = saidOf(session, audio, security);
  if (said !== "keys") {
    return said.ok ? { ok: true, value: { protocol, describe: () => [] } } : said;
  }
  if (encryption === "dtls") {
    const srtp = dtlsOf(session, audio, "offer");
    if (!srtp.ok) return srtp;
    const { role } = srtp.value;
    const describe = ({ fingerprint }: TrunkLocal) => describeDtls(fingerprint, role);
    return { ok: true, value: { protocol, describe, srtp: srtp.value } };
  }
  // RFC 4568 §5.1.2: the first that can be used.
  const [line] = cryptoLinesOf(audio);
  if (!line) return refusedKeys(audio);
  const own = { ...line, keyAndSalt: keys.of(line.suite) };
  const describe = () => [describeCrypto(own)];
  return { ok: true, value: { protocol, describe, srtp: sdesOf(own, line) } };
}

/** The PBX answers what we offered in `offer`. */
export function securityFromAnswer(
  session: SessionDescription,
  audio: MediaDescription,
  offer: MediaDescription,
  security: TrunkSecurity,
): Result<TrunkSrtp | undefined> {
  // What was agreed in the clear stays so: a re-offer of ours has no keys (see `reoffer`).
  const asked = inherited(NO_SESSION, offer, KEY_ATTRIBUTE[security.encryption]);
  const wish = asked.length > 0 ? security : { ...security, encryption: "none" as const };
  const said = saidOf(session, audio, wish);
  if (said !== "keys") return said;
  if (security.encryption === "dtls") return dtlsOf(session, audio, "answer");
  // RFC 4568 §5.1.3: exactly one of our lines, by its tag.
  const [line, another] = cryptoLinesOf(audio);
  const own = cryptoLinesOf(offer).find(
    ({ tag, suite }) => tag === line?.tag && suite === line.suite,
  );
  if (!line || !own || another) return refusedKeys(audio);
  return { ok: true, value: sdesOf(own, line) };
}

/** The table: keys to be read, audio in the clear, or a refusal. */
function saidOf(
  session: SessionDescription,
  audio: MediaDescription,
  policy: EncryptionPolicy,
): "keys" | Result<undefined> {
  const { encryption, optional } = policy;
  const carriers: readonly string[] = CARRIERS[encryption];
  if (!carriers.includes(audio.protocol)) return refusedProtocol(audio, policy);
  if (encryption === "none") return { ok: true, value: undefined };
  const isPlain = PLAIN.includes(audio.protocol);
  const keys = inherited(session, audio, KEY_ATTRIBUTE[encryption]);
  // A fingerprint that is missing has a refusal of its own; so has a key that can't be used.
  if (keys.length > 0 || (encryption === "dtls" && !isPlain)) return "keys";
  if (isPlain && optional) return { ok: true, value: undefined };
  return refusedProtocol(audio, policy);
}

/** Our next description of a stream that runs: the keys as they are now. */
export function renewedSecurity(attribute: Attribute, keys: SdesKeys): Attribute {
  if (attribute.name !== "crypto") return attribute;
  const [line] = cryptoLinesOf({ ...NO_STREAM, attributes: [attribute] });
  return line ? describeCrypto({ ...line, keyAndSalt: keys.of(line.suite) }) : attribute;
}

const KEY_ATTRIBUTE = { none: "crypto", sdes: "crypto", dtls: "fingerprint" } as const;
const NO_SESSION: SessionDescription = { origin: "", attributes: [], media: [] };
const NO_STREAM: MediaDescription = {
  kind: "audio",
  port: 0,
  protocol: "RTP/SAVP",
  formats: [],
  attributes: [],
};

function sdesOf(own: CryptoLine, theirs: CryptoLine): TrunkSrtp {
  const { suite } = own;
  return { keying: "sdes", suite, local: own.keyAndSalt, remote: theirs.keyAndSalt };
}

function dtlsOf(
  session: SessionDescription,
  audio: MediaDescription,
  said: "offer" | "answer",
): Result<Extract<TrunkSrtp, { keying: "dtls" }>> {
  const fingerprints = fingerprintsOf(session, audio);
  if (!fingerprints.ok) return fingerprints;
  const role = dtlsRole(session, audio, said);
  return { ok: true, value: { keying: "dtls", role, fingerprints: fingerprints.value } };
}

function refusedProtocol<Value>(
  audio: MediaDescription,
  { encryption, optional }: EncryptionPolicy,
): Result<Value> {
  const attribute = encryption === "none" ? "" : ` with a=${KEY_ATTRIBUTE[encryption]}`;
  const wanted = `${PROTOCOL[encryption]}${attribute}`;
  const instead = optional ? ", or RTP/AVP" : " and refuses audio in the clear";
  const lacks = PLAIN.includes(audio.protocol) ? " without keys" : "";
  const protocol = namesTold([audio.protocol]);
  return refused(
    488,
    `${protocol}${lacks} is offered; this connection speaks ${wanted}${encryption === "none" ? "" : instead}`,
  );
}

function refusedKeys<Value>(audio: MediaDescription): Result<Value> {
  const suites = namesTold(suitesOf(audio));
  return refused(
    488,
    `no usable a=crypto: offered ${suites}; allowed ${SRTP_SUITES.join(", ")}, without MKI`,
  );
}
