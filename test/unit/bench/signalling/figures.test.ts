/** The bench's own arithmetic. */
import { expect, test } from "bun:test";
import { figureOf } from "../../../../bench/signalling/figures.ts";

test("the median of an odd and of an even number of runs, and how far they lie apart", () => {
  expect(figureOf([5])).toEqual({ median: 5, min: 5, max: 5 });
  expect(figureOf([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 });
  expect(figureOf([4, 1, 2, 100])).toEqual({ median: 3, min: 1, max: 100 });
  expect(() => figureOf([])).toThrow();
});
