/**
 * The dialled number: what stands in the user part of a Request-URI, made comparable (AMB-04).
 *
 * RFC 3966 §3 lets people write visual separators into numbers and parameters behind them; neither
 * takes part in routing. Letters, `+`, `*` and `#` do. Below it stands nothing; `route` uses it.
 */
import { DIALLED_NUMBER_LENGTH_MAX } from "../limits.ts";

const NUMBER_LIKE = /^\+?[0-9*#A-Da-d().\- ]+$/;
const VISUAL_SEPARATORS = /[().\- ]/g;
const PARAMETERS = /;.*$/s;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
const FORBIDDEN = /[\u0000-\u001f\u007f\u2028\u2029@<>"\\]/;

export type DialledNumber = { ok: true; number: string } | { ok: false; reason: string };

/**
 * The routable form of a decoded user part. Separators are taken out only of what is a telephone
 * number as a whole, so that a user called `jane-doe` keeps the hyphen.
 */
export function normaliseNumber(user: string): DialledNumber {
  const bare = user.replace(PARAMETERS, "");
  if (bare === "") return { ok: false, reason: "the request names no number to call" };
  if (bare.length > DIALLED_NUMBER_LENGTH_MAX) {
    return {
      ok: false,
      reason: `the number is longer than ${DIALLED_NUMBER_LENGTH_MAX} characters`,
    };
  }
  if (FORBIDDEN.test(bare)) return { ok: false, reason: "the number holds a forbidden character" };
  const number = NUMBER_LIKE.test(bare) ? bare.replace(VISUAL_SEPARATORS, "") : bare;
  return number === ""
    ? { ok: false, reason: "the request names no number to call" }
    : { ok: true, number };
}
