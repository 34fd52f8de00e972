import { expect, test } from "bun:test";
import { ntpMiddle } from "../../../../gateway/media/rtp/ntp-time.ts";
import { ReceptionStatistics } from "../../../../gateway/media/rtp/reception-statistics.ts";

/** Receives packet `number`, sent every 20 ms, `lateMs` after its time. */
function receive(statistics: ReceptionStatistics, number: number, lateMs = 0): number {
  const timestamp = (number * 160) >>> 0;
  return statistics.receive(number & 0xffff, timestamp, number * 20 + lateMs);
}

test("in order, over two rollovers: nothing lost, no jitter, numbers extended", () => {
  const statistics = new ReceptionStatistics(8_000);
  let before = receive(statistics, 65_000) - 1;
  for (let number = 65_000; number < 200_000; number++) {
    if (number > 65_000) expect(receive(statistics, number)).toBe(before + 1);
    before += 1;
  }
  expect([statistics.packetsReceived, statistics.packetsLost, statistics.jitterMs]).toEqual([
    135_000, 0, 0,
  ]);
  expect(statistics.report(9, 0)).toMatchObject({
    ssrc: 9,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 199_999,
  });
});

test("loss, reordering and duplicates: A.3", () => {
  const statistics = new ReceptionStatistics(8_000);
  for (const number of [100, 101, 103, 102, 106, 106, 107, 110]) receive(statistics, number);
  // 11 expected, 8 received, one of them twice.
  expect(statistics.packetsLost).toBe(3);
  expect(statistics.report(1, 0)).toMatchObject({
    fractionLost: Math.floor((3 * 256) / 11),
    cumulativeLost: 3,
    highestSequence: 110,
  });
  for (const number of [111, 112, 113, 113, 113]) receive(statistics, number);
  expect(statistics.report(1, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 1 });
  for (const number of [114, 116]) receive(statistics, number);
  expect(statistics.report(1, 0)).toMatchObject({ fractionLost: 85, cumulativeLost: 2 });
  expect(statistics.report(1, 0)).toMatchObject({ fractionLost: 0 });
});

test("packets from before the first belong to the stream", () => {
  const statistics = new ReceptionStatistics(8_000);
  const first = receive(statistics, 65_536);
  expect(receive(statistics, 65_534)).toBe(first - 2);
  expect(receive(statistics, 65_535)).toBe(first - 1);
  expect([statistics.packetsReceived, statistics.packetsLost]).toEqual([3, 0]);
});

test("P6 one wild sequence number is refused and changes nothing; two in a row are a restart", () => {
  const statistics = new ReceptionStatistics(8_000);
  for (let number = 0; number < 10; number++) receive(statistics, number);
  expect(statistics.receive(40_000, 0, 200)).toBe(-1);
  expect(statistics.receive(20_000, 0, 200)).toBe(-1);
  expect([statistics.packetsReceived, statistics.packetsLost]).toEqual([10, 0]);
  receive(statistics, 12);
  expect(statistics.packetsLost).toBe(2);
  expect(statistics.receive(40_000, 0, 300)).toBe(-1);
  expect(statistics.receive(40_001, 160, 320)).toBeGreaterThan(0);
  expect(statistics.receive(40_002, 320, 340)).toBeGreaterThan(0);
  expect([statistics.packetsReceived, statistics.packetsLost]).toEqual([13, 2]);
  expect(statistics.report(1, 0).highestSequence).toBe(40_002);
});

test("jitter is A.8's: packets alternately 8 ms late settle at 8 ms", () => {
  const statistics = new ReceptionStatistics(8_000);
  receive(statistics, 0);
  receive(statistics, 1, 8);
  expect(statistics.jitterMs).toBeCloseTo(0.5, 6);
  for (let number = 2; number < 500; number++) receive(statistics, number, (number % 2) * 8);
  expect(statistics.jitterMs).toBeCloseTo(8, 3);
  expect(statistics.report(1, 0).jitter).toBeGreaterThanOrEqual(63);
  statistics.setClockRate(48_000);
  expect(statistics.jitterMs).toBeCloseTo(8, 3);
});

test("a timestamp that wraps is no jitter", () => {
  const statistics = new ReceptionStatistics(48_000);
  statistics.receive(1, 2 ** 32 - 960, 0);
  statistics.receive(2, 0, 20);
  statistics.receive(3, 960, 40);
  expect(statistics.jitterMs).toBe(0);
});

test("the block answers the last sender report", () => {
  const statistics = new ReceptionStatistics(8_000);
  receive(statistics, 0);
  expect(statistics.report(1, 10)).toMatchObject({
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
  });
  statistics.senderReported({ ntpSeconds: 0x12345678, ntpFraction: 0x9abcdef0 }, 1_000);
  expect(statistics.report(1, 3_500)).toMatchObject({
    lastSenderReport: 0x56789abc,
    delaySinceLastSenderReport: ntpMiddle(2_500),
  });
});

test("before any packet the block is empty", () => {
  expect(new ReceptionStatistics(8_000).report(3, 0)).toEqual({
    ssrc: 3,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 0,
    jitter: 0,
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
  });
});
