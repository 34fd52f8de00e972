/** What a stolen password may cost: LIM-05's rates and minutes, SEC-10's countries. */
import { expect, test } from "bun:test";
import { Spending } from "../../../gateway/b2bua/spending.ts";
import { UserGuard } from "../../../gateway/b2bua/user-guard.ts";
import type { LegId } from "../../../gateway/media/protocol.ts";
import type { User, UserId } from "../../../schema/config.ts";

const DAY_MS = 86_400_000;

const userOf = (more: Partial<User>): User => ({
  id: 1 as UserId,
  name: "alice",
  displayName: "",
  enabled: true,
  ha1: { md5: "", sha256: "" },
  ...more,
});

/** One call of alice's from its answer to its end. */
function spent(spending: Spending, answered: number, ended: number): void {
  spending.answered("leg" as LegId, 1 as UserId, answered);
  spending.ended("leg" as LegId, ended);
}

/** How many of so many calls at that time get through. */
function begun(guard: UserGuard, user: User, calls: number, now: number): number {
  let count = 0;
  for (let call = 0; call < calls; call++) {
    if (guard.judge(user, "+491", now)) continue;
    guard.begin(user, "+491", now);
    count += 1;
  }
  return count;
}

test("LIM-05: so many calls a second are begun, and no more", () => {
  const guard = new UserGuard((at) => at);
  const user = userOf({ callsPerSecond: 3 });
  expect(begun(guard, user, 10, 0)).toBe(3);
  expect(guard.judge(user, "1", 0)).toMatchObject({ status: 503 });
  expect(begun(guard, user, 10, 1_000)).toBe(3);
  expect(begun(guard, user, 10, 100_000)).toBe(3);
  const slow = userOf({ id: 2 as UserId, callsPerSecond: 0.1 });
  expect([begun(guard, slow, 5, 0), begun(guard, slow, 5, 9_000)]).toEqual([1, 0]);
  expect(begun(guard, slow, 5, 10_000)).toBe(1);
  expect(begun(guard, userOf({ id: 3 as UserId }), 50, 0)).toBe(50);
});

test("LIM-05: the minutes of a day are used up by calls that ended and calls that go on", () => {
  const spending = new Spending();
  const guard = new UserGuard((at) => at, spending);
  const user = userOf({ minutesPerDay: 2 });
  guard.begin(user, "1", 0);
  spent(spending, 0, 60_000);
  expect(guard.judge(user, "1", 60_000)).toBeUndefined();
  spending.answered("running" as LegId, user.id, 60_000);
  expect(guard.judge(user, "1", 119_999)).toBeUndefined();
  expect(guard.judge(user, "1", 120_000)).toMatchObject({
    status: 403,
    reason: "alice has used up its 2 minutes of the day",
  });
  spending.ended("running" as LegId, 120_000);
  expect(guard.judge(user, "1", DAY_MS - 1)?.status).toBe(403);
  expect(guard.judge(user, "1", DAY_MS)).toBeUndefined();
  // Of a call over midnight only what came after it is the new day's.
  spent(spending, DAY_MS - 600_000, DAY_MS + 60_000);
  expect(guard.judge(user, "1", DAY_MS + 60_000)).toBeUndefined();
});

test.each([
  [{ allowCountries: ["+49"] }, "+4930123", true],
  [{ allowCountries: ["+49"] }, "+44207123", false],
  [{ allowCountries: ["+49"], blockCountries: ["+49900"] }, "+49900123", false],
  [{ allowCountries: ["+49900123"], blockCountries: ["+49900"] }, "+49900123", true],
  [{ blockCountries: ["+882", "+1900"] }, "+88216123", false],
  [{ blockCountries: ["+882", "+1900"] }, "+12125550100", true],
  [{ allowCountries: [] }, "+4930123", false],
  [{ allowCountries: [] }, "250", true],
] as const)("SEC-10: with %j %s may be called: %p", (rules, number, may) => {
  const guard = new UserGuard((at) => at);
  expect(guard.judge(userOf(rules), number, 0)?.status).toBe(may ? undefined : 403);
});

test("SEC-10: the first call to a country is told, each user's own, the second is not", () => {
  const guard = new UserGuard((at) => at);
  const calls = (user: User, ...numbers: string[]) => numbers.map((it) => guard.begin(user, it, 0));
  expect(calls(userOf({}), "+4930", "+4940", "+44207", "250")).toEqual([
    "49",
    undefined,
    "44",
    undefined,
  ]);
  expect(calls(userOf({ id: 2 as UserId }), "+4930")).toEqual(["49"]);
});
