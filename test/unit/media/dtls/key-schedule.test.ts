/** The PRF against public vectors, and the layout of what is cut out of it. */
import { expect, test } from "bun:test";
import { concat } from "../../../../gateway/bytes.ts";
import { CIPHER_SUITES, type CipherSuite } from "../../../../gateway/media/dtls/cipher-suites.ts";
import {
  masterSecret,
  prf,
  recordKeys,
  srtpKeys,
  verifyData,
} from "../../../../gateway/media/dtls/key-schedule.ts";

function suite(id: number): CipherSuite {
  const found = CIPHER_SUITES.find((one) => one.id === id);
  if (!found) throw new Error(`no suite ${id}`);
  return found;
}

const AES_128 = suite(0xc02b);
const AES_256 = suite(0xc02c);
const master = Uint8Array.from({ length: 48 }, (_, index) => index);
const randoms = { client: new Uint8Array(32).fill(0xc1), server: new Uint8Array(32).fill(0x5e) };

test("the PRF over SHA-256 gives the public vector", () => {
  const secret = Uint8Array.fromHex("9bbe436ba940f017b17652849a71db35");
  const seed = Uint8Array.fromHex("a0ba9f936cda311827a6f796ffd5198c");
  expect(prf("sha256", secret, "test label", seed, 100).toHex()).toBe(
    "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a" +
      "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab" +
      "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701" +
      "87347b66",
  );
});

test("the PRF over SHA-384 gives the public vector", () => {
  const secret = Uint8Array.fromHex("b80b733d6ceefcdc71566ea48e5567df");
  const seed = Uint8Array.fromHex("cd665cf6a8447dd6ff8b27555edb7465");
  expect(prf("sha384", secret, "test label", seed, 148).toHex()).toBe(
    "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd" +
      "e9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd" +
      "8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425" +
      "9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6" +
      "91c8f3a26854308d5eaa3be85e0990703d73e56f",
  );
});

test("the PRF of a shorter length is the start of the longer one", () => {
  const long = prf("sha256", master, "label", randoms.client, 100);
  for (const length of [0, 1, 12, 31, 32, 33, 64])
    expect(prf("sha256", master, "label", randoms.client, length)).toEqual(long.slice(0, length));
});

test("the master secret covers the session hash where there is one, else the randoms", () => {
  const premaster = new Uint8Array(32).fill(9);
  const sessionHash = new Uint8Array(32).fill(4);
  const label = "extended master secret";
  expect(masterSecret(AES_128, premaster, randoms, sessionHash)).toEqual(
    prf("sha256", premaster, label, sessionHash, 48),
  );
  expect(masterSecret(AES_256, premaster, randoms, undefined)).toEqual(
    prf("sha384", premaster, "master secret", concat(randoms.client, randoms.server), 48),
  );
});

test("record keys are cut in RFC 5246's order, the server's random first", () => {
  const seed = concat(randoms.server, randoms.client);
  for (const [one, name, keyBytes] of [
    [AES_128, "sha256", 16],
    [AES_256, "sha384", 32],
  ] as const) {
    const { client, server } = recordKeys(one, master, randoms);
    const block = prf(name, master, "key expansion", seed, 2 * keyBytes + 8);
    expect(concat(client.key, server.key, client.iv, server.iv)).toEqual(block);
    expect([client.key.length, client.iv.length]).toEqual([keyBytes, 4]);
  }
});

test("SRTP's keys are cut in RFC 5764's order, the client's random first, for every profile", () => {
  const seed = concat(randoms.client, randoms.server);
  for (const [profile, keyBytes, saltBytes] of [
    [0x0007, 16, 12],
    [0x0001, 16, 14],
  ] as const) {
    const client = srtpKeys(AES_128, master, randoms, profile, "client");
    const length = 2 * (keyBytes + saltBytes);
    expect(concat(client.localKey, client.remoteKey, client.localSalt, client.remoteSalt)).toEqual(
      prf("sha256", master, "EXTRACTOR-dtls_srtp", seed, length),
    );
    expect(client.localKey).toHaveLength(keyBytes);
    expect(srtpKeys(AES_128, master, randoms, profile, "server")).toEqual({
      localKey: client.remoteKey,
      localSalt: client.remoteSalt,
      remoteKey: client.localKey,
      remoteSalt: client.localSalt,
    });
  }
});

test("verify data differs by sender, by transcript and by secret", () => {
  const transcript = new Uint8Array(100);
  const all = [
    verifyData(AES_128, master, "client", transcript),
    verifyData(AES_128, master, "server", transcript),
    verifyData(AES_128, master, "client", transcript.slice(1)),
    verifyData(AES_128, master.slice(1), "client", transcript),
    verifyData(AES_256, master, "client", transcript),
  ].map((bytes) => bytes.toHex());
  expect(new Set(all).size).toBe(5);
  for (const hex of all) expect(hex).toHaveLength(24);
});
