/** AMB-04: how numbers are written here. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { countryCodeOf, international } from "../../../gateway/b2bua/number-plan.ts";

const GERMANY = { countryCode: "49", nationalPrefix: "0" };
const AMERICA = { countryCode: "1", nationalPrefix: "1", internationalPrefix: "011" };
const SPAIN = { countryCode: "34" };

test.each([
  [GERMANY, "030123456", "+4930123456"],
  [GERMANY, "00442071234567", "+442071234567"],
  [GERMANY, "+4930123456", "+4930123456"],
  [GERMANY, "250", "250"],
  [GERMANY, "0", "0"],
  [GERMANY, "0000000", "0000000"],
  [GERMANY, "*21#", "*21#"],
  [GERMANY, "alice", "alice"],
  [AMERICA, "12125550100", "+12125550100"],
  [AMERICA, "011442071234567", "+442071234567"],
  [AMERICA, "5550100", "5550100"],
  [SPAIN, "911234567", "911234567"],
  [SPAIN, "00442071234567", "+442071234567"],
  [undefined, "030123456", "030123456"],
] as const)("AMB-04: by %j %s is %s", (plan, dialled, expected) => {
  expect(international(dialled, plan)).toBe(expected);
});

test("AMB-04: what is international stays as it is, and what becomes it is only digits", () => {
  const dialled = fc.stringMatching(/^[0-9*#+a-z]{0,20}$/);
  fc.assert(
    fc.property(dialled, fc.constantFrom(GERMANY, AMERICA, SPAIN), (number, plan) => {
      const once = international(number, plan);
      expect(international(once, plan)).toBe(once);
      if (once !== number) expect(once).toMatch(/^\+[1-9][0-9]+$/);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ["+12125550100", "1"],
  ["+79161234567", "7"],
  ["+442071234567", "44"],
  ["+4930123456", "49"],
  ["+35315551234", "353"],
  ["+8613912345678", "86"],
  ["+97239123456", "972"],
  ["030123456", undefined],
])("SEC-10: %s is in the country %p", (number, code) => {
  expect(countryCodeOf(number)).toBe(code);
});
