/** Changing rate and band leaves what is inside alone and takes what is outside away. */
import { expect, test } from "bun:test";
import { bandOf, resample, shifted } from "../../../../bench/audio/resample.ts";
import { levelDbov, tone, toneIn } from "../../../../bench/audio/signal.ts";

const RATES = [8_000, 16_000, 22_050, 44_100, 48_000];

test.each(RATES)("1 kHz from %i Hz to every other rate keeps level and purity", (from) => {
  for (const to of RATES) {
    const audio = resample(tone(1_000, { sampleRate: from, durationMs: 500 }), to);
    expect(audio.pcm.length).toBeCloseTo(to / 2, -1);
    const middle = { pcm: audio.pcm.subarray(to / 20, to / 4), sampleRate: to };
    const { levelDbov: level, snrDb } = toneIn(middle, 1_000);
    expect(level).toBeCloseTo(-20, 1);
    expect(snrDb).toBeGreaterThan(50);
  }
});

test("what the lower rate can't hold is taken away, not folded down", () => {
  const audio = resample(tone(5_000, { sampleRate: 16_000, durationMs: 500 }), 8_000);
  expect(levelDbov(audio.pcm.subarray(400, 3_600))).toBeLessThan(-70);
});

test("a band keeps what is in it", () => {
  const { pcm } = tone(1_000, { sampleRate: 16_000, durationMs: 500 });
  const wave = Float64Array.from(pcm);
  const level = (fromHz: number, toHz: number) =>
    levelDbov(Int16Array.from(bandOf(wave, 16_000, fromHz, toHz).subarray(800, 7_200)));
  expect(level(300, 3_400)).toBeCloseTo(-20, 1);
  expect(level(1_500, 3_400)).toBeLessThan(-70);
  expect(level(100, 700)).toBeLessThan(-70);
});

test("shifted: whole, between samples, before the start and beyond the end", () => {
  const wave = Float64Array.from({ length: 200 }, (_, at) => Math.sin(at / 5));
  expect([...shifted(wave, -2, 4)]).toEqual([0, 0, wave[0] ?? 0, wave[1] ?? 0]);
  expect([...shifted(wave, 199, 2)]).toEqual([wave[199] ?? 0, 0]);
  expect(shifted(wave, 99.5, 1)[0]).toBeCloseTo(Math.sin(99.5 / 5), 3);
});
