import { expect, test } from "bun:test";
import { openSystemCipher } from "../../../../gateway/io/system-cipher.ts";
import { AesGcmTransform } from "../../../../gateway/media/srtp/aes-gcm-transform.ts";
import { NOT_AUTHENTIC } from "../../../../gateway/media/srtp/transform.ts";
import { nodeCipher } from "../../../../gateway/packet-cipher.ts";
import vectors from "../../../vectors/srtp-gcm-rfc7714.json";

const system = openSystemCipher();
const ciphers = [
  { by: "node:crypto", cipher: nodeCipher },
  ...(system ? [{ by: "the system's OpenSSL", cipher: system }] : []),
];

for (const [vector, { by, cipher }] of vectors.flatMap((it) =>
  ciphers.map((own) => [it, own] as const),
)) {
  const keys = {
    key: Uint8Array.fromHex(vector.key),
    salt: Uint8Array.fromHex(vector.salt),
    authenticationKey: new Uint8Array(0),
  };
  const transform = new AesGcmTransform(keys, keys, cipher);
  const name = `P7 RFC 7714 §16, §17, AES-${8 * keys.key.length} by ${by}`;
  const inBuffer = (hex: string) => {
    const buffer = new Uint8Array(200);
    buffer.set(Uint8Array.fromHex(hex));
    return { buffer, length: hex.length / 2 };
  };
  const index = vector.roc * 65_536 + 0xf17b;

  test(`${name}: RTP`, () => {
    const { buffer, length } = inBuffer(vector.rtp_plain);
    const protectedLength = transform.protectRtp(buffer, length, 12, index);
    expect(buffer.subarray(0, protectedLength).toHex()).toBe(vector.srtp);
    expect(transform.unprotectRtp(buffer, protectedLength, 12, index)).toBe(length);
    expect(buffer.subarray(0, length).toHex()).toBe(vector.rtp_plain);
  });

  test(`${name}: RTP with another index is not authentic, and left alone`, () => {
    const { buffer, length } = inBuffer(vector.srtp);
    expect(transform.unprotectRtp(buffer, length, 12, index + 65_536)).toBe(NOT_AUTHENTIC);
    expect(buffer.subarray(0, length).toHex()).toBe(vector.srtp);
  });

  test(`${name}: RTCP`, () => {
    const { buffer, length } = inBuffer(vector.rtcp_plain);
    const protectedLength = transform.protectRtcp(buffer, length, vector.srtcp_index);
    expect(buffer.subarray(0, protectedLength).toHex()).toBe(vector.srtcp);
    expect(transform.unprotectRtcp(buffer, protectedLength)).toBe(length);
    expect(buffer.subarray(0, length).toHex()).toBe(vector.rtcp_plain);
  });

  test(`${name}: RTCP that is authentic only`, () => {
    const { buffer, length } = inBuffer(vector.srtcp_auth_only);
    expect(transform.unprotectRtcp(buffer, length)).toBe(vector.rtcp_plain.length / 2);
    buffer[20] = (buffer[20] ?? 0) ^ 1;
    expect(transform.unprotectRtcp(buffer, length)).toBe(NOT_AUTHENTIC);
  });
}
