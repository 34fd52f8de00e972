/** Goals of comparisons: which there are, when one is missed, and what the report says then. */
import { expect, test } from "bun:test";
import { goalsSection, isMissed, mediaGoals } from "../../../../bench/report/goals.ts";

const ratio = (against: string, median: number) => ({ against, cpu: { median } });

test("transcoding has two goals, bridging one, and what is passed on has none", () => {
  const ratios = [ratio("rtpengine", 0.24), ratio("rtpengine tuned", 0.52), ratio("other", 9)];
  const goals = mediaGoals("transcode", ratios);
  expect(goals.map(({ atMost }) => atMost)).toEqual([0.25, 0.5]);
  expect(goals.map(isMissed)).toEqual([false, true]);
  expect(mediaGoals("bridge", [ratio("rtpengine", 1)]).map(isMissed)).toEqual([false]);
  expect(mediaGoals("bridge", [ratio("rtpengine", 1.01)]).map(isMissed)).toEqual([true]);
  expect(mediaGoals("relay", ratios)).toEqual([]);
});

test("each stands in the report with its measure; without goals there is no such table", () => {
  const [section] = goalsSection(mediaGoals("transcode", [ratio("rtpengine", 0.3)]));
  expect(section?.rows).toEqual([
    ["transcode, to rtpengine", "0.30", "at most 0.25", "missed: below is where the time goes"],
  ]);
  expect(goalsSection([])).toEqual([]);
});
