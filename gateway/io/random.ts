/** The operating system's generator, in the form protocol code takes. */
import type { Random } from "../random.ts";

export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};
