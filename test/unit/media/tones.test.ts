/** Call progress tones and keys, heard as frequencies and as time. */
import { expect, test } from "bun:test";
import { keyTone, sound, TONES, toneOf } from "../../../gateway/media/tones.ts";
import { decibels, levelOf } from "./tone.ts";

const RATE = 8_000;
const FULL = 32_767;

function samples(tone: Parameters<typeof sound>[0], durationMs: number, first = 0): Int16Array {
  const pcm = new Int16Array((RATE * durationMs) / 1_000);
  sound(tone, pcm, first, RATE);
  return pcm;
}

test("ringback is 425 Hz, a second on and four off, in pieces as in one", () => {
  const whole = samples(TONES.ringback, 10_000);
  expect(
    Math.abs(decibels(levelOf(whole.subarray(0, RATE), 425, RATE), 0.156 * FULL)),
  ).toBeLessThan(0.5);
  expect(whole.subarray(RATE, 5 * RATE).every((sample) => sample === 0)).toBe(true);
  expect(whole.subarray(5 * RATE, 6 * RATE).some((sample) => sample !== 0)).toBe(true);
  const piece = samples(TONES.ringback, 20, 160 * 30);
  expect([...piece]).toEqual([...whole.subarray(160 * 30, 160 * 31)]);
});

test("E.180: a country's own tone where it has one, Europe's where not, and silence is silent", () => {
  const american = samples(toneOf("ringback", "us"), 6_000);
  for (const hertz of [440, 480]) {
    expect(levelOf(american.subarray(0, 2 * RATE), hertz, RATE)).toBeGreaterThan(3_000);
  }
  expect(american.subarray(2 * RATE).every((sample) => sample === 0)).toBe(true);
  const british = samples(toneOf("ringback", "GB"), 3_000);
  const sounding = [0, 300, 500, 700, 1_100, 2_900].map((ms) =>
    british.subarray(ms * 8, ms * 8 + 100).some((sample) => sample !== 0),
  );
  expect(sounding).toEqual([true, true, false, true, false, false]);
  for (const country of [undefined, "", "XX", "constructor"]) {
    expect(toneOf("busy", country)).toBe(TONES.busy);
  }
  expect(toneOf("hold", "US")).toBe(TONES.hold);
  expect(samples(toneOf("silence", "US"), 1_000).every((sample) => sample === 0)).toBe(true);
});

test("E.180: the special information tone is three, one after the other, and a second of silence", () => {
  const whole = samples(TONES.information, 1_990);
  [950, 1_400, 1_800].forEach((hertz, index) => {
    const part = whole.subarray(index * 330 * 8 + 80, (index + 1) * 330 * 8 - 80);
    expect(Math.abs(decibels(levelOf(part, hertz, RATE), 0.156 * FULL))).toBeLessThan(0.5);
    for (const other of [950, 1_400, 1_800].filter((it) => it !== hertz)) {
      expect(levelOf(part, other, RATE)).toBeLessThan(100);
    }
  });
  expect(whole.subarray(990 * 8).every((sample) => sample === 0)).toBe(true);
});

test("Q.23: each key has its two frequencies, the higher one 2 dB louder", () => {
  const keys: [string, number, number][] = [
    ["1", 697, 1_209],
    ["5", 770, 1_336],
    ["9", 852, 1_477],
    ["*", 941, 1_209],
    ["0", 941, 1_336],
    ["#", 941, 1_477],
    ["D", 941, 1_633],
    ["A", 697, 1_633],
  ];
  for (const [key, low, high] of keys) {
    const tone = keyTone(key);
    if (!tone) throw new Error(`no tone for ${key}`);
    const pcm = samples(tone, 400);
    const difference = decibels(levelOf(pcm, high, RATE), levelOf(pcm, low, RATE));
    expect(Math.abs(difference - 2)).toBeLessThan(0.3);
    expect(levelOf(pcm, 1_100, RATE)).toBeLessThan(100);
  }
});

test("what is on no keypad has no tone", () => {
  for (const key of ["", "E", "!", "12", "x"]) expect(keyTone(key)).toBeUndefined();
});
