/** Chance that repeats: xorshift128 from a seed, in the form protocol code takes. */
import type { Random } from "../../gateway/random.ts";

export interface SeededRandom extends Random {
  /** A number in [0, 1). */
  fraction(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

export function seededRandom(seed: number): SeededRandom {
  let [a, b, c, d] = [seed | 0, 0x9e3779b9 | 0, 0x243f6a88 | 0, 0xb7e15162 | 0];
  const next = (): number => {
    const t = a ^ (a << 11);
    [a, b, c] = [b, c, d];
    d = d ^ (d >>> 19) ^ t ^ (t >>> 8);
    return d >>> 0;
  };
  // Neighbouring seeds differ in few bits; some steps spread them over the state.
  for (let warm = 0; warm < 16; warm++) next();
  const fraction = () => next() / 2 ** 32;
  return {
    fraction,
    below: (below) => Math.floor(fraction() * below),
    pick: (items) => {
      const item = items[Math.floor(fraction() * items.length)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
  };
}
