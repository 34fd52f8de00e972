import { expect, test } from "bun:test";
import { sql } from "kysely";
import { hashHex } from "../../../gateway/crypto.ts";
import { systemRandom } from "../../../gateway/io/random.ts";
import { Access } from "../../../schema/access.ts";
import { Accounts } from "../../../schema/accounts.ts";
import { type Database, openDatabase } from "../../../schema/database.ts";
import { openStoreForTest, refusalOf } from "./opened.ts";

const TOKEN = "the token of a log-in of before";

/** As the version before accounts left it, with what it had of an administrator. */
async function takeBack(database: Database, rows: readonly string[]): Promise<void> {
  const steps = [
    "drop table login_session",
    "drop table account",
    "create table login_session (token_hash text primary key, created integer not null, last_used integer not null)",
    "drop table verification",
    "drop table last_place",
    "drop table standing_call",
    "drop table invitation",
    "delete from kysely_migration where name >= '0009'",
    ...rows,
  ];
  for (const step of steps) await sql.raw(step).execute(database);
}

async function migrated(rows: readonly string[]) {
  const opened = await openStoreForTest();
  await takeBack(opened.database, rows);
  await opened.database.destroy();
  const database = await openDatabase(opened.file);
  const now = () => 2_000;
  const access = new Access({ database, random: systemRandom, now, monotonic: () => 0 });
  const close = async () => {
    await database.destroy();
    await opened.close().catch(() => {});
  };
  return { database, access, accounts: new Accounts({ database, now }), close };
}

test("the administrator of before is an account with the password and the log-ins there were", async () => {
  const { database, access, accounts, close } = await migrated([
    "insert into setting (name, value) values ('administrator-password', 'the hash')",
    `insert into login_session values ('${hashHex("sha256", TOKEN)}', 1000, 1500)`,
  ]);
  const proof = await accounts.proofOf("administrator");
  expect(proof).toMatchObject({
    passwordHash: "the hash",
    account: { role: "admin", enabled: true },
  });
  expect(await access.session(TOKEN)).toMatchObject({ name: "administrator", role: "admin" });
  const left = database.selectFrom("setting").selectAll().where("name", "like", "admin%");
  expect(await left.execute()).toEqual([]);
  await close();
});

test("a gateway that was never set up has no account afterwards either", async () => {
  const { access, accounts, close } = await migrated([
    `insert into login_session values ('${hashHex("sha256", TOKEN)}', 1000, 1500)`,
  ]);
  expect([await accounts.isSetUp(), await access.session(TOKEN)]).toEqual([false, undefined]);
  expect(await access.setUp(await access.newSetupToken(), "hash")).toBeNumber();
  await close();
});

test("of two admins who take each other's rights at once, one stays", async () => {
  const { database, close } = await openStoreForTest();
  const accounts = new Accounts({ database, now: () => 1_000 });
  const make = (name: string) =>
    accounts.create({ name, role: "admin", enabled: true, passwordHash: "hash" }, "test");
  const both = [await make("anna"), await make("ben")];
  const outcomes = await Promise.allSettled(
    both.map(({ id, name }) =>
      accounts.update(id, { name, role: "viewer", enabled: true }, "test"),
    ),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const admins = (await accounts.all()).filter(({ role }) => role === "admin");
  expect(admins).toHaveLength(1);
  const refusal = await refusalOf(accounts.remove(admins[0]?.id ?? 0, "test"));
  expect([refusal.status, refusal.message]).toEqual([
    409,
    `${admins[0]?.name} is the last admin who can log in: make another one first`,
  ]);
  await close();
});

test("accounts are bounded, and so is what a change that fails leaves: nothing", async () => {
  const { database, close } = await openStoreForTest();
  const accounts = new Accounts({ database, now: () => 1_000 });
  const make = (name: string) =>
    accounts.create({ name, role: "admin", enabled: true, passwordHash: "hash" }, "test");
  for (let index = 0; index < 200; index++) await make(`account${index}`);
  expect((await refusalOf(make("one-more"))).status).toBe(409);
  expect(await accounts.all()).toHaveLength(200);
  const told = database.selectFrom("audit").select("id").where("kind", "=", "account");
  expect(await told.execute()).toHaveLength(200);
  await close();
});
