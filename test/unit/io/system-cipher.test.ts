/** The system's OpenSSL does as node:crypto does, and writes where it may alone. */
import { expect, test } from "bun:test";
import { openSystemCipher } from "../../../gateway/io/system-cipher.ts";
import { nodeCipher } from "../../../gateway/packet-cipher.ts";

const system = openSystemCipher();
const MARK = 0x5a5a5a5a;
const nonce = new Uint8Array(12).fill(1);

test.skipIf(!system)(
  "the same packets as node:crypto's, and nobody else's memory changes, whatever is collected meanwhile",
  () => {
    if (!system) return;
    let others: Int32Array[] = [];
    for (let round = 0; round < 120; round++) {
      // As small as what a library is lent: if that were given back, one of these would get its place.
      for (let index = 0; index < 2_000; index++) {
        others.push(new Int32Array(new ArrayBuffer(8)).fill(MARK));
      }
      const key = new Uint8Array(round % 2 === 0 ? 16 : 32).fill(round);
      const own = Uint8Array.from({ length: 200 }, (_, index) => index ^ round);
      const other = own.slice();
      system.seal(key, nonce, undefined, own, 12, 172);
      nodeCipher.seal(key, nonce, undefined, other, 12, 172);
      expect(own.toHex()).toBe(other.toHex());
      expect(system.open(key, nonce, undefined, own, 12, 172)).toBe(true);
      expect(others.every(([low, high]) => low === MARK && high === MARK)).toBe(true);
      if (round % 3 !== 0) continue;
      others = [];
      Bun.gc(true);
    }
  },
);

test.skipIf(!system)("without room for the tag nothing is written", () => {
  if (!system) return;
  const key = new Uint8Array(16);
  const whole = new ArrayBuffer(64);
  const packet = new Uint8Array(whole, 0, 40);
  for (const [from, to] of [
    [12, 25],
    [12, 40],
    [12, 64],
    [30, 20],
    [-1, 20],
  ] as const) {
    expect(() => system.seal(key, nonce, undefined, packet, from, to)).toThrow(RangeError);
    expect(system.open(key, nonce, undefined, packet, from, to)).toBe(false);
  }
  expect(new Uint8Array(whole).every((byte) => byte === 0)).toBe(true);
  system.seal(key, nonce, undefined, packet, 12, 24);
});
