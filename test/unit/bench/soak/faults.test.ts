import { expect, test } from "bun:test";
import { isExcused, plannedFaults, windowOf } from "../../../../bench/soak/faults.ts";

test("R15: a seed is an order of faults, spread over the run, none at its end", () => {
  const size = { seconds: 3_600, every: 60, seed: 5 };
  const planned = plannedFaults(["worker", "pbx", "reconnect"], size);
  expect(planned).toEqual(plannedFaults(["worker", "pbx", "reconnect"], size));
  expect(planned).not.toEqual(plannedFaults(["worker", "pbx", "reconnect"], { ...size, seed: 6 }));
  expect(planned.length).toBeGreaterThan(35);
  expect(planned.length).toBeLessThan(75);
  expect(new Set(planned.map(({ kind }) => kind)).size).toBe(3);
  expect(planned[0]?.at).toBeGreaterThanOrEqual(30);
  expect(planned.at(-1)?.at).toBeLessThan(3_060);
  expect(plannedFaults([], size)).toEqual([]);
});

test("a fault excuses the calls that were there, and those that came before all was well", () => {
  const windows = [windowOf("worker", 10_000)];
  expect(isExcused({ beganAt: 8_000, endedAt: 10_500 }, windows)).toBe(true);
  expect(isExcused({ beganAt: 12_000, endedAt: 15_000 }, windows)).toBe(true);
  expect(isExcused({ beganAt: 5_000, endedAt: 9_999 }, windows)).toBe(false);
  expect(isExcused({ beganAt: 13_001, endedAt: 15_000 }, windows)).toBe(false);
  expect(isExcused({ beganAt: 5_000, endedAt: 9_000 }, [])).toBe(false);
});
