import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemRandom } from "../../../gateway/io/random.ts";
import { Access } from "../../../schema/access.ts";
import { openStoreForTest } from "./opened.ts";

const HOUR_MS = 3_600_000;

async function openAccess() {
  const opened = await openStoreForTest();
  const clock = { now: 1_000_000 };
  const { database } = opened;
  const access = new Access({ database, random: systemRandom, now: () => clock.now });
  return { ...opened, access, clock };
}

test("W5: of those who use the set-up token at once, one sets the password", async () => {
  const { access, close } = await openAccess();
  const token = await access.newSetupToken();
  const attempts = Array.from({ length: 50 }, (_, index) => access.setUp(token, `hash ${index}`));
  const won = await Promise.all(attempts);
  expect(won.filter(Boolean)).toHaveLength(1);
  expect(await access.passwordHash()).toBe(`hash ${won.indexOf(true)}`);
  expect(await access.setUp(token, "later")).toBe(false);
  expect(await access.isSetupToken(token)).toBe(false);
  await close();
});

test("only the newest set-up token counts", async () => {
  const { access, close } = await openAccess();
  const older = await access.newSetupToken();
  const newer = await access.newSetupToken();
  expect(await access.setUp(older, "hash")).toBe(false);
  expect(await access.setUp("", "hash")).toBe(false);
  expect(await access.setUp(newer, "hash")).toBe(true);
  await close();
});

test("W13: a log-in ends when idle for twelve hours, at log-out, and with the password", async () => {
  const { access, clock, close } = await openAccess();
  const [used, idle] = [await access.newSession(), await access.newSession()];
  clock.now += 11 * HOUR_MS;
  expect(await access.isSession(used)).toBe(true);
  clock.now += 2 * HOUR_MS;
  expect(await access.isSession(used)).toBe(true);
  expect(await access.isSession(idle)).toBe(false);
  await access.endSession(used);
  expect(await access.isSession(used)).toBe(false);
  const other = await access.newSession();
  await access.setPassword("new hash");
  expect(await access.isSession(other)).toBe(false);
  expect(await access.isSession("")).toBe(false);
  await close();
});

test("an API token works until it is revoked, and its last use is known", async () => {
  const { access, clock, close } = await openAccess();
  const { id, token } = await access.newApiToken("ci");
  expect(token).toMatch(/^jf_[0-9a-f]{64}$/);
  expect(await access.apiTokens()).toEqual([
    { id, name: "ci", created: clock.now, lastUsed: null },
  ]);
  clock.now += 5;
  expect(await access.apiTokenName(token)).toBe("ci");
  expect((await access.apiTokens())[0]?.lastUsed).toBe(clock.now);
  expect(await access.apiTokenName(token.slice(0, -1))).toBeUndefined();
  expect(await access.revokeApiToken(id)).toBe(true);
  expect(await access.revokeApiToken(id)).toBe(false);
  expect(await access.apiTokenName(token)).toBeUndefined();
  await close();
});

test("W11: no token is in any file", async () => {
  const { access, directory, close } = await openAccess();
  const { token } = await access.newApiToken("ci");
  const tokens = [token.slice(3), await access.newSession(), await access.newSetupToken()];
  const files = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
  for (const it of tokens) expect(files.some((bytes) => bytes.includes(it))).toBe(false);
  await close();
});
