import { expect, test } from "bun:test";
import { stoi } from "../../../../bench/audio/intelligibility.ts";
import { noise } from "../../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../../bench/audio/speech.ts";

const speech = Float64Array.from(recordedSpeech("ships").pcm);
const mixed = (levelDbov: number) => {
  const { pcm } = noise(7, { sampleRate: 16_000, durationMs: 10_000, levelDbov });
  return speech.map((value, at) => value + (pcm[at] ?? 0));
};

test("the same speech is 1, at whatever level", () => {
  expect(stoi(speech, speech)).toBeCloseTo(1, 6);
  expect(
    stoi(
      speech,
      speech.map((value) => value / 4),
    ),
  ).toBeGreaterThan(0.999);
});

test("the more noise, the less; other speech is as good as none", () => {
  const scores = [-60, -40, -25, -10].map((level) => stoi(speech, mixed(level)));
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(scores[0]).toBeGreaterThan(0.95);
  expect(scores[3]).toBeLessThan(0.6);
  const other = Float64Array.from(recordedSpeech("waiting").pcm);
  expect(stoi(speech, other)).toBeLessThan(0.3);
});
