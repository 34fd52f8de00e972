/** AMB-04: what string is matched. */
import { expect, test } from "bun:test";
import { normaliseNumber } from "../../../gateway/b2bua/number.ts";

test.each([
  ["+44 (0)20-7123.4567", "+4402071234567"],
  ["100;phone-context=+44", "100"],
  ["*72#", "*72#"],
  ["jane-doe", "jane-doe"],
  ["Sales", "Sales"],
])("%s becomes %s", (user, number) => {
  expect(normaliseNumber(user)).toEqual({ ok: true, number });
});

test.each([
  "",
  ";x=1",
  "-",
  "1\r\nVia: x",
  "a@b",
  "1\u2028",
  "9".repeat(129),
])("%j is refused", (user) => {
  expect(normaliseNumber(user).ok).toBe(false);
});
