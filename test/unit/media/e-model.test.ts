import { expect, test } from "bun:test";
import {
  delayImpairment,
  equipmentImpairment,
  mosOf,
  mosOfRating,
  ratingOf,
  type SpeechPath,
} from "../../../gateway/media/e-model.ts";

const perfect: SpeechPath = { codec: "PCMA", lossShare: 0, burstRatio: 1, delayMs: 0 };

test("all parameters at their defaults: R 93.2 and a MOS of 4.41 (G.107 §7.7, table 2)", () => {
  expect(ratingOf(perfect)).toBeCloseTo(93.2, 1);
  expect(mosOf(perfect)).toBeCloseTo(4.41, 2);
});

test("ratings become scores as in G.107 annex B", () => {
  const published: [number, number][] = [
    [90, 4.34],
    [80, 4.03],
    [70, 3.6],
    [60, 3.1],
    [50, 2.58],
  ];
  // The table has two digits, and 4.024 is printed as 4.03.
  for (const [rating, mos] of published) {
    expect(Math.abs(mosOfRating(rating) - mos)).toBeLessThan(0.01);
  }
  expect(mosOfRating(-3)).toBe(1);
  expect(mosOfRating(101)).toBe(4.5);
});

test("loss costs what G.113's values say, and more where it comes in bursts", () => {
  // G.729A with VAD: Ie 11, Bpl 19 (G.113 appendix I); equation 7-29 by hand.
  expect(equipmentImpairment(11, 19, 0, 1)).toBe(11);
  expect(equipmentImpairment(11, 19, 0.02, 1)).toBeCloseTo(11 + (84 * 2) / 21, 6);
  expect(equipmentImpairment(11, 19, 0.02, 2)).toBeCloseTo(11 + (84 * 2) / 20, 6);
  expect(equipmentImpairment(0, 4.3, 1, 1)).toBeLessThan(95);
});

test("delay is nothing up to 100 ms but for the echo, and ruin at half a second", () => {
  expect(delayImpairment(0)).toBeCloseTo(0.15, 1);
  // G.114's figure: about 90 at 150 ms, and users begin to be dissatisfied at 400.
  expect(ratingOf({ ...perfect, delayMs: 150 })).toBeCloseTo(89.5, 0);
  expect(ratingOf({ ...perfect, delayMs: 400 })).toBeLessThan(65);
  const delays = [0, 50, 100, 150, 250, 400, 600, 1_000];
  const ratings = delays.map((delayMs) => ratingOf({ ...perfect, delayMs }));
  expect(ratings).toEqual(ratings.toSorted((a, b) => b - a));
});

test("wideband codecs are judged on their own scale: 129 at best (G.107.1)", () => {
  const clear = { lossShare: 0, burstRatio: 1, delayMs: 0 };
  expect(ratingOf({ codec: "G722", ...clear })).toBeCloseTo(129 - 13 - delayImpairment(0), 6);
  expect(mosOf({ codec: "opus", ...clear })).toBeGreaterThan(4.3);
  // M12's expectations of a lossy path.
  const lossy = { codec: "opus", burstRatio: 1, delayMs: 60 } as const;
  expect(mosOf({ ...lossy, lossShare: 0.01 })).toBeGreaterThan(4);
  expect(mosOf({ ...lossy, lossShare: 0.05 })).toBeGreaterThan(3.5);
  expect(mosOf({ ...lossy, lossShare: 0.2 })).toBeLessThan(3);
});
