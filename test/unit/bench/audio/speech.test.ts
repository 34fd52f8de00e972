/** Speech files: from the recordings, and from espeak-ng where it is installed. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare } from "../../../../bench/audio/compare.ts";
import { levelDbov } from "../../../../bench/audio/signal.ts";
import { recordedSpeech, speechFile, spokenFile } from "../../../../bench/audio/speech.ts";
import { readWav } from "../../../../bench/audio/wav.ts";

const directory = mkdtempSync(join(tmpdir(), "jackfield-speech-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("a file of each recording at each rate, made once", async () => {
  for (const sentence of ["waiting", "ships"] as const) {
    const path = speechFile(join(directory, "new"), sentence, 48_000);
    const madeAt = statSync(path).mtimeMs;
    expect(speechFile(join(directory, "new"), sentence, 48_000)).toBe(path);
    expect(statSync(path).mtimeMs).toBe(madeAt);
    const audio = readWav(await Bun.file(path).bytes());
    if (!audio) throw new Error("no WAV file");
    expect(audio.sampleRate).toBe(48_000);
    expect(levelDbov(audio.pcm)).toBeGreaterThan(-35);
    expect(compare(recordedSpeech(sentence), audio).snrDb).toBeGreaterThan(30);
  }
});

test.skipIf(!Bun.which("espeak-ng"))("espeak-ng says anything else", async () => {
  const path = spokenFile(directory, "Good morning, who is calling?", 16_000) ?? "";
  expect(spokenFile(directory, "Good morning, who is calling?", 16_000)).toBe(path);
  const audio = readWav(await Bun.file(path).bytes());
  expect(audio?.sampleRate).toBe(16_000);
  expect(audio?.pcm.length).toBeGreaterThan(16_000);
  expect(spokenFile(directory, "Good evening.", 16_000)).not.toBe(path);
});
