/** a=crypto as RFC 4568 writes it, as PBXs write it, and as nobody should. */
import { expect, test } from "bun:test";
import { cryptoLinesOf, describeCrypto, suitesOf } from "../../../gateway/sdp/crypto-attribute.ts";

const KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
const GCM_KEY = "HGAPy4Cedy/qumbZvpuCZSVT7rNDk8vG4TdUXp5hkyWqJCqiLRGab0KJy1g=";

const stream = (...lines: string[]) => ({
  kind: "audio",
  port: 4_000,
  protocol: "RTP/SAVP",
  formats: ["0"],
  attributes: lines.map((value) => ({ name: "crypto", value })),
});
const linesOf = (...lines: string[]) => cryptoLinesOf(stream(...lines));

test("the key of RFC 4568 §5.1.1's example, with a lifetime", () => {
  const [line] = linesOf(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20`);
  expect(line).toMatchObject({ tag: "1", suite: "AES_CM_128_HMAC_SHA1_80" });
  expect(line?.keyAndSalt.toBase64()).toBe(KEY);
});

test("what is printed reads as what it was", () => {
  const lines = linesOf(
    `7 AEAD_AES_256_GCM inline:${GCM_KEY}`,
    `123456789 AES_CM_128_HMAC_SHA1_32 inline:${KEY}`,
  );
  expect(lines).toHaveLength(2);
  expect(linesOf(...lines.map((line) => describeCrypto(line).value))).toEqual(lines);
});

test.each([
  ["a lifetime in digits", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|1048576`],
  ["no padding", `1 AEAD_AES_256_GCM inline:${GCM_KEY.replace("=", "")}`],
  ["lower case", `1 aes_cm_128_hmac_sha1_80 INLINE:${KEY}`],
  [
    "a window hint and an extension that may be ignored",
    `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY} WSH=128 -x`,
  ],
])("usable: %s", (_, line) => {
  expect(linesOf(line)).toHaveLength(1);
});

test.each([
  ["a master key identifier", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20|1:4`],
  ["one without lifetime", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|1:4`],
  ["several keys", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20|1:4;inline:${KEY}|2^20|2:4`],
  ["a suite we don't speak", `1 F8_128_HMAC_SHA1_80 inline:${KEY}`],
  ["a key of another suite's length", `1 AEAD_AES_256_GCM inline:${KEY}`],
  ["no base64", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY.slice(0, -1)}*`],
  ["no encryption", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY} UNENCRYPTED_SRTP`],
  ["no encryption of RTCP", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY} UNENCRYPTED_SRTCP`],
  ["no authentication", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY} UNAUTHENTICATED_SRTP`],
  ["a key derivation rate", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY} KDR=1`],
  ["a parameter nobody knows", `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY} NEW=1`],
  ["a tag that is none", `0 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`],
  ["another way to name a key", `1 AES_CM_128_HMAC_SHA1_80 uri:${KEY}`],
  ["nothing", ""],
])("passed over: %s; a good line after it counts", (_, line) => {
  const good = `2 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`;
  expect(linesOf(line, good).map(({ tag }) => tag)).toEqual(["2"]);
});

test("two lines with one tag are both passed over (§4.1)", () => {
  const twice = `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`;
  expect(linesOf(twice, twice)).toEqual([]);
});

test("names for a refusal hold no key", () => {
  const names = suitesOf(stream(`1 F8_128_HMAC_SHA1_80 inline:${KEY}`, "nonsense"));
  expect(names).toEqual(["F8_128_HMAC_SHA1_80", ""]);
});
