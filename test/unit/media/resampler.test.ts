import { expect, test } from "bun:test";
import { Downsampler, Upsampler } from "../../../gateway/media/resampler.ts";
import { levelOf, sine } from "./tone.ts";

function run(resampler: Downsampler | Upsampler, pcm: Int16Array, frame: number): Int16Array {
  const parts: number[] = [];
  for (let at = 0; at < pcm.length; at += frame) {
    parts.push(...resampler.process(pcm.subarray(at, at + frame)));
  }
  return Int16Array.from(parts);
}

for (const hertz of [300, 1_000, 3_300]) {
  test(`${hertz} Hz keeps its level within 0.3 dB, down and up`, () => {
    const down = run(new Downsampler(), sine(hertz, 16_000, 1_000, 10_000), 320);
    expect(down.length).toBe(8_000);
    expect(Math.abs(20 * Math.log10(levelOf(down, hertz, 8_000) / 10_000))).toBeLessThan(0.3);
    const up = run(new Upsampler(), sine(hertz, 8_000, 1_000, 10_000), 160);
    expect(up.length).toBe(16_000);
    expect(Math.abs(20 * Math.log10(levelOf(up, hertz, 16_000) / 10_000))).toBeLessThan(0.3);
  });
}

test("what 8 kHz can't carry is 50 dB down, and so is the image", () => {
  const down = run(new Downsampler(), sine(5_000, 16_000, 1_000, 10_000), 320);
  expect(levelOf(down, 3_000, 8_000)).toBeLessThan(32);
  const up = run(new Upsampler(), sine(1_000, 8_000, 1_000, 10_000), 160);
  expect(levelOf(up, 7_000, 16_000)).toBeLessThan(32);
});
