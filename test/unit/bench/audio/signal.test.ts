/** The test signals have the level and content they are asked for, every time the same. */
import { expect, test } from "bun:test";
import {
  levelDbov,
  noise,
  speechLike,
  sweep,
  tone,
  toneIn,
  tones,
} from "../../../../bench/audio/signal.ts";

const options = { sampleRate: 16_000, durationMs: 1_000, levelDbov: -23 };

test("every signal has its level and length", () => {
  const signals = [
    tone(1_000, options),
    tones([697, 1_209], options),
    sweep(100, 7_000, options),
    noise(1, options),
    speechLike(1, options),
  ];
  for (const { pcm } of signals) {
    expect(pcm.length).toBe(16_000);
    expect(levelDbov(pcm)).toBeCloseTo(-23, 0);
  }
});

test("a tone is found where it is and nowhere else", () => {
  const { levelDbov: level, snrDb } = toneIn(tone(1_000, options), 1_000);
  expect(level).toBeCloseTo(-23, 1);
  expect(snrDb).toBeGreaterThan(50);
  expect(toneIn(tone(1_000, options), 1_300).levelDbov).toBeLessThan(-80);
  const { snrDb: half } = toneIn(tones([500, 1_500], options), 500);
  expect(half).toBeCloseTo(0, 1);
});

test("a sweep is low at first and high in the end", () => {
  const { pcm } = sweep(200, 3_000, options);
  const crossings = (from: number, to: number) => {
    let count = 0;
    for (let index = from; index < to; index++) {
      if ((pcm[index] ?? 0) < 0 !== (pcm[index + 1] ?? 0) < 0) count += 1;
    }
    return count;
  };
  // A tenth of a second has 0.2 crossings a hertz.
  expect(crossings(0, 1_600)).toBeCloseTo(0.2 * 340, -1);
  expect(crossings(14_400, 15_999)).toBeCloseTo(0.2 * 2_860, -1);
});

test("the same seed is the same signal, another isn't", () => {
  expect(speechLike(4, options)).toEqual(speechLike(4, options));
  expect(speechLike(4, options)).not.toEqual(speechLike(5, options));
  expect(noise(4, options)).not.toEqual(noise(5, options));
});
