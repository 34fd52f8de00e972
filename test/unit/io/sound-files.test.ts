/** Sound files as a worker finds them: there, not there, no good, changed. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { tone } from "../../../bench/audio/signal.ts";
import { writeWav } from "../../../bench/audio/wav.ts";
import { SoundFiles } from "../../../gateway/io/sound-files.ts";
import { Recording, readWavSound, type Source } from "../../../gateway/media/sound-file.ts";

const directory = mkdtempSync(join(tmpdir(), "sounds-"));
afterAll(() => rmSync(directory, { recursive: true }));

const otherwise: Source = { durationMs: 4_000, sound: (pcm) => void pcm.fill(-7) };
const unplayable: string[] = [];
let clock = 0;
const files = new SoundFiles({
  directory,
  now: () => clock,
  convert: (bytes) => {
    const parsed = readWavSound(bytes);
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.sound.convert();
  },
  play: (samples) => new Recording(samples),
  unplayable: (name, reason) => unplayable.push(`${name}: ${reason}`),
});

const write = (name: string, durationMs: number) =>
  writeFileSync(
    join(directory, name),
    writeWav(tone(500, { sampleRate: 8_000, durationMs, levelDbov: -10 })),
  );

/** What it sounds like once it is known how long it lasts. */
async function heard(name: string, isIt: (source: Source) => boolean): Promise<Int16Array> {
  for (const deadline = performance.now() + 10_000; ; ) {
    const source = files.open(name, otherwise);
    const pcm = new Int16Array(320);
    source.sound(pcm, 0, 16_000);
    if (isIt(source)) return pcm;
    if (performance.now() > deadline) throw new Error(`${name} never sounds as it should`);
    await Bun.sleep(5);
    clock += 1_000;
  }
}

test("a file is silent until it is read, then heard; its length is known", async () => {
  write("music.wav", 2_000);
  const first = new Int16Array(320).fill(1);
  files.open("music.wav", otherwise).sound(first, 0, 16_000);
  expect(first.every((sample) => sample === 0)).toBe(true);
  const pcm = await heard("music.wav", ({ durationMs }) => durationMs === 2_000);
  expect(pcm.some((sample) => sample > 3_000)).toBe(true);
});

test("what is there at the start is read before anybody wants it", async () => {
  write("early.wav", 1_000);
  await files.prepare();
  await heard("early.wav", ({ durationMs }) => durationMs === 1_000);
});

test("one that isn't there, or is no sound: the tone, and a sentence, once", async () => {
  writeFileSync(join(directory, "song.wav"), "ID3 and the rest of an MP3");
  for (const name of ["none.wav", "song.wav"]) {
    const pcm = await heard(name, ({ durationMs }) => durationMs === 4_000);
    expect(pcm.every((sample) => sample === -7)).toBe(true);
    clock += 10_000;
    await heard(name, ({ durationMs }) => durationMs === 4_000);
  }
  expect(unplayable.map((it) => it.slice(0, 30))).toEqual([
    "none.wav: there is no such fil",
    "song.wav: it is no WAV file: a",
  ]);
});

test("one file is converted at a time, however many are there at the start", async () => {
  const many = mkdtempSync(join(directory, "many-"));
  const names = ["a.wav", "b.wav", "c.wav"];
  for (const name of names) write(join(basename(many), name), 1_000);
  const steps: string[] = [];
  const slow = new SoundFiles({
    directory: many,
    // Every slice takes its time.
    now: () => (clock += 100),
    *convert(bytes) {
      steps.push("begun");
      const parsed = readWavSound(bytes);
      if (!parsed.ok) throw new Error(parsed.reason);
      const samples = yield* parsed.sound.convert();
      steps.push("done");
      return samples;
    },
    play: (samples) => new Recording(samples),
    unplayable: () => {},
  });
  await slow.prepare();
  while (steps.length < 2 * names.length) await Bun.sleep(1);
  expect(steps).toEqual(names.flatMap(() => ["begun", "done"]));
});

test("one that has changed is read again, without a start anew", async () => {
  await heard("music.wav", ({ durationMs }) => durationMs === 2_000);
  write("music.wav", 3_000);
  clock += 10_000;
  await heard("music.wav", ({ durationMs }) => durationMs === 3_000);
});

test.each([
  ["once.wav", 1_000],
  ["nowhere.wav", 4_000],
])("the time it takes to know %s is not taken off its end", async (name, durationMs) => {
  write("once.wav", 1_000);
  const firsts: number[] = [];
  const source = files.open(name, {
    ...otherwise,
    sound: (pcm, first) => {
      firsts.push(first);
      otherwise.sound(pcm, first, 8_000);
    },
  });
  let samples = 0;
  const pcm = new Int16Array(160);
  const isSilent = () => pcm.every((sample) => sample === 0);
  source.sound(pcm, samples, 8_000);
  expect(isSilent()).toBe(true);
  while (isSilent()) {
    await Bun.sleep(1);
    samples += pcm.length;
    source.sound(pcm, samples, 8_000);
  }
  // All before the packet that sounded was silence.
  expect(source.durationMs).toBe(durationMs + (samples * 1_000) / 8_000);
  expect(firsts.every((first) => first === 0)).toBe(true);
});
