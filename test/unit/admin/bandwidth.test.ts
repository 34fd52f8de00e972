import { expect, test } from "bun:test";
import { bandwidthOf } from "../../../admin/bandwidth.ts";

test("OPS-08: G.711 is about 90 kbit/s a call, and the line should have twice that", () => {
  expect(bandwidthOf(["PCMA", "PCMU"], 10)).toEqual({
    kilobitsPerSecond: 872,
    plannedKilobitsPerSecond: 1_744,
  });
  expect(bandwidthOf(["opus"], 1).kilobitsPerSecond).toBeLessThan(60);
  expect(bandwidthOf([], 0)).toEqual({ kilobitsPerSecond: 0, plannedKilobitsPerSecond: 0 });
});
