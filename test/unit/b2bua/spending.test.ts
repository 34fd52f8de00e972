/** Whose minutes a leg to outside uses, and on which day. */
import { expect, test } from "bun:test";
import { Spending } from "../../../gateway/b2bua/spending.ts";
import type { LegId } from "../../../gateway/media/protocol.ts";
import type { UserId } from "../../../schema/config.ts";

const DAY_MS = 86_400_000;
const [alice, bob] = [1 as UserId, 2 as UserId];
const [first, second] = ["first" as LegId, "second" as LegId];

test("LIM-05: a leg counts from its first answer to its end, for its own user", () => {
  const spending = new Spending();
  spending.answered(first, alice, 1_000);
  spending.answered(second, alice, 4_000);
  // A re-INVITE is answered too.
  spending.answered(first, alice, 5_000);
  expect([spending.spentMs(alice, 5_000), spending.spentMs(bob, 5_000)]).toEqual([5_000, 0]);
  spending.ended(first, 6_000);
  spending.ended(first, 60_000);
  expect([spending.spentMs(alice, 7_000), spending.size]).toEqual([8_000, 1]);
  spending.ended(second, 7_000);
  expect([spending.spentMs(alice, 90_000), spending.size]).toEqual([8_000, 0]);
  spending.retain(new Set([bob]));
  expect(spending.spentMs(alice, 90_000)).toBe(0);
});

test("LIM-05: of a leg over midnight each day has what was spoken on it, while it goes on too", () => {
  const spending = new Spending();
  spending.answered(first, alice, DAY_MS - 600_000);
  expect(spending.spentMs(alice, DAY_MS - 1)).toBe(599_999);
  expect(spending.spentMs(alice, DAY_MS + 60_000)).toBe(60_000);
  spending.ended(first, DAY_MS + 60_000);
  expect(spending.spentMs(alice, DAY_MS + 90_000)).toBe(60_000);
  expect(spending.spentMs(alice, 2 * DAY_MS)).toBe(0);
});
