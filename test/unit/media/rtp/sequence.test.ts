import { expect, test } from "bun:test";
import {
  addSequence,
  addTimestamp,
  nearestIndex,
  sequenceDifference,
  timestampDifference,
} from "../../../../gateway/media/rtp/sequence.ts";

test("differences wrap and are signed", () => {
  expect(sequenceDifference(5, 3)).toBe(2);
  expect(sequenceDifference(1, 65_535)).toBe(2);
  expect(sequenceDifference(65_535, 1)).toBe(-2);
  expect(sequenceDifference(0, 32_768)).toBe(-32_768);
  expect(timestampDifference(3, 2 ** 32 - 3)).toBe(6);
  expect(timestampDifference(2 ** 32 - 3, 3)).toBe(-6);
});

test("sums wrap", () => {
  expect([addSequence(65_535, 2), addSequence(0, -1)]).toEqual([1, 65_535]);
  expect([addTimestamp(2 ** 32 - 1, 2), addTimestamp(0, -1)]).toEqual([1, 2 ** 32 - 1]);
});

/** RFC 3711 appendix A, as it stands there. */
function appendixA(rollovers: number, last: number, sequence: number): number {
  let guess = rollovers;
  if (last < 32_768) {
    if (sequence - last > 32_768) guess = rollovers - 1;
  } else if (last - 32_768 > sequence) guess = rollovers + 1;
  return guess * 65_536 + sequence;
}

test("P7 the nearest index is that of RFC 3711 appendix A", () => {
  const edges = [0, 1, 2, 100, 32_766, 32_767, 32_768, 32_769, 32_770, 65_533, 65_534, 65_535];
  for (const rollovers of [0, 1, 7, 2 ** 31, 2 ** 32 - 1]) {
    for (const last of edges) {
      for (const sequence of edges) {
        const index = nearestIndex(rollovers * 65_536 + last, sequence);
        expect([rollovers, last, sequence, index]).toEqual([
          rollovers,
          last,
          sequence,
          appendixA(rollovers, last, sequence),
        ]);
      }
    }
  }
});
