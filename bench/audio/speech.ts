/**
 * Speech to send through calls, as WAV files. Two sentences of two voices are kept with the tests,
 * so that no speech synthesizer is needed; any other is spoken by espeak-ng where it is installed.
 * Above: tests, bench, browsers that take a file for a microphone. Below: wav.ts, resample.ts.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { resample } from "./resample.ts";
import { type Audio, readWav, writeWav } from "./wav.ts";

/** The two recorded sentences: a woman's about waiting, a man's about ships. */
export type RecordedSentence = "waiting" | "ships";

const RECORDINGS = join(import.meta.dir, "..", "..", "test", "vectors", "speech");

/** One of the recorded sentences: 16 kHz unless told otherwise. */
export function recordedSpeech(sentence: RecordedSentence, sampleRate = 16_000): Audio {
  const audio = readWav(readFileSync(join(RECORDINGS, `${sentence}.wav`)));
  if (!audio) throw new Error(`the recording of ${sentence} is no WAV file`);
  return resample(audio, sampleRate);
}

/** The path of a WAV file in `directory` with one of the recorded sentences; made once. */
export function speechFile(
  directory: string,
  sentence: RecordedSentence,
  sampleRate: number,
): string {
  const path = join(directory, `${sentence}-${sampleRate}.wav`);
  if (!existsSync(path)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, writeWav(recordedSpeech(sentence, sampleRate)));
  }
  return path;
}

/**
 * The path of a WAV file in `directory` with `text` spoken by one of espeak-ng's voices; made once.
 * Undefined where espeak-ng is not installed.
 */
export function spokenFile(
  directory: string,
  text: string,
  sampleRate: number,
  voice = "en-us",
): string | undefined {
  const name = new Bun.CryptoHasher("sha256").update(`${voice} ${text}`).digest("hex").slice(0, 16);
  const path = join(directory, `${name}-${sampleRate}.wav`);
  if (existsSync(path)) return path;
  if (!Bun.which("espeak-ng")) return undefined;
  mkdirSync(directory, { recursive: true });
  const { stdout, exitCode } = Bun.spawnSync(["espeak-ng", "-v", voice, "--stdout", "--", text]);
  const audio = exitCode === 0 ? readWav(stdout) : undefined;
  if (!audio) return undefined;
  writeFileSync(path, writeWav(resample(audio, sampleRate)));
  return path;
}
