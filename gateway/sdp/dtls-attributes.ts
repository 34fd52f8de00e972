/**
 * DTLS-SRTP in the SDP: certificate fingerprints (RFC 8122 §5) and who begins (RFC 5763 §5). Both
 * profiles speak it. Above them nothing knows of either attribute.
 */
import type { Fingerprint } from "../media/protocol.ts";
import { namesTold } from "./codecs.ts";
import { type Result, refused } from "./offer-answer.ts";
import {
  type Attribute,
  inherited,
  type MediaDescription,
  type SessionDescription,
} from "./session-description.ts";

const ALGORITHMS: readonly Fingerprint["algorithm"][] = ["sha-256", "sha-384", "sha-512"];
const DIGEST_BYTES = { "sha-256": 32, "sha-384": 48, "sha-512": 64 } as const;

/** The strong ones: without one, nobody can tell who is at the other end. */
export function fingerprintsOf(
  session: SessionDescription,
  audio: MediaDescription,
): Result<Fingerprint[]> {
  const written = inherited(session, audio, "fingerprint");
  const strong = written.flatMap((text): Fingerprint[] => {
    const [name = "", value = ""] = text.trim().split(/\s+/);
    const algorithm = ALGORITHMS.find((it) => it === name.toLowerCase());
    const isHex = /^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})+$/.test(value);
    if (!algorithm || !isHex || value.length !== DIGEST_BYTES[algorithm] * 3 - 1) return [];
    return [{ algorithm, value: value.toUpperCase() }];
  });
  if (strong.length > 0) return { ok: true, value: strong };
  const names = written.map((it) => it.trim().split(/\s+/)[0] ?? "");
  const isNamed = names.some((name) => ALGORITHMS.some((it) => it === name.toLowerCase()));
  const offered = names.length === 0 ? "none" : namesTold(names);
  return refused(
    488,
    isNamed
      ? `the certificate fingerprint is malformed: offered ${offered}`
      : `no strong certificate fingerprint: offered ${offered}; allowed ${ALGORITHMS.join(", ")}`,
  );
}

/**
 * Our role in the handshake by the peer's `a=setup`: the active side is the client. We are passive
 * wherever we may choose, so that a role once taken stays in every later offer and answer.
 */
export function dtlsRole(
  session: SessionDescription,
  audio: MediaDescription,
  said: "offer" | "answer",
): "client" | "server" {
  const setup = inherited(session, audio, "setup")[0] ?? (said === "offer" ? "actpass" : "active");
  return setup === "passive" ? "client" : "server";
}

/** What we say of ourselves: in an offer `actpass`, in an answer the role we took. */
export function describeDtls(
  { algorithm, value }: Fingerprint,
  role: "client" | "server" | undefined,
): Attribute[] {
  const setup = role === undefined ? "actpass" : role === "client" ? "active" : "passive";
  return [
    { name: "fingerprint", value: `${algorithm} ${value}` },
    { name: "setup", value: setup },
  ];
}
