import { expect, test } from "bun:test";
import { ratesOf } from "../../../../bench/estate/rates.ts";

test("R3: registrations in windows of five seconds, of all hosts and of the busiest", () => {
  const at = (seconds: number, host: number) => ({ at: 1_000 + 1_000 * seconds, host });
  const all = [at(0, 0), at(1, 0), at(2, 0), at(3, 1), at(4.9, 1), at(5, 1), at(14, 0), at(-1, 0)];
  const rates = ratesOf(all, 1_000, 17_500);
  expect(rates.perWindow).toEqual([1, 0.2, 0.2]);
  expect(rates.most).toBe(1);
  expect(rates.mostOfHost).toBeCloseTo(0.6);
  expect(rates.mean).toBeCloseTo(7 / 15);
  expect(rates.ratio).toBeCloseTo(15 / 7);
});

test("nothing came", () => {
  expect(ratesOf([], 0, 20_000)).toMatchObject({ most: 0, mean: 0, ratio: 0 });
});
