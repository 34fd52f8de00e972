/** RFC 8439's own examples. */
import { expect, test } from "bun:test";
import { utf8 } from "../../../../gateway/bytes.ts";
import {
  chacha20,
  openChaCha20,
  poly1305,
  sealChaCha20,
} from "../../../../gateway/media/dtls/chacha20-poly1305.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replace(/[\s:]/g, ""));
const SUNSCREEN = utf8(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
);

test("§2.4.2: the cipher", () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index);
  expect(chacha20(key, 1, hex("000000000000004a00000000"), SUNSCREEN).toHex()).toBe(
    "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d",
  );
});

test("§2.5.2: the authenticator", () => {
  const key = hex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b");
  const tag = poly1305(key, utf8("Cryptographic Forum Research Group"));
  expect(tag.toHex()).toBe("a8061dc1305136c6c22b8baf0c0127a9");
});

test("§2.8.2: both together; a bit changed anywhere opens nothing", () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => 0x80 + index);
  const nonce = hex("070000004041424344454647");
  const additional = hex("50515253c0c1c2c3c4c5c6c7");
  const sealed = sealChaCha20(key, nonce, additional, SUNSCREEN);
  expect(sealed.subarray(-16).toHex()).toBe("1ae10b594f09e26a7e902ecbd0600691");
  expect(sealed.subarray(0, 16).toHex()).toBe("d31a8d34648e60db7b86afbc53ef7ec2");
  expect(openChaCha20(key, nonce, additional, sealed)).toEqual(SUNSCREEN);
  for (let at = 0; at < sealed.length; at++) {
    const forged = sealed.slice();
    forged[at] = (forged[at] ?? 0) ^ 1;
    expect(openChaCha20(key, nonce, additional, forged)).toBeUndefined();
  }
  expect(openChaCha20(key, nonce, additional.slice(1), sealed)).toBeUndefined();
  expect(openChaCha20(key, nonce, additional, sealed.subarray(0, 15))).toBeUndefined();
});
