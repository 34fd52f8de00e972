import { expect, test } from "bun:test";
import { overBudget } from "../../../../bench/report/budget.ts";
import { single } from "../../../../bench/report/sections.ts";

const report = {
  figures: [
    { key: "cpuMsPerCallSecond", name: "CPU", unit: "ms", value: single(6), digits: 2 },
    { key: "kibPerCall", name: "memory", unit: "KiB", value: single(200), digits: 0 },
    { key: "stoiToPbx", name: "intelligibility", unit: "of 1", value: single(0.9), digits: 3 },
  ],
  ratios: [{ against: "rtpengine", cpu: single(0.3) }],
};

test("what is within its limits is not named", () => {
  const figures = { stoiToPbx: { atLeast: 0.9 } };
  const limits = { ratios: { rtpengine: 0.3 }, figures, cpu: 6, kibPerCall: 200 };
  expect(overBudget(report, limits)).toEqual([]);
});

test("what is beyond, and what was never measured, is", () => {
  const over = overBudget(report, {
    ratios: { rtpengine: 0.25, other: 1 },
    figures: { stoiToPbx: { atLeast: 0.95 }, kibPerCall: 100 },
    cpu: 5,
    delayToPbxP99Ms: 8,
  });
  expect(over).toEqual([
    "delayToPbxP99Ms is not measured, at most 8",
    "CPU (cpuMsPerCallSecond) is 6.00, at most 5",
    "intelligibility (stoiToPbx) is 0.90, at least 0.95",
    "memory (kibPerCall) is 200.00, at most 100",
    "CPU against rtpengine is 0.30, at most 0.25",
    "CPU against other is not measured, at most 1",
  ]);
});
