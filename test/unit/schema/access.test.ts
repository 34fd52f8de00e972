import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemRandom } from "../../../gateway/io/random.ts";
import { Access } from "../../../schema/access.ts";
import { Accounts } from "../../../schema/accounts.ts";
import { scaled } from "../../rigs/scale.ts";
import { openStoreForTest } from "./opened.ts";

const HOUR_MS = 3_600_000;

async function openAccess() {
  const opened = await openStoreForTest();
  const clock = { now: 1_700_000_000_000, monotonic: 0 };
  const { database } = opened;
  const now = () => clock.now;
  const open = () =>
    new Access({ database, random: systemRandom, now, monotonic: () => clock.monotonic });
  const accounts = new Accounts({ database, now });
  const pass = (hours: number) => {
    clock.now += hours * HOUR_MS;
    clock.monotonic += hours * HOUR_MS;
  };
  return { ...opened, access: open(), open, accounts, clock, pass };
}

/** The same with the first account. */
async function openWithAccount() {
  const opened = await openAccess();
  const id = await opened.access.makeFirst("hash");
  if (id === undefined) throw new Error("there is an account already");
  return { ...opened, id };
}

test("W5: of those who use the set-up token at once, one makes the first account", async () => {
  const { access, accounts, database, close } = await openAccess();
  const races = scaled("W5 races for the set-up", 1_000, 0.02);
  expect(await accounts.isSetUp()).toBe(false);
  for (let race = 0; race < races; race++) {
    const token = await access.newSetupToken();
    const attempts = Array.from({ length: 50 }, (_, index) => access.setUp(token, `hash ${index}`));
    const won = await Promise.all(attempts);
    expect(won.filter((it) => it !== undefined)).toHaveLength(1);
    const winner = won.findIndex((it) => it !== undefined);
    expect((await accounts.proofOf("administrator"))?.passwordHash).toBe(`hash ${winner}`);
    expect(await access.setUp(token, "later")).toBeUndefined();
    expect(await access.isSetupToken(token)).toBe(false);
    await database.deleteFrom("account").execute();
  }
  await close();
});

test("W5: a set-up token that is left over makes no second first account", async () => {
  const { access, accounts, close } = await openWithAccount();
  const token = await access.newSetupToken();
  expect(await access.setUp(token, "another hash")).toBeUndefined();
  expect(await access.makeFirst("another hash")).toBeUndefined();
  expect((await accounts.proofOf("administrator"))?.passwordHash).toBe("hash");
  await close();
});

test("only the newest set-up token counts", async () => {
  const { access, close } = await openAccess();
  const older = await access.newSetupToken();
  const newer = await access.newSetupToken();
  expect(await access.setUp(older, "hash")).toBeUndefined();
  expect(await access.setUp("", "hash")).toBeUndefined();
  expect(await access.setUp(newer, "hash")).toBeNumber();
  await close();
});

test("W13: a log-in ends when idle for twelve hours, at log-out, and with the password", async () => {
  const { access, accounts, id, pass, close } = await openWithAccount();
  const [used, idle] = [await access.newSession(id), await access.newSession(id)];
  pass(11);
  expect(await access.session(used)).toEqual({ account: id, name: "administrator", role: "admin" });
  pass(2);
  expect(await access.session(used)).toBeDefined();
  expect(await access.session(idle)).toBeUndefined();
  await access.endSession(used);
  expect(await access.session(used)).toBeUndefined();
  const other = await access.newSession(id);
  await accounts.setPassword(id, "new hash", "test");
  expect(await access.session(other)).toBeUndefined();
  expect(await access.session("")).toBeUndefined();
  await close();
});

test("W13: a wall clock that is set back makes no log-in last, one set forward ends it for good", async () => {
  const { access, open, id, clock, close } = await openWithAccount();
  const back = await access.newSession(id);
  clock.now -= 30 * 24 * HOUR_MS;
  clock.monotonic += 11 * HOUR_MS;
  expect(await access.session(back)).toBeDefined();
  clock.monotonic += 13 * HOUR_MS;
  expect(await access.session(back)).toBeUndefined();

  const forward = await access.newSession(id);
  clock.now += 13 * HOUR_MS;
  expect(await access.session(forward)).toBeUndefined();
  clock.now -= 13 * HOUR_MS;
  expect(await access.session(forward)).toBeUndefined();

  // A process that starts anew can't tell how long it was down by a clock that went back.
  const asleep = await access.newSession(id);
  expect(await open().session(asleep)).toBeDefined();
  clock.now -= 2 * HOUR_MS;
  expect(await open().session(asleep)).toBeUndefined();
  await close();
});

test("W13: watching keeps no log-in alive, by neither clock", async () => {
  const { access, id, pass, close } = await openWithAccount();
  const token = await access.newSession(id);
  pass(7);
  expect(await access.watchedSession(token)).toBeDefined();
  pass(6);
  expect(await access.watchedSession(token)).toBeUndefined();
  await close();
});

test("W13: of a thousand log-ins of one account the newest twenty live", async () => {
  const { access, accounts, database, id, clock, close } = await openWithAccount();
  const other = { name: "other", role: "viewer", enabled: true, passwordHash: "hash" } as const;
  const theirs = await access.newSession((await accounts.create(other, "test")).id);
  const count = scaled("W13 log-ins", 1_000, 0.1);
  const tokens: string[] = [];
  for (let index = 0; index < count; index++) {
    clock.now += 1;
    tokens.push(await access.newSession(id));
  }
  const alive = await Promise.all(tokens.map((it) => access.session(it)));
  expect(alive.map((it) => it !== undefined)).toEqual(tokens.map((_, at) => at >= count - 20));
  expect(await access.session(theirs)).toBeDefined();
  expect(await database.selectFrom("login_session").selectAll().execute()).toHaveLength(21);
  await close();
});

test("an API token works until it is revoked, and its last use is known", async () => {
  const { access, clock, close } = await openAccess();
  const { id, token } = await access.newApiToken("ci");
  expect(token).toMatch(/^jf_[0-9a-f]{64}$/);
  expect(await access.apiTokens()).toEqual([
    { id, name: "ci", created: clock.now, lastUsed: null, scope: "all", expires: null },
  ]);
  clock.now += 5;
  expect(await access.apiToken(token)).toEqual({ name: "ci", scope: "all" });
  expect((await access.apiTokens())[0]?.lastUsed).toBe(clock.now);
  expect(await access.apiToken(token.slice(0, -1))).toBeUndefined();
  expect(await access.revokeApiToken(id)).toBe("ci");
  expect(await access.revokeApiToken(id)).toBe(undefined);
  expect(await access.apiToken(token)).toBeUndefined();
  await close();
});

test("W11: no token is in any file", async () => {
  const { access, directory, id, close } = await openWithAccount();
  const { token } = await access.newApiToken("ci");
  const tokens = [token.slice(3), await access.newSession(id), await access.newSetupToken()];
  const files = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
  for (const it of tokens) expect(files.some((bytes) => bytes.includes(it))).toBe(false);
  await close();
});
