import { expect, test } from "bun:test";
import { PORT_PAIR_REFUSED_MS, PORT_QUARANTINE_MS } from "../../../gateway/limits.ts";
import { PortPool } from "../../../gateway/media/port-pool.ts";
import { seededRandom } from "./seeded-random.ts";

test("pairs are even, within the range, and each is taken once", () => {
  const pool = new PortPool({ first: 10_001, last: 10_010 }, seededRandom(1));
  expect(pool.size).toBe(4);
  const taken = [1, 2, 3, 4].map(() => pool.take(0));
  expect([...taken].sort()).toEqual([10_002, 10_004, 10_006, 10_008]);
  expect(pool.take(0)).toBeUndefined();
});

test("M8: a pair rests after use, then the pool is whole again", () => {
  const pool = new PortPool({ first: 10_000, last: 10_003 }, seededRandom(2));
  const first = pool.take(0) ?? 0;
  const second = pool.take(0) ?? 0;
  pool.release(first, 100);
  expect(pool.take(100 + PORT_QUARANTINE_MS - 1)).toBeUndefined();
  expect(pool.take(100 + PORT_QUARANTINE_MS)).toBe(first);
  pool.release(first, 10_000);
  pool.refuse(second, 10_000);
  expect(pool.available(10_000 + PORT_QUARANTINE_MS)).toBe(1);
  expect(pool.available(10_000 + PORT_PAIR_REFUSED_MS)).toBe(2);
});

test("ports are drawn by chance, not in order", () => {
  const pool = new PortPool({ first: 10_000, last: 10_999 }, seededRandom(3));
  const taken = Array.from({ length: 20 }, () => pool.take(0) ?? 0);
  expect(taken).not.toEqual([...taken].sort((a, b) => a - b));
});
