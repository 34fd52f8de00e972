/** The table of `trunk-security`: what each connection does with each kind of stream. */

import { expect, test } from "bun:test";
import type { RemoteLeg } from "../../../gateway/media/protocol.ts";
import type { AcceptedOffer, Result } from "../../../gateway/sdp/offer-answer.ts";
import { reoffer } from "../../../gateway/sdp/reoffer.ts";
import { trunkProfile } from "../../../gateway/sdp/trunk-profile.ts";
import { type MediaEncryption, SdesKeys } from "../../../gateway/sdp/trunk-security.ts";
import { DIGEST, localLeg } from "../../sim/local-leg.ts";
import { seededRandom } from "../../sim/random.ts";

const KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
const DTLS = [`a=fingerprint:sha-256 ${DIGEST}`, "a=setup:actpass"];
const CRYPTO = `a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`;
const local = localLeg("trunk", "192.0.2.1", 1);
const origin = { id: "9", version: 3 };

function made(encryption: MediaEncryption, optional = false) {
  const keys = new SdesKeys(seededRandom(1));
  return { keys, profile: trunkProfile({ encryption, optional, keys }) };
}

const pbx = (protocol: string, ...more: string[]) =>
  [
    ...["v=0", "o=pbx 1 1 IN IP4 192.0.2.50", "s=-", "c=IN IP4 192.0.2.50", "t=0 0"],
    ...[`m=audio 4000 ${protocol} 0`, ...more, ""],
  ].join("\r\n");

/** Of a result: how audio is protected, or the refusal. */
function outcome(result: Result<RemoteLeg | AcceptedOffer>): string {
  if (!result.ok) return String(result.status);
  const remote = "remote" in result.value ? result.value.remote : result.value;
  return srtpOf(remote) ? "srtp" : "clear";
}

function srtpOf(remote: RemoteLeg) {
  return remote.kind === "trunk" ? remote.srtp : undefined;
}

test.each([
  ["none", false, ["clear", "clear", "488", "488"]],
  ["sdes", false, ["488", "srtp", "srtp", "488"]],
  ["sdes", true, ["clear", "srtp", "srtp", "488"]],
] as const)("CON-25: %s, optional %p, of a PBX's offers", (encryption, optional, expected) => {
  const { profile } = made(encryption, optional);
  const offers = [pbx("RTP/AVP"), pbx("RTP/AVP", CRYPTO), pbx("RTP/SAVP", CRYPTO), pbx("RTP/SAVP")];
  expect(offers.map((sdp) => outcome(profile.accept(sdp, ["PCMU"])))).toEqual([...expected]);
});

test.each([
  ["none", false, ["clear", "clear", "488"]],
  ["sdes", false, ["488", "srtp", "srtp"]],
  ["sdes", true, ["clear", "srtp", "srtp"]],
] as const)("CON-25: %s, optional %p, of a PBX's answers", (encryption, optional, expected) => {
  const { profile } = made(encryption, optional);
  const offer = profile.offer(local, ["PCMU"], origin);
  const answers = [pbx("RTP/AVP"), pbx("RTP/AVP", CRYPTO), pbx("RTP/SAVP", CRYPTO)];
  expect(answers.map((sdp) => outcome(profile.readAnswer(sdp, offer)))).toEqual([...expected]);
});

test.each([
  ["none", false, ["clear", "clear", "488", "488"]],
  ["dtls", false, ["488", "srtp", "srtp", "srtp"]],
  ["dtls", true, ["clear", "srtp", "srtp", "srtp"]],
  ["sdes", true, ["clear", "clear", "488", "488"]],
] as const)("CON-25: %s, optional %p, and a PBX with DTLS", (encryption, optional, expected) => {
  const { profile } = made(encryption, optional);
  const sdps = [
    pbx("RTP/AVP"),
    pbx("RTP/AVP", ...DTLS),
    pbx("RTP/SAVP", ...DTLS),
    pbx("UDP/TLS/RTP/SAVP", ...DTLS),
  ];
  expect(sdps.map((sdp) => outcome(profile.accept(sdp, ["PCMU"])))).toEqual([...expected]);
  const offer = profile.offer(local, ["PCMU"], origin);
  expect(sdps.map((sdp) => outcome(profile.readAnswer(sdp, offer)))).toEqual([...expected]);
});

test("RFC 5763 §5: who begins a handshake", () => {
  const { profile } = made("dtls");
  const roles = (setup: string) => {
    const sdp = pbx("UDP/TLS/RTP/SAVP", DTLS[0] ?? "", `a=setup:${setup}`);
    const result = profile.accept(sdp, ["PCMU"]);
    if (!result.ok) throw new Error(result.reason);
    const srtp = srtpOf(result.value.remote);
    const said = /a=setup:(\S+)/.exec(result.value.answer(local, origin))?.[1];
    return [srtp?.keying === "dtls" && srtp.role, said];
  };
  expect(roles("actpass")).toEqual(["server", "passive"]);
  expect(roles("active")).toEqual(["server", "passive"]);
  expect(roles("passive")).toEqual(["client", "active"]);
  const offer = profile.offer(local, ["PCMU"], origin);
  expect(offer).toContain("UDP/TLS/RTP/SAVP 0 ");
  expect(offer).toContain(`a=fingerprint:sha-256 ${DIGEST}\r\na=setup:actpass\r\n`);
  // RFC 5764 §5: one handshake is enough where both share a port.
  expect(offer).toContain("a=rtcp-mux\r\n");
});

