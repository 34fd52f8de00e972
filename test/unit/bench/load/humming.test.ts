import { expect, test } from "bun:test";
import { tone } from "../../../../bench/audio/signal.ts";
import { LOAD_CODECS } from "../../../../bench/load/codecs.ts";
import { HUM_DBOV, humOf, longestSilence } from "../../../../bench/load/humming.ts";
import { loadCodecs } from "../../../../media-wasm/codec.ts";

const codecs = await loadCodecs();
const codec = LOAD_CODECS.PCMU;

/** Packets of 20 ms of a tone, each at its time. */
function hum(hertz: number, times: readonly number[]) {
  const encoder = codecs.encoder("PCMU", 8_000);
  const { pcm } = tone(hertz, { sampleRate: 8_000, durationMs: 1_000, levelDbov: HUM_DBOV });
  return times.map((at, index) => {
    const packet = new Uint8Array(172);
    packet[0] = 0x80;
    const from = (index * 160) % 8_000;
    packet.set(encoder.encode(pcm.subarray(from, from + 160)), 12);
    return { packet, at };
  });
}

const every20 = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => from + 20 * index);
const between = (packets: ReturnType<typeof hum>, until: number) =>
  longestSilence({ packets: () => packets }, codec, 700, codecs, [0, until]);

test("a silence is as long as the tone was away, and packets of another sound are silence", () => {
  const times = [...every20(0, 50), ...every20(1_300, 50)];
  expect(between(hum(700, times), 2_300)).toMatchObject({ gapMs: 300, at: 980, isBack: true });
  const others = [...hum(700, every20(0, 50)), ...hum(1_140, every20(1_000, 50))];
  expect(between(others, 2_300)).toMatchObject({ gapMs: 1_320, isBack: false });
});

test("the two ends of a call, and of its neighbour, hum different tones", () => {
  const all = [0, 1].flatMap((index) => [humOf(index, "softphone"), humOf(index, "pbx")]);
  expect(new Set(all).size).toBe(4);
});
