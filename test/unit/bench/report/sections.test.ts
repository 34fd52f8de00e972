import { expect, test } from "bun:test";
import {
  isMet,
  missedGoals,
  type NamedFigure,
  printFigure,
  single,
} from "../../../../bench/report/sections.ts";

const figure = (median: number, goal?: NamedFigure["goal"]): NamedFigure => {
  const plain = { key: "gap", name: "gap", unit: "ms", value: single(median), digits: 0 };
  return goal ? { ...plain, goal } : plain;
};

test("a goal is a bound on the median, on either side", () => {
  expect(isMet(figure(100))).toBe(true);
  expect(isMet(figure(100, { atMost: 100, source: "R1" }))).toBe(true);
  expect(isMet(figure(101, { atMost: 100, source: "R1" }))).toBe(false);
  expect(isMet(figure(99, { atLeast: 100, source: "R1" }))).toBe(false);
  expect(isMet(figure(Number.NaN, { atMost: 100, source: "R1" }))).toBe(false);
  expect(missedGoals([figure(362, { atMost: 100, source: "R1" }), figure(5)])).toEqual([
    "gap: 362 ms, at most 100 (R1)",
  ]);
});

test("a spread is told where there is one", () => {
  expect(printFigure({ median: 4.124, min: 4, max: 4.4 }, 2)).toBe("4.12 (4.00 to 4.40)");
  expect(printFigure(single(4), 1)).toBe("4.0");
});