test.each([
  ["none", [], "no strong certificate fingerprint: offered none"],
  ["a weak one", ["a=fingerprint:sha-1 AB:CD"], "offered sha-1; allowed sha-256"],
  ["half of one", ["a=fingerprint:sha-256 AB:CD"], "fingerprint is malformed"],
])("a PBX's fingerprint: %s is refused with 488, and with what is allowed", (_, lines, reason) => {
  const { profile } = made("dtls", true);
  const result = profile.accept(pbx("UDP/TLS/RTP/SAVP", ...lines), ["PCMU"]);
  expect(result).toMatchObject({ ok: false, status: 488, reason: expect.stringContaining(reason) });
});

test("a re-offer names the certificate of the worker that has the leg now", () => {
  const { profile, keys } = made("dtls");
  const first = profile.offer(local, ["PCMU"], origin);
  const value = DIGEST.replaceAll("AB", "CD");
  const moved = { ...local, fingerprint: { algorithm: "sha-256", value } as const };
  expect(reoffer(first, moved, "sendrecv", origin, { keys })).toBe(first.replace(DIGEST, value));
});

test("a connection that refuses audio in the clear offers RTP/SAVP, an optional one RTP/AVP", () => {
  const offer = (optional: boolean) =>
    made("sdes", optional).profile.offer(local, ["PCMU"], origin);
  expect(offer(false)).toContain("m=audio 10000 RTP/SAVP 0 ");
  expect(offer(true)).toContain("m=audio 10000 RTP/AVP 0 ");
  const crypto = offer(false)
    .split("\r\n")
    .filter((it) => it.startsWith("a=crypto"));
  expect(crypto.map((it) => it.split(" ")[1])).toEqual([
    ...["AEAD_AES_128_GCM", "AEAD_AES_256_GCM"],
    ...["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"],
  ]);
  // §6.1: no two lines share a key.
  expect(new Set(crypto.map((it) => it.split(" ")[2])).size).toBe(4);
});

test("the PBX's first usable line is answered by its tag, with a key of ours", () => {
  const { profile } = made("sdes");
  const odd = `a=crypto:1 F8_128_HMAC_SHA1_80 inline:${KEY}`;
  const result = profile.accept(pbx("RTP/SAVP", odd, CRYPTO), ["PCMU"]);
  if (!result.ok) throw new Error(result.reason);
  const srtp = srtpOf(result.value.remote);
  if (srtp?.keying !== "sdes") throw new Error("there are no keys");
  expect(srtp.remote.toBase64()).toBe(KEY);
  const answer = result.value.answer(local, origin);
  const own = srtp.local.toBase64();
  expect(answer).toContain(`a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:${own}\r\n`);
  expect(answer).toContain("m=audio 10000 RTP/SAVP 0\r\n");
  expect(own).not.toBe(KEY);
});

test("an answer must name one line of ours, by tag and suite", () => {
  const { profile } = made("sdes");
  const offer = profile.offer(local, ["PCMU"], origin);
  const answers = [
    pbx("RTP/SAVP", CRYPTO.replace(":3", ":9")),
    pbx("RTP/SAVP", CRYPTO.replace(":3", ":4")),
    pbx(
      "RTP/SAVP",
      CRYPTO,
      CRYPTO.replace("crypto:3 AES_CM_128_HMAC_SHA1_80", "crypto:4 AES_CM_128_HMAC_SHA1_32"),
    ),
  ];
  expect(answers.map((sdp) => outcome(profile.readAnswer(sdp, offer)))).toEqual([
    "488",
    "488",
    "488",
  ]);
});

test("a refusal says what was offered and what is allowed, and shows no key", () => {
  const { profile } = made("sdes");
  const odd = `a=crypto:1 F8_128_HMAC_SHA1_80 inline:${KEY}`;
  const result = profile.accept(pbx("RTP/SAVP", odd), ["PCMU"]);
  if (result.ok) throw new Error("it was taken");
  expect(result.reason).toContain("offered F8_128_HMAC_SHA1_80; allowed AEAD_AES_128_GCM");
  expect(result.reason).not.toContain(KEY);
  const clear = profile.accept(pbx("RTP/AVP"), ["PCMU"]);
  expect(clear.ok ? "" : clear.reason).toContain("refuses audio in the clear");
});

test("a re-offer keeps every key; after `renew` each is another one", () => {
  const { profile, keys } = made("sdes");
  const first = profile.offer(local, ["PCMU"], origin);
  const keysIn = (sdp: string) => [...sdp.matchAll(/inline:(\S+)/g)].map(([, key]) => key);
  expect(keysIn(reoffer(first, local, "sendonly", origin, { keys }))).toEqual(keysIn(first));
  keys.renew();
  const renewed = keysIn(reoffer(first, local, "sendrecv", origin, { keys }));
  expect(renewed).toHaveLength(4);
  expect(renewed.filter((key) => keysIn(first).includes(key))).toEqual([]);
});

test("RFC 5761: a PBX that offers one port for both gets it, also without SRTP", () => {
  const { profile } = made("none");
  const result = profile.accept(pbx("RTP/AVP", "a=rtcp-mux"), ["PCMU"]);
  if (!result.ok) throw new Error(result.reason);
  expect(result.value.remote).toMatchObject({ rtp: { port: 4_000 }, rtcp: { port: 4_000 } });
  expect(result.value.answer(local, origin)).toContain("a=rtcp-mux\r\n");
  const apart = profile.accept(pbx("RTP/AVP"), ["PCMU"]);
  expect(apart.ok && apart.value.answer(local, origin)).not.toContain("rtcp-mux");
});
