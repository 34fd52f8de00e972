/** Chance from a seed, in the form protocol code takes: a run replays. */
import type { Random } from "../../../gateway/random.ts";
import { seededChance } from "./chance.ts";

export function seededRandom(seed: number): Random {
  const next = seededChance(seed);
  return { bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)) };
}
