/** WAV files: what is written is read, and files of sox and espeak, broken ones too. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tone } from "../../../../bench/audio/signal.ts";
import { readWav, writeWav } from "../../../../bench/audio/wav.ts";

const audio = tone(440, { sampleRate: 16_000, durationMs: 100 });

test("what is written is read", () => {
  expect(readWav(writeWav(audio))).toEqual(audio);
});

test.skipIf(!Bun.which("sox"))("sox reads what we write, we what it makes of it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "jackfield-wav-"));
  const [source, stereo] = [join(directory, "a.wav"), join(directory, "b.wav")];
  await Bun.write(source, writeWav(audio));
  expect(Bun.spawnSync(["sox", source, "-c", "2", stereo]).exitCode).toBe(0);
  expect(readWav(await Bun.file(stereo).bytes())).toEqual(audio);
  rmSync(directory, { recursive: true });
});

test("a file still being written, with no length or too much of it, is read as far as it goes", () => {
  for (const length of [0, 0xffffffff]) {
    const bytes = writeWav(audio);
    new DataView(bytes.buffer).setUint32(40, length, true);
    expect(readWav(bytes.subarray(0, 1_044))?.pcm).toEqual(audio.pcm.subarray(0, 500));
  }
});

test("what is no WAV file of 16 bits is undefined, cut anywhere it doesn't throw", () => {
  const bytes = writeWav(audio);
  for (let length = 0; length < 44; length++)
    expect(readWav(bytes.subarray(0, length))).toBeUndefined();
  const eightBits = writeWav(audio);
  new DataView(eightBits.buffer).setUint16(34, 8, true);
  expect(readWav(eightBits)).toBeUndefined();
  expect(readWav(new TextEncoder().encode("RIFF....AVI LIST............"))).toBeUndefined();
});
