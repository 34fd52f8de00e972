import { expect, test } from "bun:test";
import { SilenceWatch } from "../../../gateway/media/silence-watch.ts";

test("silence is reported after its time, then each time it doubles", () => {
  const watch = new SilenceWatch(5_000);
  watch.listen(true, 100);
  const reported: number[] = [];
  for (let at = watch.deadline(); at !== undefined && at < 50_000; at = watch.deadline()) {
    const silentMs = watch.timeout(at);
    if (silentMs !== undefined) reported.push(silentMs);
  }
  expect(reported).toEqual([5_000, 10_000, 20_000, 40_000]);
});

test("each packet moves the deadline; the first one is news, and the first after a report", () => {
  const watch = new SilenceWatch(5_000);
  watch.listen(true, 0);
  expect(watch.heard(1_000)).toBe(true);
  expect(watch.heard(1_020)).toBe(false);
  expect(watch.timeout(5_000)).toBeUndefined();
  expect(watch.timeout(6_020)).toBe(5_000);
  expect(watch.heard(7_000)).toBe(true);
  expect(watch.deadline()).toBe(12_000);
});

test("on hold nothing is expected, and time starts anew afterwards", () => {
  const watch = new SilenceWatch(5_000);
  watch.listen(true, 0);
  watch.listen(false, 1_000);
  expect(watch.deadline()).toBeUndefined();
  watch.listen(true, 60_000);
  expect(watch.deadline()).toBe(65_000);
});
