/** Mutated messages (P3): flipped octets, tokens put in, pieces cut out, two messages spliced. */
import { concat, utf8 } from "../../gateway/bytes.ts";
import type { SeededRandom } from "./random.ts";

/** What is put into a message: the grammar's own separators, and what programs trip over. */
const TOKENS = [
  ...'\r\n \t:;,<>"\\@?=%&[]*/\u0000\u007f',
  "\r\n",
  "\r\n\r\n",
  "\r\n ",
  ";tag=x",
  "%00",
  "%ff",
  "constructor: x\r\n",
  "__proto__: y\r\n",
  "l: 0\r\n",
  "SIP/2.0",
  "4294967296",
  "\u2028",
  "sip:",
].map(utf8);

/** A mutation of `bytes`, now and then with a piece of `other`. */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.below(bytes.length);
  switch (random.below(6)) {
    case 0:
      return concat(bytes.subarray(0, at), random.pick(TOKENS), bytes.subarray(at));
    case 1:
      return concat(bytes.subarray(0, at), other.subarray(random.below(other.length)));
    case 2:
      return concat(bytes.subarray(0, at), bytes.subarray(at + random.below(20)));
    case 3:
      return bytes.subarray(0, at + 1);
    default: {
      const flipped = bytes.slice();
      for (let flips = 1 + random.below(4); flips > 0; flips--)
        flipped[random.below(flipped.length)] = random.below(256);
      return flipped;
    }
  }
}
