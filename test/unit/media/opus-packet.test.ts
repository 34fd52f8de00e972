import { expect, test } from "bun:test";
import { opusTicks } from "../../../gateway/media/opus-packet.ts";

const ticks = (...bytes: number[]) => opusTicks(Uint8Array.from(bytes), 0, bytes.length);

test("RFC 6716 table 2: frame sizes by configuration", () => {
  const sizes = Array.from({ length: 32 }, (_, configuration) => ticks(configuration << 3, 0) / 48);
  const silk = [10, 20, 40, 60];
  const celt = [2.5, 5, 10, 20];
  expect(sizes).toEqual([
    ...[silk, silk, silk].flat(),
    ...[10, 20, 10, 20],
    ...[celt, celt, celt, celt].flat(),
  ]);
});

test("RFC 6716 §3.2: one, two or a counted number of frames, 120 ms at most", () => {
  const celt20 = 31 << 3;
  expect([0, 1, 2].map((code) => ticks(celt20 | code, 0))).toEqual([960, 1_920, 1_920]);
  expect(ticks(celt20 | 3, 6)).toBe(5_760);
  expect(ticks(celt20 | 3, 7)).toBe(0);
  expect(ticks(celt20 | 3)).toBe(0);
  expect(ticks(celt20 | 3, 0)).toBe(0);
  expect(ticks()).toBe(0);
});
