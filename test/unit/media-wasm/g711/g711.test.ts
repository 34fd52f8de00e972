/**
 * G.711 against the tables of the Recommendation: every code, and every 16-bit input.
 */
import { expect, test } from "bun:test";
import { toneIn } from "../../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../../bench/audio/speech.ts";
import { G711Decoder, G711Encoder } from "../../../../media-wasm/g711/g711.ts";

const LAWS = ["PCMA", "PCMU"] as const;
const allCodes = Uint8Array.from({ length: 256 }, (_, code) => code);

/** Tables 1a and 2a/G.711: first value and width of the intervals of each segment, positive half. */
const SEGMENTS = {
  PCMA: { starts: [0, 32, 64, 128, 256, 512, 1_024, 2_048], widths: [2, 2, 4, 8, 16, 32, 64, 128] },
  PCMU: {
    starts: [-1, 31, 95, 223, 479, 991, 2_015, 4_063],
    widths: [2, 4, 8, 16, 32, 64, 128, 256],
  },
};

/** Values by code, from the tables: the middle of each interval; ours are 16-bit. */
function tableOf(law: "PCMA" | "PCMU"): number[] {
  const { starts, widths } = SEGMENTS[law];
  return Array.from({ length: 256 }, (_, code) => {
    const bits = law === "PCMA" ? code ^ 0x55 : ~code & 0xff;
    const segment = (bits >> 4) & 7;
    const width = widths[segment] ?? 0;
    const middle = (starts[segment] ?? 0) + (bits & 15) * width + width / 2;
    const negative = (bits & 0x80) === (law === "PCMA" ? 0 : 0x80);
    const magnitude = middle * (law === "PCMA" ? 8 : 4);
    return negative ? -magnitude : magnitude;
  });
}

test.each(LAWS)("%s decodes all 256 codes as the Recommendation's table says", (law) => {
  const decoded = [...new G711Decoder(law).decode(allCodes)];
  expect(decoded).toEqual(tableOf(law).map((value) => value + 0));
  expect(Math.max(...decoded)).toBe(law === "PCMA" ? 32_256 : 32_124);
});

test.each(LAWS)("%s gives every code back that it decoded", (law) => {
  const decoded = new G711Decoder(law).decode(allCodes);
  const codes = [...new G711Encoder(law).encode(decoded)];
  // µ-law has two zeros, and the positive one stands for both.
  const expected = [...allCodes].map((code) => (law === "PCMU" && code === 0x7f ? 0xff : code));
  expect(codes).toEqual(expected);
});

test.each(LAWS)("%s encodes every input to the interval of the table it lies in", (law) => {
  const { starts, widths } = SEGMENTS[law];
  const encoder = new G711Encoder(law);
  const unit = law === "PCMA" ? 8 : 4;
  const wrong: number[] = [];
  const pcm = new Int16Array(1);
  for (let value = -32_768; value <= 32_767; value++) {
    pcm[0] = value;
    const code = encoder.encode(pcm)[0] ?? 0;
    const bits = law === "PCMA" ? code ^ 0x55 : ~code & 0xff;
    const negative = (bits & 0x80) === (law === "PCMA" ? 0 : 0x80);
    const segment = (bits >> 4) & 7;
    const width = widths[segment] ?? 0;
    const start = (starts[segment] ?? 0) + (bits & 15) * width;
    // Negative numbers are the complement of positive ones: -1 is the negative zero.
    const magnitude = Math.floor((value < 0 ? ~value : value) / unit);
    const isLast = segment === 7 && (bits & 15) === 15;
    const inside = magnitude >= start && (magnitude < start + width || isLast);
    if (negative !== value < 0 || !inside) wrong.push(value);
  }
  expect(wrong).toEqual([]);
});

test.each(LAWS)("%s plays the digital milliwatt at 0 dBm0", (law) => {
  // Tables 5 and 6/G.711: a 1 kHz sine of eight codes.
  const codes = {
    PCMA: [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4],
    PCMU: [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e],
  }[law];
  const payload = Uint8Array.from({ length: 800 }, (_, index) => codes[index % 8] ?? 0);
  const pcm = new G711Decoder(law).decode(payload);
  const { levelDbov, snrDb } = toneIn({ pcm, sampleRate: 8_000 }, 1_000);
  // The loudest sine is 3.14 (A-law) or 3.17 dBm0 (µ-law), which is -3.01 dBov.
  expect(levelDbov).toBeCloseTo(-3.01 - (law === "PCMA" ? 3.14 : 3.17), 1);
  expect(snrDb).toBeGreaterThan(30);
});

test("any length decodes to a sample a byte; none and too much are concealed", () => {
  const decoder = new G711Decoder("PCMA");
  for (const length of [0, 1, 7, 159, 160, 161, 959, 960, 961, 1_500]) {
    const expected = length === 0 || length > 960 ? 160 : length;
    expect(decoder.decode(new Uint8Array(length)).length).toBe(expected);
  }
  expect(() => new G711Encoder("PCMU").encode(new Int16Array(961))).toThrow(RangeError);
});

test("two codecs of one law don't share what they hand out", () => {
  const speech = recordedSpeech("ships", 8_000).pcm;
  const [a, b] = [new G711Encoder("PCMA"), new G711Encoder("PCMA")];
  const first = a.encode(speech.subarray(8_000, 8_160));
  const copy = first.slice();
  b.encode(speech.subarray(9_000, 9_160));
  expect(first).toEqual(copy);
});
