/**
 * The instrument before anything is measured with it: delay, gain, noise and band it is told, and
 * what real codecs do. Above all, that another sentence never passes for the one that was sent.
 */
import { expect, test } from "bun:test";
import { type Comparison, compare, matches } from "../../../../bench/audio/compare.ts";
import { resample, shifted } from "../../../../bench/audio/resample.ts";
import { chanceFrom, noise, speechLike } from "../../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../../bench/audio/speech.ts";
import type { Audio } from "../../../../bench/audio/wav.ts";
import { type CodecName, loadCodecs, type PcmRate } from "../../../../media-wasm/codec.ts";

const codecs = await loadCodecs();
const waiting = recordedSpeech("waiting");
const ships = recordedSpeech("ships");
/** Enough to tell speech apart, and quicker. */
const beginning: Audio = { pcm: waiting.pcm.subarray(0, 48_000), sampleRate: 16_000 };

/** The audio later, louder and with white noise under it. */
function disturbed(audio: Audio, delaySamples: number, gain: number, noiseDbov?: number): Audio {
  const length = audio.pcm.length + delaySamples + 16_000;
  const durationMs = (length * 1_000) / audio.sampleRate;
  const options = { sampleRate: audio.sampleRate, durationMs, levelDbov: noiseDbov ?? -200 };
  const { pcm } = noise(11, options);
  audio.pcm.forEach((sample, index) => {
    const sum = (pcm[index + delaySamples] ?? 0) + gain * sample;
    pcm[index + delaySamples] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  });
  return { pcm, sampleRate: audio.sampleRate };
}

/** Through one codec, packet by packet; every `lossEvery`-th is lost and concealed. */
function coded(
  audio: Audio,
  name: CodecName,
  rate: PcmRate,
  lossEvery = 0,
  resilient = false,
): Audio {
  const { pcm } = resample(audio, rate);
  const encoder = codecs.encoder(name, rate, { mode: resilient ? "resilient" : "low-delay" });
  const decoder = codecs.decoder(name, rate);
  const packet = rate / 50;
  const output = new Int16Array(pcm.length);
  for (let start = 0; start + packet <= pcm.length; start += packet) {
    const payload = encoder.encode(pcm.subarray(start, start + packet));
    const lost = lossEvery > 0 && (start / packet) % lossEvery === lossEvery - 1;
    output.set(lost ? decoder.conceal(packet) : decoder.decode(payload), start);
  }
  encoder.close();
  decoder.close();
  return { pcm: output, sampleRate: rate };
}

function report(name: string, result: Comparison): void {
  const { delayMs, snrDb, correlation, envelopeCorrelation } = result;
  const numbers = [
    `${delayMs.toFixed(2)} ms late`,
    `SNR ${snrDb.toFixed(1)} dB`,
    `wave ${correlation.toFixed(3)}`,
    `envelope ${envelopeCorrelation.toFixed(3)}`,
  ];
  console.log(`${name}: ${numbers.join(", ")}`);
}

test.each([0, 1, 1_234, 40_001])("finds a delay of %i samples and the gain", (delay) => {
  const result = compare(waiting, disturbed(waiting, delay, 0.5));
  expect(result.delayMs).toBeCloseTo(delay / 16, 1);
  expect(result.delaySpreadMs).toBeLessThan(0.1);
  expect(result.levelDifferenceDb).toBeCloseTo(-6.02, 1);
  expect(result.snrDb).toBeGreaterThan(30);
});

test("finds a delay between two samples, and one before the start", () => {
  const pcm = Int16Array.from(shifted(Float64Array.from(waiting.pcm), -100.5, 90_000));
  expect(compare(waiting, { pcm, sampleRate: 16_000 }).delayMs).toBeCloseTo(100.5 / 16, 1);
  const late = { pcm: waiting.pcm.subarray(16_000), sampleRate: 16_000 };
  const result = compare(waiting, late);
  expect(result.delayMs).toBeCloseTo(-1_000, 0);
  expect(result.comparedMs).toBeGreaterThan(3_500);
  expect(result.snrDb).toBeGreaterThan(30);
});

test("different rates: 48 kHz sent, 8 kHz recorded, and the other way round", () => {
  const high = resample(waiting, 48_000);
  const low = resample(waiting, 8_000);
  for (const [sent, recorded] of [
    [high, low],
    [low, high],
  ] as const) {
    const result = compare(sent, recorded);
    expect(Math.abs(result.delayMs)).toBeLessThan(0.1);
    expect(result.bandwidthHz).toBeLessThan(4_000);
    expect(result.snrDb).toBeGreaterThan(25);
  }
});

