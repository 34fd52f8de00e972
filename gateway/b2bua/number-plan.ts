/**
 * How numbers are written here: national spellings made international (ITU-T E.164) before dial
 * patterns see them, and the numbers that are never held up (AMB-04). What is no telephone number of
 * this plan, extensions above all, stays as it was dialled.
 */
import type { NumberPlan } from "../../schema/settings.ts";

const INTERNATIONAL_PREFIX_DEFAULT = "00";
/** Shorter than any number in a country: an extension, or a service. */
const NUMBER_LENGTH_MIN = 5;
const DIGITS = /^[0-9]+$/;

/** `+` and digits where the plan says so; else the number as it is. */
export function international(number: string, plan: NumberPlan | undefined): string {
  if (!plan || !DIGITS.test(number) || number.length < NUMBER_LENGTH_MIN) return number;
  const { countryCode, nationalPrefix, internationalPrefix } = plan;
  const abroad = internationalPrefix ?? INTERNATIONAL_PREFIX_DEFAULT;
  // The longer prefix first: `00` begins like `0`.
  if (number.startsWith(abroad)) {
    const rest = number.slice(abroad.length);
    return rest.length >= NUMBER_LENGTH_MIN && !rest.startsWith("0") ? `+${rest}` : number;
  }
  if (nationalPrefix !== undefined && number.startsWith(nationalPrefix)) {
    return `+${countryCode}${number.slice(nationalPrefix.length)}`;
  }
  return number;
}

/** ITU-T E.164 zones with codes of one and of two digits; every other code has three. */
const ONE_DIGIT = new Set(["1", "7"]);
const TWO_DIGITS = new Set(
  "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98".split(
    " ",
  ),
);

/** The country code of a number that begins with `+`; undefined for others. */
export function countryCodeOf(number: string): string | undefined {
  const digits = /^\+([1-9][0-9]*)/.exec(number)?.[1];
  if (digits === undefined) return undefined;
  const [one, two] = [digits.slice(0, 1), digits.slice(0, 2)];
  if (ONE_DIGIT.has(one)) return one;
  return TWO_DIGITS.has(two) ? two : digits.slice(0, 3);
}
