/** Keys in recorded audio, by their two tones (ITU-T Q.23): the bench's ears, not the gateway's. */
import { KEY_COLUMNS_HZ, KEY_ROWS_HZ, KEYPAD } from "../../gateway/media/tones.ts";
import { levelDbov, toneIn } from "./signal.ts";
import type { Audio } from "./wav.ts";

export interface KeyHeard {
  key: string;
  durationMs: number;
}

/** Shorter silence is a breath in a key (libwebrtc takes one at its start), shorter sound a click. */
const BREATH_MS_MAX = 20;

/** Keys in audio that is otherwise quiet, to the frame of 5 ms: what sounds, and its two tones. */
export function keysIn({ pcm, sampleRate }: Audio): KeyHeard[] {
  const frame = sampleRate / 200;
  const breath = (BREATH_MS_MAX * sampleRate) / 1_000;
  const heard: KeyHeard[] = [];
  let since = -1;
  let until = -1;
  for (let at = 0; at <= pcm.length + breath + frame; at += frame) {
    const isLoud = at + frame <= pcm.length && levelDbov(pcm.subarray(at, at + frame)) > -35;
    if (isLoud) {
      if (since < 0) since = at;
      until = at + frame;
    }
    if (since < 0 || at + frame <= until + breath) continue;
    const durationMs = (1_000 * (until - since)) / sampleRate;
    const piece = { pcm: pcm.subarray(since, until), sampleRate };
    if (durationMs > BREATH_MS_MAX) heard.push({ key: keyOf(piece), durationMs });
    since = -1;
  }
  return heard;
}

/**
 * The order in which keys sound, however a receiver that ran short stretched and joined them: two of
 * the same in a row are one.
 */
export function keyOrder({ pcm, sampleRate }: Audio): string {
  const frame = sampleRate / 50;
  let order = "";
  let before = "";
  for (let at = 0; at + frame <= pcm.length; at += frame) {
    const piece = pcm.subarray(at, at + frame);
    const key = levelDbov(piece) > -35 ? keyOf({ pcm: piece, sampleRate }) : "?";
    if (key !== "?" && key === before && !order.endsWith(key)) order += key;
    before = key;
  }
  return order;
}

/** The key whose two tones are nearly all of it; `?` where they aren't. */
function keyOf(audio: Audio): string {
  const level = (hertz: number) => toneIn(audio, hertz).levelDbov;
  const strongest = (group: readonly number[]) =>
    group.reduce((best, hertz) => (level(hertz) > level(best) ? hertz : best));
  const [low, high] = [strongest(KEY_ROWS_HZ), strongest(KEY_COLUMNS_HZ)];
  const both = 10 ** (level(low) / 10) + 10 ** (level(high) / 10);
  if (both < 0.7 * 10 ** (levelDbov(audio.pcm) / 10)) return "?";
  return KEYPAD[KEY_ROWS_HZ.indexOf(low)]?.[KEY_COLUMNS_HZ.indexOf(high)] ?? "?";
}
