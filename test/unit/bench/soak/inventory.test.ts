import { expect, test } from "bun:test";
import { leaksBetween, slopes } from "../../../../bench/soak/inventory.ts";

test("R15: what there is more of when all calls are over is a leak, memory and bindings aside", () => {
  const before = { at: 0, counts: { "memory, MiB": 90, descriptors: 30, dialogs: 0, bindings: 1 } };
  const after = { at: 9, counts: { "memory, MiB": 99, descriptors: 32, dialogs: 0, bindings: 2 } };
  expect(leaksBetween(before, after)).toEqual([{ what: "descriptors", before: 30, after: 32 }]);
  expect(leaksBetween(after, before)).toEqual([]);
  const fresh = { at: 9, counts: { timers: 3 } };
  expect(leaksBetween(before, fresh)).toEqual([{ what: "timers", before: 0, after: 3 }]);
});

test("growth is counted an hour, over the second half", () => {
  const all = Array.from({ length: 100 }, (_, index) => ({
    at: 36 * index,
    counts: { sockets: index < 50 ? 7 * index : 400 + index, dialogs: 5 },
  }));
  const growth = slopes(all);
  expect(growth["sockets"]).toBeCloseTo(100);
  expect(growth["dialogs"]).toBeCloseTo(0);
});
