import { expect, test } from "bun:test";
import { LossPattern } from "../../../../gateway/media/rtp/loss-pattern.ts";

/** `x` is a lost packet, `.` one that came. */
function patternOf(stream: string): LossPattern {
  const pattern = new LossPattern();
  let lost = 0;
  for (const packet of stream) {
    if (packet === "x") lost += 1;
    else {
      pattern.count(lost);
      lost = 0;
    }
  }
  return pattern;
}

const gap = ".".repeat(30);

test("single losses far apart are no bursts", () => {
  const pattern = patternOf(`${gap}x${gap}x${gap}x${gap}`);
  expect(pattern.burstRatio).toBe(1);
  expect(pattern.metrics).toMatchObject({ burstDensity: 0, burstPackets: 0 });
  expect(pattern.metrics.lossShare).toBeCloseTo(3 / 123, 6);
  // The third loss is only known to be alone when the next one comes.
  expect(pattern.metrics.gapDensity).toBeCloseTo(2 / 92, 6);
});

test("the same loss in one place is a burst, with its length and density", () => {
  const scattered = patternOf(`${gap}x${gap}x${gap}x${gap}x${gap}`);
  const together = patternOf(`${gap}xxxx${gap.repeat(4)}`);
  expect(together.metrics.lossShare).toBe(scattered.metrics.lossShare);
  expect(together.burstRatio).toBeGreaterThan(3.5);
  expect(scattered.burstRatio).toBe(1);
  // Four lost, one through, four lost: nine packets, eight of them lost.
  const { metrics } = patternOf(`${gap}xxxx.xxxx${gap}x${gap}`);
  expect(metrics.burstPackets).toBe(9);
  expect(metrics.burstDensity).toBeGreaterThan(0.8);
  expect(metrics.gapPackets).toBeGreaterThanOrEqual(30);
});

test("random loss has a burst ratio near 1 whatever its rate", () => {
  for (const rate of [0.02, 0.1, 0.3]) {
    let state = 42;
    const chance = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const stream = Array.from({ length: 50_000 }, () => (chance() < rate ? "x" : ".")).join("");
    expect(patternOf(stream).burstRatio).toBeCloseTo(1, 1);
  }
});
