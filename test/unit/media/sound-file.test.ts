/** WAV files of any kind become the same sound; as it is played, it is heard. */
import { describe, expect, test } from "bun:test";
import { Recording, readWavSound, SOUND_RATE } from "../../../gateway/media/sound-file.ts";
import { call, codecs, decodeAll, opus, trunkCodecs } from "../../sim/media-call.ts";
import { seededRandom } from "./seeded-random.ts";
import { decibels, levelOf, sine } from "./tone.ts";

const HERTZ = 700;
const AMPLITUDE = 8_000;

/** A file's bytes; each channel has the same samples. */
function wav(
  kind: number,
  rate: number,
  channels: number,
  samples: readonly (number | number[])[],
) {
  const width = kind === 1 ? 2 : 1;
  const bytes = new Uint8Array(44 + samples.length * channels * width);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("RIFF....WAVEfmt "), 0);
  view.setUint32(16, 16, true);
  view.setUint16(20, kind, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint16(34, width * 8, true);
  bytes.set(new TextEncoder().encode("data"), 36);
  view.setUint32(40, bytes.length - 44, true);
  samples.forEach((sample, index) => {
    for (let channel = 0; channel < channels; channel++) {
      const at = 44 + (index * channels + channel) * width;
      const value = Array.isArray(sample) ? (sample[channel] ?? 0) : sample;
      if (width === 2) view.setInt16(at, value, true);
      else view.setUint8(at, value);
    }
  });
  return bytes;
}

/** Any rate: the tone of the codecs' tests knows two. */
const hum = (rate: number, seconds: number, hertz = HERTZ) =>
  Array.from({ length: rate * seconds }, (_, index) =>
    Math.round(AMPLITUDE * Math.sin((2 * Math.PI * hertz * index) / rate)),
  );

function samplesOf(bytes: Uint8Array): Int16Array {
  const parsed = readWavSound(bytes);
  if (!parsed.ok) throw new Error(parsed.reason);
  const slices = parsed.sound.convert();
  for (;;) {
    const { done, value } = slices.next();
    if (done) return value;
  }
}

describe("what is in a file", () => {
  test.each([
    8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000,
  ])("%p Hz: the same tone at 16 kHz, as loud", (rate) => {
    const samples = samplesOf(wav(1, rate, 1, hum(rate, 1)));
    expect(Math.abs(samples.length - SOUND_RATE)).toBeLessThan(3);
    const level = levelOf(samples.subarray(200, -200), HERTZ, SOUND_RATE);
    expect(Math.abs(decibels(level, AMPLITUDE))).toBeLessThan(0.2);
  });

  test("what 16 kHz can't hold is left out, and does not come back as another tone", () => {
    const samples = samplesOf(wav(1, 48_000, 1, hum(48_000, 1, 10_000)));
    for (const image of [2_000, 4_000, 6_000]) {
      expect(levelOf(samples, image, SOUND_RATE)).toBeLessThan(AMPLITUDE / 50);
    }
  });

  test("channels are mixed", () => {
    const left = hum(16_000, 1).map((sample) => [sample, 0]);
    const level = levelOf(samplesOf(wav(1, 16_000, 2, left)), HERTZ, SOUND_RATE);
    expect(Math.abs(decibels(level, AMPLITUDE / 2))).toBeLessThan(0.2);
  });

  test("a slice is bounded by its work: more channels and a steeper filter make more slices", () => {
    const slicesOf = (rate: number, channels: number) => {
      const parsed = readWavSound(wav(1, rate, channels, hum(rate, 1)));
      return parsed.ok ? [...parsed.sound.convert()].length : 0;
    };
    const mono = slicesOf(48_000, 1);
    expect(mono).toBeGreaterThanOrEqual(slicesOf(8_000, 1) * 2);
    expect(slicesOf(48_000, 8)).toBeGreaterThanOrEqual(mono * 6);
  });

  test.each([
    [6, "PCMA"],
    [7, "PCMU"],
  ] as const)("G.711 (form %p)", (kind, name) => {
    const encoder = codecs.encoder(name, 8_000);
    const pcm = sine(HERTZ, 8_000, 1_000, AMPLITUDE);
    const octets = Array.from({ length: 50 }, (_, index) => [
      ...encoder.encode(pcm.subarray(index * 160, (index + 1) * 160)),
    ]).flat();
    encoder.close();
    const level = levelOf(samplesOf(wav(kind, 8_000, 1, octets)).subarray(200), HERTZ, SOUND_RATE);
    expect(Math.abs(decibels(level, AMPLITUDE))).toBeLessThan(0.3);
  });

  test("each way to be no sound has its sentence", () => {
    const good = wav(1, 8_000, 1, hum(8_000, 1));
    const eightBit = good.slice();
    new DataView(eightBit.buffer).setUint16(34, 8, true);
    const reasons: [Uint8Array, string][] = [
      [new Uint8Array(), "no WAV file"],
      [new TextEncoder().encode("ID3 is what an MP3 begins with"), "16-bit PCM"],
      [good.subarray(0, 36), "no audio"],
      [good.subarray(0, 44), "no audio"],
      // Less than one sample at 16 kHz.
      [wav(1, 48_000, 1, [1]), "no audio"],
      [wav(1, 48_000, 1, [1, 2]), "no audio"],
      [eightBit, "another form"],
      [wav(1, 96_000, 1, [1, 2]), "8 to 48 kHz"],
      [wav(1, 44_101, 1, [1, 2]), "another form"],
      [wav(1, 8_000, 1, new Array(8_000 * 901).fill(0)), "longer than 900 s"],
    ];
    for (const [bytes, reason] of reasons) {
      const parsed = readWavSound(bytes);
      expect(parsed.ok ? "" : parsed.reason).toContain(reason);
    }
  });

  test("mutated files never throw", () => {
    const random = seededRandom(11);
    const good = wav(1, 8_000, 2, hum(8_000, 1).slice(0, 100));
    for (let run = 0; run < 3_000; run++) {
      const bytes = good.slice(0, 20 + (random.bytes(1)[0] ?? 0));
      for (let count = 0; count < 4; count++) {
        const [at = 0, value = 0] = random.bytes(2);
        bytes[at % bytes.length] = value;
      }
      const parsed = readWavSound(bytes);
      if (parsed.ok) for (const _ of parsed.sound.convert());
    }
  });
});

