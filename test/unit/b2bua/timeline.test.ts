import { expect, test } from "bun:test";
import { TIMELINE_SAMPLES_MAX, Timeline } from "../../../gateway/b2bua/timeline.ts";

test("of a call of any length there are bounded samples, evenly spaced, from its beginning", () => {
  for (const length of [1, 2, 63, 64, 65, 66, 127, 128, 129, 1_000, 20_000]) {
    const timeline = new Timeline();
    for (let at = 0; at < length; at += 1) timeline.add({ at });
    const times = timeline.samples.map(({ at }) => at);
    expect(times.length).toBeLessThanOrEqual(TIMELINE_SAMPLES_MAX);
    expect(times.length).toBeGreaterThanOrEqual(Math.min(length, TIMELINE_SAMPLES_MAX / 2));
    expect(times[0]).toBe(0);
    const steps = new Set(times.slice(1).map((at, index) => at - (times[index] ?? 0)));
    expect([length, steps.size <= 1]).toEqual([length, true]);
    const [step = 1] = steps;
    expect([length, length - 1 - (times.at(-1) ?? 0) < step]).toEqual([length, true]);
  }
});
