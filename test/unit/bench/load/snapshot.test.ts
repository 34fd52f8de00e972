import { expect, test } from "bun:test";
import {
  growthOf,
  type Snapshot,
  slopeOf,
  threadsBetween,
  timelineOf,
} from "../../../../bench/load/snapshot.ts";

const snapshot = (seconds: number, more: Partial<Snapshot>): Snapshot => ({
  at: 1_000 * seconds,
  threads: new Map(),
  cpuSeconds: 0,
  machine: { total: 0, idle: 0 },
  dropped: 0,
  resident: 0,
  ...more,
});

test("every worker's CPU stands alone, other threads of one name together", () => {
  const before = snapshot(0, { threads: new Map([["1 main", 1]]) });
  const after = snapshot(10, {
    threads: new Map([
      ["1 main", 2],
      ["2 Worker", 4],
      ["3 Worker", 8],
      ["4 JITWorker", 0.5],
      ["5 JITWorker", 0.5],
      ["6 idle", 0],
    ]),
  });
  expect(threadsBetween(before, after, 100)).toEqual([
    { name: "worker 2", cpu: 80 },
    { name: "worker 1", cpu: 40 },
    { name: "main", cpu: 10 },
    { name: "JITWorker", cpu: 10 },
  ]);
});

test("CPU of each second is the process's: threads that ended count", () => {
  const all = [0, 0.25, 0.75].map((cpuSeconds, second) => snapshot(second, { cpuSeconds }));
  expect(timelineOf(all)).toEqual([250, 500]);
});

test("the line that fits best, and memory's over the second half", () => {
  const line = Array.from({ length: 10 }, (_, x): [number, number] => [x, 3 * x + (x % 2)]);
  expect(slopeOf(line)).toBeCloseTo(3, 1);
  expect(slopeOf([[1, 1]])).toBe(0);
  // Grows at first, then by one MiB a minute.
  const resident = (minute: number) => (minute < 10 ? 100 * minute : 1_000 + minute) * 2 ** 20;
  const all = Array.from({ length: 20 }, (_, minute) =>
    snapshot(60 * minute, { resident: resident(minute) }),
  );
  expect(growthOf(all)).toBeCloseTo(1_024, 5);
});
