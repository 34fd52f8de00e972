import { expect, test } from "bun:test";
import { Samples } from "../../../../bench/load/samples.ts";

test("quantiles of more values than fit at first", () => {
  const samples = new Samples();
  samples.addAll(Array.from({ length: 5_000 }, (_, index) => 4_999 - index));
  expect(samples.quantiles()).toEqual({ p50: 2_500, p99: 4_950, max: 4_999 });
});

test("nothing measured is zero", () => {
  expect(new Samples().quantiles()).toEqual({ p50: 0, p99: 0, max: 0 });
});
