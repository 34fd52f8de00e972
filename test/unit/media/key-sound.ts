/** Keys as audio, as good or as bad as a line makes them. Levels are those of ITU-T Q.24, dBm0. */
import { KEY_COLUMNS_HZ, KEY_ROWS_HZ, KEYPAD } from "../../../gateway/media/tones.ts";

/** G.711 §4: the loudest sine 16 bits hold is 3.14 dBm0. */
const LOUDEST_DBM0 = 3.14;

export interface KeySound {
  sampleRate: number;
  durationMs: number;
  /** Of the lower and the upper tone; -8 and -6 unless told otherwise (DTM-04). */
  lowDbm0?: number;
  highDbm0?: number;
  /** How far the frequencies are from what they should be, as shares: 0.015 is 1.5 % above. */
  lowDeviation?: number;
  highDeviation?: number;
}

/** The two tones of a key. */
export function keySound(key: string, options: KeySound): Int16Array {
  const { sampleRate, durationMs, lowDbm0 = -8, highDbm0 = -6 } = options;
  const row = KEYPAD.findIndex((keys) => keys.includes(key));
  const low = (KEY_ROWS_HZ[row] ?? 0) * (1 + (options.lowDeviation ?? 0));
  const column = KEY_COLUMNS_HZ[KEYPAD[row]?.indexOf(key) ?? -1] ?? 0;
  const high = column * (1 + (options.highDeviation ?? 0));
  const length = Math.round((sampleRate * durationMs) / 1_000);
  return Int16Array.from({ length }, (_, at) => {
    const turn = (2 * Math.PI * at) / sampleRate;
    const wave =
      amplitude(lowDbm0) * Math.sin(turn * low) + amplitude(highDbm0) * Math.sin(turn * high);
    return clipped(wave);
  });
}

export function silence(sampleRate: number, durationMs: number): Int16Array {
  return new Int16Array(Math.round((sampleRate * durationMs) / 1_000));
}

export function joined(...parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Both at once, held to 16 bits. */
export function mixed(a: Int16Array, b: Int16Array): Int16Array {
  return a.map((sample, at) => clipped(sample + (b[at] ?? 0)));
}

function clipped(wave: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(wave)));
}

/** The peak of a sine of that level. */
function amplitude(dbm0: number): number {
  return 32_767 * 10 ** ((dbm0 - LOUDEST_DBM0) / 20);
}