describe("as it is played", () => {
  const music = new Int16Array(sine(HERTZ, SOUND_RATE, 1_000, AMPLITUDE));
  const openSound = () => new Recording(music);
  const sound = { file: "music.wav", otherwise: "hold" } as const;
  const ids = { session: "call" as never, leg: "pbx" as never };

  test.each(["G722", "PCMA"] as const)("by %s, from its beginning, again and again", (name) => {
    const codec = trunkCodecs[name];
    const made = call({ openSound, trunk: codec });
    made.world.command({ type: "play", ...ids, sound, untilAudio: false });
    made.world.run(3_000);
    const rate = name === "G722" ? 16_000 : 8_000;
    const heard = decodeAll(
      codec,
      made.pbx.received.map(({ payload }) => payload),
    );
    for (const second of [0, 1, 2]) {
      const part = heard.subarray(second * rate + 400, (second + 0.9) * rate);
      expect(Math.abs(decibels(levelOf(part, HERTZ, rate), AMPLITUDE))).toBeLessThan(1);
    }
  });

  test("once: to its end, which is told, and the other leg is heard again", () => {
    const made = call({ openSound });
    const leg = "phone" as never;
    made.world.command({ type: "play", ...ids, leg, sound, untilAudio: false, once: true });
    made.world.run(900);
    const played = () => made.world.notices.filter(({ type }) => type === "played");
    expect(played()).toEqual([]);
    made.world.run(300);
    expect(played()).toMatchObject([{ leg: "phone" }]);
    expect(made.browser.received.length).toBe(50);
    const heard = decodeAll(
      opus,
      made.browser.received.map(({ payload }) => payload),
    );
    expect(levelOf(heard.subarray(1_600), HERTZ, 16_000)).toBeGreaterThan(AMPLITUDE / 2);
    made.world.run(2_000);
    expect(played().length).toBe(1);
  });

  test("once, to a peer without keys yet: it is heard from its beginning when it has them", () => {
    const made = call({ openSound, unconnected: true });
    const leg = "phone" as never;
    made.world.command({ type: "play", ...ids, leg, sound, untilAudio: false, once: true });
    made.world.run(2_500);
    made.browser.check();
    made.world.run(1_500);
    expect(made.browser.received.length).toBe(50);
    expect(made.world.notices.filter(({ type }) => type === "played").length).toBe(1);
  });
});
