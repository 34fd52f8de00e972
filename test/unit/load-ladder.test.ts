import { expect, test } from "bun:test";
import { isAtLeast, LoadLadder, type LoadLevel } from "../../gateway/load-ladder.ts";

/** The level after each second of these busy shares. */
function climb(ladder: LoadLadder, busy: readonly number[], lateMs = 0): LoadLevel[] {
  return busy.map((share) => ladder.measured({ busy: share, lateMs }));
}

test("rising load leaves out one thing after the other, and new calls last", () => {
  const ladder = new LoadLadder();
  const shares = [0.3, 0.65, 0.8, 0.95];
  const levels = shares.map((share) => climb(ladder, new Array(3).fill(share)));
  expect(levels.map((three) => three.at(-1))).toEqual(["normal", "economical", "sparing", "full"]);
  // Until the third second each stands where it was.
  expect(levels.map((three) => three[1])).toEqual(["normal", "normal", "economical", "sparing"]);
});

test("two bad seconds are none; three in a row count as the best of them", () => {
  const ladder = new LoadLadder();
  expect(climb(ladder, [1, 1, 0.3, 1, 1, 0.3])).not.toContain("full");
  expect(climb(ladder, [1, 1, 0.65]).at(-1)).toBe("economical");
  expect(climb(new LoadLadder(), [1, 1, 1]).at(-1)).toBe("full");
});

test("it comes down step by step, and only well below where it went up", () => {
  const ladder = new LoadLadder();
  climb(ladder, [1, 1, 1]);
  expect(climb(ladder, new Array(20).fill(0.8)).at(-1)).toBe("full");
  expect(climb(ladder, new Array(5).fill(0.3)).at(-1)).toBe("sparing");
  expect(climb(ladder, new Array(4).fill(0.3)).at(-1)).toBe("sparing");
  expect(climb(ladder, [0.3]).at(-1)).toBe("economical");
  expect(climb(ladder, new Array(5).fill(0.3)).at(-1)).toBe("normal");
});

test("R12: a thread that gets no processor time refuses before it is 50 ms late", () => {
  const ladder = new LoadLadder();
  expect(climb(ladder, [0.4, 0.4, 0.4], 36).at(-1)).toBe("full");
  expect(climb(new LoadLadder(), [0.4, 0.4, 0.4], 5).at(-1)).toBe("normal");
  // With nothing to do it is late by other people's work: one call more changes nothing.
  expect(climb(new LoadLadder(), [0.1, 0.1, 0.1], 80).at(-1)).toBe("normal");
});

test("levels are in order", () => {
  expect(isAtLeast("full", "sparing")).toBe(true);
  expect(isAtLeast("economical", "sparing")).toBe(false);
});
