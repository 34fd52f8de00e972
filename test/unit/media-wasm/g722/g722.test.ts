/**
 * G.722 bit for bit: against vectors kept here, and against spandsp where it is installed. Then
 * wrong input: odd lengths, noise, nothing; and slots, which must not mix.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chanceFrom, noise, sweep } from "../../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../../bench/audio/speech.ts";
import { loadG722 } from "../../../../media-wasm/g722/g722.ts";

const g722 = await loadG722();
const vectors = join(import.meta.dir, "..", "..", "..", "vectors", "g722");

async function bytesOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await Bun.file(path).arrayBuffer());
}

function samplesOf(bytes: Uint8Array): Int16Array {
  return new Int16Array(bytes.slice().buffer);
}

function encodeAll(pcm: Int16Array, samplesPerPacket: number): Uint8Array {
  const encoder = g722.encoder();
  const output = new Uint8Array(pcm.length / 2);
  for (let start = 0; start < pcm.length; start += samplesPerPacket) {
    output.set(encoder.encode(pcm.subarray(start, start + samplesPerPacket)), start / 2);
  }
  encoder.close();
  return output;
}

function decodeAll(payload: Uint8Array, bytesPerPacket: number): Int16Array {
  const decoder = g722.decoder();
  const output = new Int16Array(payload.length * 2);
  for (let start = 0; start < payload.length; start += bytesPerPacket) {
    output.set(decoder.decode(payload.subarray(start, start + bytesPerPacket)), start * 2);
  }
  decoder.close();
  return output;
}

/** The first place where two runs differ, or -1: a readable failure for a million numbers. */
function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return index;
  return -1;
}

test.each([
  160, 320, 480, 960, 1_920, 2,
])("P9 encodes the vectors, %i samples a packet", async (samples) => {
  const input = samplesOf(await bytesOf(join(vectors, "input.raw")));
  const expected = await bytesOf(join(vectors, "encoded.g722"));
  expect(expected.length).toBeGreaterThan(20_000);
  expect(firstDifference(encodeAll(input, samples), expected)).toBe(-1);
});

test.each([80, 160, 240, 960, 1])("P9 decodes the vectors, %i bytes a packet", async (bytes) => {
  const input = await bytesOf(join(vectors, "encoded.g722"));
  const expected = samplesOf(await bytesOf(join(vectors, "decoded.raw")));
  expect(firstDifference(decodeAll(input, bytes), expected)).toBe(-1);
});

const REFERENCE = `
#include <stdint.h>
#include <stdio.h>
#include <spandsp.h>
static int16_t pcm[1 << 20];
static uint8_t code[1 << 20];
int main(int count, char **arguments) {
  FILE *input = fopen(arguments[2], "rb"), *output = fopen(arguments[3], "wb");
  if (arguments[1][0] == 'e') {
    int length = fread(pcm, 2, 1 << 20, input);
    fwrite(code, 1, g722_encode(g722_encode_init(NULL, 64000, 0), code, pcm, length), output);
  } else {
    int length = fread(code, 1, 1 << 19, input);
    fwrite(pcm, 2, g722_decode(g722_decode_init(NULL, 64000, 0), pcm, code, length), output);
  }
  return fclose(output);
}
`;

const directory = mkdtempSync(join(tmpdir(), "jackfield-g722-"));
const path = (name: string) => join(directory, name);
const hasSpandsp = await compileReference();
afterAll(() => rmSync(directory, { recursive: true }));

/** Whether there is a compiler, and spandsp for it. */
async function compileReference(): Promise<boolean> {
  if (!Bun.which("cc")) return false;
  await Bun.write(path("reference.c"), REFERENCE);
  const command = ["cc", "-O1", "-o", path("reference"), path("reference.c"), "-lspandsp"];
  return Bun.spawnSync(command).exitCode === 0;
}

test.skipIf(!hasSpandsp)(
  "is spandsp's equal on speech, noise, sweeps and random codes",
  async () => {
    const run = async (mode: "e" | "d", input: Uint8Array): Promise<Uint8Array> => {
      await Bun.write(path("in"), input);
      const command = [path("reference"), mode, path("in"), path("out")];
      expect(Bun.spawnSync(command).exitCode).toBe(0);
      return bytesOf(path("out"));
    };

    const options = { sampleRate: 16_000, durationMs: 4_000 };
    const signals = [
      recordedSpeech("waiting").pcm.subarray(0, 80_000),
      noise(3, { ...options, levelDbov: -14 }).pcm,
      noise(4, { ...options, levelDbov: -70 }).pcm,
      sweep(20, 7_990, { ...options, levelDbov: -7 }).pcm,
    ];
    for (const pcm of signals) {
      const code = await run("e", new Uint8Array(pcm.slice().buffer));
      expect(firstDifference(encodeAll(pcm, 320), code)).toBe(-1);
      expect(firstDifference(decodeAll(code, 160), samplesOf(await run("d", code)))).toBe(-1);
    }

    // Random codes overflow the synthesis filter. There the Recommendation saturates and spandsp
    // wraps round; all else is equal, also after it.
    const chance = chanceFrom(5);
    const code = Uint8Array.from({ length: 64_000 }, () => 256 * chance());
    const expected = samplesOf(await run("d", code));
    const wrong: number[] = [];
    decodeAll(code, 160).forEach((sample, index) => {
      const reference = expected[index] ?? 0;
      const wrapped = (sample === 32_767 && reference < 0) || (sample === -32_768 && reference > 0);
      if (sample !== reference && !wrapped) wrong.push(index);
    });
    expect(wrong).toEqual([]);
  },
);

