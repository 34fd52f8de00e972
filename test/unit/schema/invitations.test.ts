import { expect, test } from "bun:test";
import { systemRandom } from "../../../gateway/io/random.ts";
import { Invitations } from "../../../schema/invitations.ts";
import { ALICE, openStoreForTest } from "./opened.ts";

async function opened() {
  const { store, database, close } = await openStoreForTest();
  const clock = { now: 1_000 };
  const { id } = await store.saveUser(undefined, ALICE, "test");
  const invitations = new Invitations({ database, random: systemRandom, now: () => clock.now });
  return { store, database, close, clock, id, invitations };
}

test("an invitation is good once, whoever comes at the same time", async () => {
  const { invitations, id, close } = await opened();
  const { token } = await invitations.make(id, 1, "administrator");
  expect(token.length * 4).toBe(256);
  expect(await invitations.userOf(token)).toBe(id);
  const users = await Promise.all(Array.from({ length: 20 }, () => invitations.use(token)));
  expect(users.filter((it) => it === id)).toHaveLength(1);
  expect(await invitations.userOf(token)).toBeUndefined();
  await close();
});

test("it ends by its time, by a newer one, by hand, and with its user", async () => {
  const { invitations, store, clock, id, close } = await opened();
  const first = await invitations.make(id, 2, "administrator");
  expect(first.expires).toBe(1_000 + 2 * 3_600_000);
  expect(await invitations.of(id)).toEqual({
    created: 1_000,
    expires: first.expires,
    by: "administrator",
  });
  const second = await invitations.make(id, 1, "administrator");
  expect(await invitations.use(first.token)).toBeUndefined();
  clock.now += 3_600_000;
  expect(await invitations.use(second.token)).toBeUndefined();
  expect(await invitations.of(id)).toBeUndefined();
  const third = await invitations.make(id, 1, "administrator");
  expect(await invitations.revoke(id)).toBe(true);
  expect(await invitations.revoke(id)).toBe(false);
  expect(await invitations.use(third.token)).toBeUndefined();
  const fourth = await invitations.make(id, 1, "administrator");
  await store.remove("user", id, "test");
  expect(await invitations.userOf(fourth.token)).toBeUndefined();
  await close();
});

test("W11: the database has no token of it", async () => {
  const { invitations, database, id, close } = await opened();
  const { token } = await invitations.make(id, 1, "administrator");
  const rows = await database.selectFrom("invitation").selectAll().execute();
  expect(JSON.stringify(rows)).not.toContain(token);
  await close();
});
