import { expect, test } from "bun:test";
import {
  ntpFraction,
  ntpMiddle,
  ntpSeconds,
  roundTripMs,
} from "../../../../gateway/media/rtp/ntp-time.ts";

test("seconds, fraction and the middle of both", () => {
  const now = 123_456_750;
  expect([ntpSeconds(now), ntpFraction(now)]).toEqual([123_456, 0.75 * 2 ** 32]);
  const middle = (((ntpSeconds(now) << 16) | (ntpFraction(now) >>> 16)) >>> 0) as number;
  expect(ntpMiddle(now)).toBe(middle);
});

test("the round trip of RFC 3550 figure 2: 6.125 s with 5.25 s of delay between", () => {
  // The figure's arrival at 46864.5 s, its report at 46853.125 s and its delay of 5.25 s.
  const report = {
    lastSenderReport: ntpMiddle(46_853_125),
    delaySinceLastSenderReport: 5.25 * 65_536,
  };
  expect(roundTripMs(46_864_500, report)).toBeCloseTo(6_125, 1);
});

test("the clock's middle may wrap between report and answer; nothing is negative", () => {
  const wrap = 65_536_000;
  const report = { lastSenderReport: ntpMiddle(wrap - 100), delaySinceLastSenderReport: 0 };
  expect(roundTripMs(wrap + 100, report)).toBeCloseTo(200, 1);
  expect(roundTripMs(wrap - 101, report)).toBe(0);
  expect(roundTripMs(5, { lastSenderReport: 0, delaySinceLastSenderReport: 0 })).toBeUndefined();
});
