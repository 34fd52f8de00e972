/** RFC 3261 §16.7 step 6. */
import { expect, test } from "bun:test";
import { bestFailure } from "../../../gateway/b2bua/forking.ts";

const failures = (...statuses: number[]) =>
  statuses.map((status) => ({ status, reason: `${status}` }));

test.each([
  [[486, 603, 480], 603],
  [[404, 486, 480], 486],
  [[500, 480], 480],
  [[503, 503], 500],
  [[503], 503],
  [[], 480],
])("%j: the caller hears %d", (statuses, best) => {
  expect(bestFailure(failures(...statuses)).status).toBe(best);
});
