/** The transform against its definition, and correlation against the sum it stands for. */
import { expect, test } from "bun:test";
import { correlate, powerSpectrum, transform } from "../../../../bench/audio/fourier.ts";
import { chanceFrom } from "../../../../bench/audio/signal.ts";

test("the transform is the sum it is defined as", () => {
  const chance = chanceFrom(1);
  const real = Float64Array.from({ length: 64 }, () => chance() - 0.5);
  const imaginary = Float64Array.from({ length: 64 }, () => chance() - 0.5);
  const [wantedReal, wantedImaginary] = [new Float64Array(64), new Float64Array(64)];
  for (let bin = 0; bin < 64; bin++) {
    for (let at = 0; at < 64; at++) {
      const angle = (-2 * Math.PI * bin * at) / 64;
      const [x = 0, y = 0] = [real[at], imaginary[at]];
      wantedReal[bin] = (wantedReal[bin] ?? 0) + x * Math.cos(angle) - y * Math.sin(angle);
      wantedImaginary[bin] =
        (wantedImaginary[bin] ?? 0) + x * Math.sin(angle) + y * Math.cos(angle);
    }
  }
  transform(real, imaginary);
  for (let bin = 0; bin < 64; bin++) {
    expect(real[bin]).toBeCloseTo(wantedReal[bin] ?? 0, 9);
    expect(imaginary[bin]).toBeCloseTo(wantedImaginary[bin] ?? 0, 9);
  }
});

test("correlation at every lag is the sum of products", () => {
  const chance = chanceFrom(2);
  const a = Float64Array.from({ length: 37 }, () => chance() - 0.5);
  const b = Float64Array.from({ length: 11 }, () => chance() - 0.5);
  const found = correlate(a, b);
  expect(found.length).toBe(47);
  for (let lag = -10; lag < 37; lag++) {
    let sum = 0;
    for (let index = 0; index < 11; index++) sum += (a[index + lag] ?? 0) * (b[index] ?? 0);
    expect(found[lag + 10]).toBeCloseTo(sum, 9);
  }
});

test("the spectrum of a sine is at its frequency", () => {
  const wave = Float64Array.from({ length: 256 }, (_, at) =>
    Math.sin((2 * Math.PI * 32 * at) / 256),
  );
  const power = powerSpectrum(wave, 0, 256);
  expect(power.indexOf(Math.max(...power))).toBe(32);
  expect(power[64]).toBeLessThan(1e-9);
});
