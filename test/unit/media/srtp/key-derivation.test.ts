import { expect, test } from "bun:test";
import { aesBlockCipher } from "../../../../gateway/crypto.ts";
import { deriveSessionKeys } from "../../../../gateway/media/srtp/key-derivation.ts";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
} from "../../../../gateway/media/srtp/profiles.ts";
import vectors from "../../../vectors/srtp-aes-cm.json";

for (const vector of vectors.kdf) {
  test(`P7 ${vector.rfc}: session keys`, () => {
    const masterKey = Uint8Array.fromHex(vector.master_key);
    const profile = { ...SRTP_AES128_CM_HMAC_SHA1_80, keyBytes: masterKey.length };
    const { rtp } = deriveSessionKeys(profile, masterKey, Uint8Array.fromHex(vector.master_salt));
    expect(rtp.key.toHex()).toBe(vector.cipher_key);
    expect(rtp.salt.toHex()).toBe(vector.cipher_salt);
    expect(rtp.authenticationKey.toHex()).toBe(vector.auth_key_first20);
  });
}

for (const vector of vectors.keystream) {
  test(`P7 ${vector.rfc}: keystream`, () => {
    const blocks = new Uint8Array(48);
    for (let block = 0; block < 3; block++) {
      blocks.set(Uint8Array.fromHex(vector.iv), 16 * block);
      blocks[16 * block + 15] = block;
    }
    const keystream = aesBlockCipher(Uint8Array.fromHex(vector.key))(blocks);
    expect(Uint8Array.from(keystream).toHex()).toBe(vector.keystream);
  });
}

test("RTP and RTCP have keys of their own", () => {
  const profile = SRTP_AEAD_AES_128_GCM;
  const { rtp, rtcp } = deriveSessionKeys(profile, new Uint8Array(16), new Uint8Array(12));
  expect(rtp.key).not.toEqual(rtcp.key);
  expect(rtp.salt).not.toEqual(rtcp.salt);
  expect([rtcp.key.length, rtcp.salt.length, rtcp.authenticationKey.length]).toEqual([16, 12, 0]);
});

test("a master key or salt of the wrong length is our own bug", () => {
  const derive = (key: number, salt: number) => () =>
    deriveSessionKeys(SRTP_AEAD_AES_128_GCM, new Uint8Array(key), new Uint8Array(salt));
  expect(derive(16, 14)).toThrow();
  expect(derive(32, 12)).toThrow();
});
