import { expect, test } from "bun:test";
import { fingerprintOf } from "../../../../bench/load/speech-loop.ts";

test.each([1, 6, 7, 50, 300])("no two ends of %i calls say the same at once", (calls) => {
  const said = new Set<string>();
  for (let index = 0; index < calls; index++) {
    for (const side of ["softphone", "pbx"] as const) {
      const { voice, start } = fingerprintOf(index, calls, side);
      expect(start).toBeGreaterThanOrEqual(0);
      expect(start).toBeLessThan(1);
      said.add(`${voice} ${start.toFixed(6)}`);
    }
  }
  expect(said.size).toBe(2 * calls);
});