test("a narrow path at a high rate is judged by the band it carries", () => {
  const narrow = resample(resample(waiting, 8_000), 48_000);
  const result = compare(waiting, narrow);
  expect(result.bandwidthHz).toBeLessThanOrEqual(5_000);
  expect(result.bands.at(-1)?.differenceDb).toBeLessThan(-30);
  expect(result.bands[1]?.differenceDb).toBeCloseTo(0, 0);
});

test.each([30, 20, 10])("noise %i dB below the speech is measured as such", (snr) => {
  const level = -20;
  const speech = speechLike(3, { sampleRate: 16_000, durationMs: 6_000, levelDbov: level });
  // The band judged holds most of the noise; quiet frames have more than their share of it.
  const result = compare(speech, disturbed(speech, 500, 1, level - snr));
  report(`noise at -${snr} dB`, result);
  expect(result.snrDb).toBeGreaterThan(snr - 2);
  expect(result.snrDb).toBeLessThan(snr + 1);
});

test("more noise is always worse", () => {
  const snrs = [-60, -50, -40, -30, -20].map(
    (level) => compare(ships, disturbed(ships, 0, 1, level)).snrDb,
  );
  expect(snrs).toEqual([...snrs].sort((a, b) => b - a));
});

const CHAINS: [name: string, audio: () => Audio, leastSnrDb: number][] = [
  ["G.722", () => coded(beginning, "G722", 16_000), 22],
  ["A-law", () => coded(beginning, "PCMA", 8_000), 25],
  ["µ-law", () => coded(beginning, "PCMU", 8_000), 25],
  ["Opus, low delay", () => coded(beginning, "opus", 16_000), 12],
  ["Opus, resilient", () => coded(beginning, "opus", 16_000, 0, true), 7],
  ["Opus to G.722", () => coded(coded(beginning, "opus", 16_000), "G722", 16_000), 12],
  ["Opus to A-law", () => coded(coded(beginning, "opus", 8_000), "PCMA", 8_000), 18],
  ["G.722 to Opus", () => coded(coded(beginning, "G722", 16_000), "opus", 16_000), 12],
  ["G.722, 10 % lost", () => coded(beginning, "G722", 16_000, 10), 10],
  ["A-law, 10 % lost", () => coded(beginning, "PCMA", 8_000, 10), 10],
  [
    "Opus resilient to µ-law, 10 % lost",
    () => coded(coded(beginning, "opus", 8_000, 10, true), "PCMU", 8_000),
    4,
  ],
];

test.each(
  CHAINS,
)("%s: the right speech passes, the wrong one doesn't", (name, make, leastSnrDb) => {
  const heard = make();
  const result = compare(beginning, heard);
  report(name, result);
  expect(result.snrDb).toBeGreaterThan(leastSnrDb);
  expect(Math.abs(result.levelDifferenceDb)).toBeLessThan(1.5);
  expect(result.delayMs).toBeLessThan(10);
  expect(matches(beginning, heard)).toBe(true);
  expect(matches(ships, heard)).toBe(false);
});

test("neither silence, noise, other speech nor speech backwards passes", () => {
  const options = { sampleRate: 16_000, durationMs: 5_000 };
  const others: Audio[] = [
    { pcm: new Int16Array(80_000), sampleRate: 16_000 },
    { pcm: new Int16Array(0), sampleRate: 16_000 },
    noise(1, options),
    ships,
    { pcm: waiting.pcm.toReversed(), sampleRate: 16_000 },
    speechLike(1, options),
  ];
  expect(others.map((other) => matches(waiting, other))).toEqual(others.map(() => false));
  expect(matches(speechLike(1, options), speechLike(2, options))).toBe(false);
});

test("a jitter buffer that stretches and cuts doesn't make the speech another", () => {
  // 10 ms put in or taken out every half second, at a place of chance.
  const chance = chanceFrom(9);
  const pieces: number[] = [];
  for (let start = 0; start < waiting.pcm.length; start += 8_000) {
    const piece = [...waiting.pcm.subarray(start, start + 8_000)];
    const at = Math.floor(chance() * 7_000);
    if (chance() < 0.5) piece.splice(at, 160);
    else piece.splice(at, 0, ...piece.slice(at, at + 160));
    pieces.push(...piece);
  }
  const heard = { pcm: Int16Array.from(pieces), sampleRate: 16_000 };
  const result = compare(waiting, heard);
  report("stretched and cut", result);
  expect(result.delaySpreadMs).toBeGreaterThan(9);
  expect(matches(waiting, heard)).toBe(true);
  expect(matches(ships, heard)).toBe(false);
});
