import { expect, test } from "bun:test";
import { Impairment, type Impairments, sendImpaired } from "../../../../bench/load/impairment.ts";

function lost(options: Impairments): { share: number; run: number } {
  const impairment = new Impairment(options, 5);
  const fates = Array.from({ length: 20_000 }, () => impairment.next() === undefined);
  const runs = fates.filter((isLost, at) => isLost && !fates[at - 1]).length;
  const count = fates.filter(Boolean).length;
  return { share: count / fates.length, run: count / Math.max(1, runs) };
}

test("as many are lost as asked for, singly and in bursts", () => {
  expect(lost({ loss: 0, burst: 1, jitterMs: 0 }).share).toBe(0);
  expect(lost({ loss: 0.1, burst: 1, jitterMs: 0 }).share).toBeCloseTo(0.1, 1);
  const bursty = lost({ loss: 0.1, burst: 4, jitterMs: 0 });
  expect(bursty.share).toBeCloseTo(0.1, 1);
  expect(bursty.run).toBeCloseTo(4, 0);
});

test("what is late keeps its bytes though the buffer is used again", async () => {
  const buffer = Uint8Array.of(1, 2, 3);
  const impairment = new Impairment({ loss: 0, burst: 1, jitterMs: 30 }, 1);
  const came: number[] = [];
  const all = Promise.withResolvers<void>();
  for (let index = 0; index < 20; index++) {
    buffer[0] = index;
    sendImpaired(impairment, buffer, (packet) => {
      came.push(packet[0] ?? -1);
      if (came.length === 20) all.resolve();
    });
  }
  await all.promise;
  expect(came.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(came).not.toEqual(came.toSorted((a, b) => a - b));
});
