/** Keys heard in audio: what ITU-T Q.24 says must be heard, must not be, and what only sounds so. */
import { describe, expect, test } from "bun:test";
import { noise, speechLike } from "../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../bench/audio/speech.ts";
import { DigitDetector } from "../../../gateway/media/digit-detector.ts";
import { joined, type KeySound, keySound, mixed, silence } from "./key-sound.ts";

const KEYS = "123A456B789C*0#D";
const RATES = [8_000, 16_000] as const;

interface Heard {
  key: string;
  durationMs: number;
}

/** A detector, and what it hears. */
function listener(sampleRate: 8_000 | 16_000): { detector: DigitDetector; heard: Heard[] } {
  const heard: Heard[] = [];
  const digit = (key: string, durationMs: number) => heard.push({ key, durationMs });
  return { detector: new DigitDetector(sampleRate, { digit }), heard };
}

/** Everything heard in the audio, in pieces of 20 ms, and how many of them were kept back. */
function hear(pcm: Int16Array, sampleRate: 8_000 | 16_000): { heard: Heard[]; muted: number } {
  const { detector, heard } = listener(sampleRate);
  let muted = 0;
  const piece = sampleRate / 50;
  for (let at = 0; at < pcm.length; at += piece) {
    if (detector.hear(pcm.subarray(at, at + piece))) muted += 1;
  }
  detector.stop();
  return { heard, muted };
}

/** Each key of the pad, begun at another place of the windows and packets, at both rates. */
function tries(options: Omit<KeySound, "sampleRate">): { key: string; heard: Heard[] }[] {
  return RATES.flatMap((sampleRate) =>
    [...KEYS].flatMap((key, index) =>
      Array.from({ length: 5 }, (_, offset) => {
        const before = silence(sampleRate, 50 + index + 3.7 * offset);
        const sound = keySound(key, { ...options, sampleRate });
        return {
          key,
          heard: hear(joined(before, sound, silence(sampleRate, 60)), sampleRate).heard,
        };
      }),
    ),
  );
}

function expectHeard(options: Omit<KeySound, "sampleRate">): void {
  for (const { key, heard } of tries(options)) {
    expect(heard.map((it) => it.key)).toEqual([key]);
    const off = (heard[0]?.durationMs ?? 0) - options.durationMs;
    expect(Math.abs(off)).toBeLessThanOrEqual(10);
  }
}

function expectUnheard(options: Omit<KeySound, "sampleRate">): void {
  for (const { heard } of tries(options)) expect(heard).toEqual([]);
}

describe("DTM-04: Q.24", () => {
  test("40 ms and more are a key, 23 ms are none", () => {
    for (const durationMs of [40, 65, 100]) expectHeard({ durationMs });
    expectUnheard({ durationMs: 23 });
  });

  test("from 0 dBm0 down to -27 they are heard, below -29 not", () => {
    for (const level of [0, -3, -25, -27]) {
      expectHeard({ durationMs: 40, lowDbm0: level, highDbm0: level });
    }
    expectUnheard({ durationMs: 100, lowDbm0: -29.5, highDbm0: -29.5 });
  });

  test("1.5 % beside the frequency is heard, 3.5 % is not, of either tone", () => {
    for (const low of [-1, 1]) {
      for (const high of [-1, 1]) {
        expectHeard({ durationMs: 40, lowDeviation: 0.015 * low, highDeviation: 0.015 * high });
      }
      expectUnheard({ durationMs: 100, lowDeviation: 0.035 * low });
      expectUnheard({ durationMs: 100, highDeviation: 0.035 * low });
    }
  });

  test("the upper tone may be 4 dB louder or 8 dB weaker, no more than 8 and 12", () => {
    expectHeard({ durationMs: 40, lowDbm0: -14, highDbm0: -10 });
    expectHeard({ durationMs: 40, lowDbm0: -8, highDbm0: -16 });
    expectUnheard({ durationMs: 100, lowDbm0: -16, highDbm0: -8 });
    expectUnheard({ durationMs: 100, lowDbm0: -6, highDbm0: -18.5 });
  });

  test("noise 12 dB below hides nothing and adds nothing", () => {
    const options = { sampleRate: 8_000, durationMs: 250, levelDbov: -25 };
    [...KEYS].forEach((key, index) => {
      const sound = keySound(key, { sampleRate: 8_000, durationMs: 60 });
      const line = joined(silence(8_000, 90), sound, silence(8_000, 100));
      const { heard } = hear(mixed(line, noise(index + 1, options).pcm), 8_000);
      expect(heard.map((it) => it.key)).toEqual([key]);
      expect(Math.abs((heard[0]?.durationMs ?? 0) - 60)).toBeLessThanOrEqual(10);
    });
  });
});

