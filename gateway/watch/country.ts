/**
 * Which country a number is of, by its country code (ITU-T E.164). Codes have one to three digits,
 * and none is the beginning of another: it is enough to know those of one and of two.
 */
const TWO_DIGITS = new Set(
  (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 " +
    "65 66 81 82 84 86 90 91 92 93 94 95 98"
  ).split(" "),
);

/** `+44` for `+44 20…` or `0044…`; undefined for a number that is not international. */
export function countryOf(number: string, internationalPrefix = "00"): string | undefined {
  const digits = number.startsWith("+")
    ? number.slice(1)
    : number.startsWith(internationalPrefix)
      ? number.slice(internationalPrefix.length)
      : "";
  // Shorter ones are services of one's own exchange.
  if (!/^[1-9][0-9]{6,}$/.test(digits)) return undefined;
  if (digits.startsWith("1") || digits.startsWith("7")) return `+${digits.slice(0, 1)}`;
  const two = digits.slice(0, 2);
  return `+${TWO_DIGITS.has(two) ? two : digits.slice(0, 3)}`;
}