test("full scale neither wraps nor disturbs what follows", () => {
  const square = Int16Array.from({ length: 16_000 }, (_, index) =>
    index % 160 < 80 ? 32_767 : -32_768,
  );
  const heard = decodeAll(encodeAll(square, 320), 160);
  // The level of each half period after the first, away from its edges: never the other sign.
  for (let half = 2; half < 198; half++) {
    const middle = heard[half * 80 + 22 + 40] ?? 0;
    expect(Math.sign(middle)).toBe(half % 2 === 0 ? 1 : -1);
    expect(Math.abs(middle)).toBeGreaterThan(20_000);
  }
});

test("P9 any length of payload gives two samples a byte; none and too much are concealed", () => {
  const decoder = g722.decoder();
  const chance = chanceFrom(6);
  for (let length = 0; length <= 1_500; length++) {
    const payload = Uint8Array.from({ length }, () => 256 * chance());
    const expected = length === 0 || length > 960 ? 320 : 2 * length;
    expect(decoder.decode(payload).length).toBe(expected);
  }
  decoder.reset();
  const code = encodeAll(recordedSpeech("ships").pcm.subarray(0, 16_000), 320);
  const fresh = decodeAll(code, 160);
  const again = new Int16Array(fresh.length);
  for (let start = 0; start < code.length; start += 160) {
    again.set(decoder.decode(code.subarray(start, start + 160)), start * 2);
  }
  expect(firstDifference(again, fresh)).toBe(-1);
  decoder.close();
});

test("an odd sample is left out, too many are refused", () => {
  const encoder = g722.encoder();
  expect(encoder.encode(new Int16Array(321)).length).toBe(160);
  expect(encoder.encode(new Int16Array(1)).length).toBe(0);
  expect(() => encoder.encode(new Int16Array(1_922))).toThrow(RangeError);
  encoder.close();
});

test("three hundred codecs at once keep to themselves, and slots are used again", () => {
  const pcm = recordedSpeech("ships").pcm.subarray(8_000, 8_000 + 3_200);
  const alone = encodeAll(pcm, 320);
  const encoders = Array.from({ length: 150 }, () => g722.encoder());
  const decoders = Array.from({ length: 150 }, () => g722.decoder());
  for (let start = 0; start < pcm.length; start += 320) {
    const outputs = encoders.map((encoder) => encoder.encode(pcm.subarray(start, start + 320)));
    for (const output of outputs) {
      expect(firstDifference(output, alone.subarray(start / 2, start / 2 + 160))).toBe(-1);
    }
    for (const decoder of decoders) decoder.decode(alone.subarray(0, 160));
  }
  for (const codec of [...encoders, ...decoders]) {
    codec.close();
    codec.close();
  }
  expect(firstDifference(encodeAll(pcm, 320), alone)).toBe(-1);
});

test("a lost packet is made up and joined on without a click", () => {
  const pcm = recordedSpeech("ships").pcm.subarray(8_000, 8_000 + 16_000);
  const code = encodeAll(pcm, 320);
  const decoder = g722.decoder();
  const heard = new Int16Array(pcm.length);
  for (let packet = 0; packet < 50; packet++) {
    const output =
      packet % 10 === 9
        ? decoder.conceal(320)
        : decoder.decode(code.subarray(160 * packet, 160 * packet + 160));
    heard.set(output, 320 * packet);
  }
  let steepest = 0;
  let steepestSent = 0;
  for (let index = 1; index < heard.length; index++) {
    steepest = Math.max(steepest, Math.abs((heard[index] ?? 0) - (heard[index - 1] ?? 0)));
    steepestSent = Math.max(steepestSent, Math.abs((pcm[index] ?? 0) - (pcm[index - 1] ?? 0)));
  }
  expect(steepest).toBeLessThan(1.3 * steepestSent);
  decoder.close();
});