test("talk-off: no key in recorded speech, and next to nothing of it is kept back", () => {
  for (const sampleRate of RATES) {
    for (const sentence of ["waiting", "ships"] as const) {
      const { pcm } = recordedSpeech(sentence, sampleRate);
      for (const gain of [0.3, 1, 2.5]) {
        const louder = pcm.map((it) => Math.max(-32_768, Math.min(32_767, it * gain)));
        const { heard, muted } = hear(louder, sampleRate);
        expect(heard).toEqual([]);
        expect(muted).toBeLessThanOrEqual(3);
      }
    }
  }
});

test("a key of six seconds is one, with its length; a breath of 10 ms in it ends nothing", () => {
  const sound = keySound("7", { sampleRate: 8_000, durationMs: 6_000 });
  sound.fill(0, 8_000, 8_080);
  const { heard } = hear(joined(silence(8_000, 33), sound, silence(8_000, 60)), 8_000);
  expect(heard.length).toBe(1);
  expect(Math.abs((heard[0]?.durationMs ?? 0) - 6_000)).toBeLessThanOrEqual(10);
});

test("the same key twice is two, 40 ms apart; another without a pause is told after the first", () => {
  const key = (digit: string) => keySound(digit, { sampleRate: 8_000, durationMs: 50 });
  const pause = silence(8_000, 40);
  const line = joined(key("5"), pause, key("5"), pause, key("1"), key("9"), pause);
  expect(hear(line, 8_000).heard.map((it) => it.key)).toEqual(["5", "5", "1", "9"]);
});

test("of a key less is passed on before it is kept back than the 23 ms that never are one", () => {
  for (let offset = 0; offset < 20; offset++) {
    const sound = keySound("4", { sampleRate: 8_000, durationMs: 100 });
    const line = joined(silence(8_000, 100 + offset), sound, silence(8_000, 100));
    const { detector } = listener(8_000);
    let loudMs = 0;
    for (let at = 0; at + 160 <= line.length; at += 160) {
      const piece = line.subarray(at, at + 160);
      if (!detector.hear(piece)) loudMs += piece.filter((it) => it !== 0).length / 8;
    }
    expect(loudMs).toBeLessThan(23);
  }
});

test("a packet lost in a key leaves it one, with its length; a long hole ends it", () => {
  const { detector, heard } = listener(8_000);
  const sound = keySound("3", { sampleRate: 8_000, durationMs: 200 });
  for (let piece = 0; piece < 10; piece++) {
    if (piece === 4 || piece === 5) detector.skip(20);
    else detector.hear(sound.subarray(piece * 160, piece * 160 + 160));
  }
  expect(detector.sounding).toBe(true);
  detector.hear(silence(8_000, 60));
  expect(heard.map((it) => it.key)).toEqual(["3"]);
  expect(Math.abs((heard[0]?.durationMs ?? 0) - 200)).toBeLessThanOrEqual(15);
  detector.hear(sound);
  expect(detector.sounding).toBe(true);
  for (let packet = 0; packet < 6; packet++) detector.skip(20);
  expect(detector.sounding).toBe(false);
  expect(heard.length).toBe(2);
});

test("what buzzes on two resonances is taken for a key once in two minutes at most", () => {
  let keys = 0;
  for (let seed = 1; seed <= 4; seed++) {
    const { pcm } = speechLike(seed, { sampleRate: 8_000, durationMs: 30_000, levelDbov: -18 });
    keys += hear(pcm, 8_000).heard.length;
  }
  expect(keys).toBeLessThanOrEqual(1);
});
