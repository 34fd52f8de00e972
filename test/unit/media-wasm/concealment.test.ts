/** What is made up for lost audio: alike at first, silent in the end, joined without clicks. */
import { expect, test } from "bun:test";
import { compare } from "../../../bench/audio/compare.ts";
import { levelDbov, tone, tones } from "../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../bench/audio/speech.ts";
import { Concealment } from "../../../media-wasm/concealment.ts";

const RATES = [8_000, 16_000] as const;

/** Root mean square of what differs. */
function errorOf(a: Int16Array, b: Int16Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += ((a[index] ?? 0) - (b[index] ?? 0)) ** 2;
  return Math.sqrt(sum / a.length);
}

/** Gives a new one the first `ms` of the audio, 20 ms at a time. */
function after(pcm: Int16Array, ms: number, rate: 8_000 | 16_000): Concealment {
  const concealment = new Concealment(rate);
  const packet = rate / 50;
  const end = (ms * rate) / 1_000;
  for (let start = 0; start < end; start += packet) {
    concealment.received(pcm.slice(start, start + packet));
  }
  return concealment;
}

test.each(RATES)("a periodic sound goes on as it was for 10 ms, %i Hz", (rate) => {
  // 200 Hz and its harmonics: a voice's period of 5 ms.
  const { pcm } = tones([200, 400, 1_000], { sampleRate: rate, durationMs: 300 });
  const concealment = after(pcm, 200, rate);
  const length = rate / 100;
  const made = concealment.conceal(length);
  const lost = pcm.subarray(rate / 5, rate / 5 + length);
  expect(errorOf(made, lost)).toBeLessThan(0.05 * errorOf(lost, new Int16Array(length)));
});

test.each(RATES)("it fades, and is silent after 60 ms, %i Hz", (rate) => {
  const { pcm } = tone(250, { sampleRate: rate, durationMs: 300 });
  const concealment = after(pcm, 200, rate);
  const levels = [1, 2, 3, 4].map(() => levelDbov(concealment.conceal(rate / 50)));
  expect(levels[0]).toBeGreaterThan(-22);
  expect(levels[1]).toBeLessThan((levels[0] ?? 0) - 2);
  expect(levels[2]).toBeLessThan((levels[1] ?? 0) - 6);
  expect(levels[3]).toBe(Number.NEGATIVE_INFINITY);
});

test.each(RATES)("no click at either end of a loss in speech, %i Hz", (rate) => {
  const { pcm } = recordedSpeech("waiting", rate);
  const packet = rate / 50;
  const concealment = new Concealment(rate);
  const heard = new Int16Array(pcm.length);
  for (let start = 0; start + packet <= pcm.length; start += packet) {
    const piece = pcm.slice(start, start + packet);
    if ((start / packet) % 8 === 7) heard.set(concealment.conceal(packet), start);
    else {
      concealment.received(piece);
      heard.set(piece, start);
    }
  }
  let steepest = 0;
  let steepestSent = 0;
  for (let index = 1; index < pcm.length; index++) {
    steepest = Math.max(steepest, Math.abs((heard[index] ?? 0) - (heard[index - 1] ?? 0)));
    steepestSent = Math.max(steepestSent, Math.abs((pcm[index] ?? 0) - (pcm[index - 1] ?? 0)));
  }
  expect(steepest).toBeLessThanOrEqual(1.2 * steepestSent);
});

test("before any audio, and after a reset, there is silence", () => {
  const concealment = new Concealment(8_000);
  expect(levelDbov(concealment.conceal(160))).toBe(Number.NEGATIVE_INFINITY);
  concealment.received(tone(300, { sampleRate: 8_000, durationMs: 20 }).pcm);
  concealment.reset();
  expect(levelDbov(concealment.conceal(160))).toBe(Number.NEGATIVE_INFINITY);
});

test("full scale stays within 16 bits", () => {
  const pcm = Int16Array.from({ length: 3_200 }, (_, at) => (at % 37 < 18 ? 32_767 : -32_768));
  const concealment = after(pcm, 200, 16_000);
  const made = concealment.conceal(160);
  // Wrapped round, the level would still be there but the sign of the plateaus wrong.
  expect(levelDbov(made)).toBeGreaterThan(-3);
  const next = pcm.slice(0, 320);
  concealment.received(next);
  expect(levelDbov(next)).toBeGreaterThan(-3);
});

test("lengths out of the ordinary: none, odd, 120 ms at most", () => {
  const concealment = after(tone(300, { sampleRate: 8_000, durationMs: 200 }).pcm, 200, 8_000);
  for (const [asked, given] of [
    [0, 0],
    [1, 1],
    [77, 77],
    [960, 960],
    [5_000, 960],
    [-3, 0],
  ] as const) {
    expect(concealment.conceal(asked).length).toBe(given);
  }
  concealment.received(new Int16Array(3));
  concealment.received(new Int16Array(960));
  expect(levelDbov(concealment.conceal(160))).toBe(Number.NEGATIVE_INFINITY);
});

test.each(RATES)("speech with one packet in ten lost is truer than with silence, %i Hz", (rate) => {
  const { pcm } = recordedSpeech("ships", rate);
  const packet = rate / 50;
  const concealment = new Concealment(rate);
  const madeUp = pcm.slice();
  const silent = pcm.slice();
  let gain = 0;
  let losses = 0;
  for (let start = 0; start + packet <= pcm.length; start += packet) {
    const piece = madeUp.subarray(start, start + packet);
    if ((start / packet) % 10 !== 6) {
      concealment.received(piece);
      continue;
    }
    piece.set(concealment.conceal(packet));
    silent.fill(0, start, start + packet);
    const lost = pcm.subarray(start, start + packet);
    // Loudness is what the ear misses first: how far from the lost packet's, against silence.
    const [wanted, made] = [levelDbov(lost), levelDbov(piece)];
    if (wanted < -40) continue;
    gain += Math.abs(made - wanted) < 10 ? 1 : 0;
    losses += 1;
  }
  expect(losses).toBeGreaterThan(8);
  expect(gain / losses).toBeGreaterThan(0.8);
  const sent = { pcm, sampleRate: rate };
  const [better, worse] = [madeUp, silent].map((it) =>
    compare(sent, { pcm: it, sampleRate: rate }),
  );
  console.log(
    `one packet in ten lost at ${rate} Hz: ${better?.snrDb.toFixed(1)} dB, ${better?.envelopeCorrelation.toFixed(3)}; with silence ${worse?.snrDb.toFixed(1)} dB, ${worse?.envelopeCorrelation.toFixed(3)}`,
  );
  expect(better?.envelopeCorrelation).toBeGreaterThan(worse?.envelopeCorrelation ?? 1);
  expect(better?.snrDb).toBeGreaterThan((worse?.snrDb ?? 40) + 1.5);
});
