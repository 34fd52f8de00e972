import { expect, test } from "bun:test";
import { countryOf } from "../../../gateway/watch/country.ts";

test("country codes of one, two and three digits (E.164)", () => {
  const known: [string, string | undefined][] = [
    ["+12125550100", "+1"],
    ["+442079460000", "+44"],
    ["0049301234567", "+49"],
    ["+3531234567", "+353"],
    ["+79161234567", "+7"],
    ["+8821612345", "+882"],
    ["02079460000", undefined],
    ["250", undefined],
    ["+44", undefined],
    ["+44abc1234567", undefined],
  ];
  for (const [number, country] of known)
    expect([number, countryOf(number)]).toEqual([number, country]);
  expect(countryOf("01153783300", "011")).toBe("+53");
});
