/** Who hears whom, told by tones: judged in short windows, so that a gap is heard as well. */
import { toneIn } from "../../bench/audio/signal.ts";
import type { Audio } from "../../bench/audio/wav.ts";

export interface Ear {
  /** What is heard during the next `forMs`. */
  listen(forMs: number): Promise<Audio>;
}

const WINDOW_MS = 50;
/** Louder than this is heard; codecs' noise and what leaks from other tones lie far below. */
const AUDIBLE_DBOV = -35;

/** What was recorded last, once as much more of it has had the time to come. */
export function recordingEar(recorded: () => Audio): Ear {
  return {
    listen: async (forMs) => {
      await Bun.sleep(forMs);
      const { pcm, sampleRate } = recorded();
      return { pcm: pcm.subarray(-(sampleRate * forMs) / 1_000), sampleRate };
    },
  };
}

/** How much of the audio holds the tone, 0 to 1; 0 of no audio. */
export function shareOf(audio: Audio, frequencyHz: number): number {
  const windows = windowsOf(audio);
  const heard = windows.filter((it) => isAudible(it, frequencyHz));
  return windows.length === 0 ? 0 : heard.length / windows.length;
}

/** The longest time in it without the tone. */
export function longestGapMs(audio: Audio, frequencyHz: number): number {
  let longest = 0;
  let gap = 0;
  for (const window of windowsOf(audio)) {
    gap = isAudible(window, frequencyHz) ? 0 : gap + WINDOW_MS;
    longest = Math.max(longest, gap);
  }
  return longest;
}

/** Waits until the tone fills what is heard; `expect`-less, as it says itself what is wrong. */
export async function untilHeard(ear: Ear, frequencyHz: number, withinMs = 10_000): Promise<void> {
  await untilShare(ear, frequencyHz, (share) => share > 0.9, withinMs, "never heard");
}

/** Waits until nothing is left of the tone. */
export async function untilGone(ear: Ear, frequencyHz: number, withinMs = 10_000): Promise<void> {
  await untilShare(ear, frequencyHz, (share) => share === 0, withinMs, "never ceased");
}

async function untilShare(
  ear: Ear,
  frequencyHz: number,
  isSo: (share: number) => boolean,
  withinMs: number,
  complaint: string,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const audio = await ear.listen(400);
    if (isSo(shareOf(audio, frequencyHz))) return;
    if (performance.now() > deadline) throw new Error(`${frequencyHz} Hz was ${complaint}`);
  }
}

function isAudible(window: Audio, frequencyHz: number): boolean {
  return toneIn(window, frequencyHz).levelDbov > AUDIBLE_DBOV;
}

function windowsOf({ pcm, sampleRate }: Audio): Audio[] {
  const size = (sampleRate * WINDOW_MS) / 1_000;
  return Array.from({ length: Math.floor(pcm.length / size) }, (_, index) => ({
    pcm: pcm.subarray(index * size, (index + 1) * size),
    sampleRate,
  }));
}
