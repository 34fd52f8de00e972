import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { OperatorError } from "../../../gateway/options.ts";
import { openDatabase } from "../../../schema/database.ts";
import { loadConfig } from "../../../schema/load.ts";
import { scaled } from "../../rigs/scale.ts";
import { ALICE, openStoreForTest } from "./opened.ts";

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OperatorError);
  return (error as OperatorError).message;
}

test("an empty directory becomes a whole database, and opens again with what was in it", async () => {
  const opened = await openStoreForTest();
  await opened.store.saveUser(
    undefined,
    { name: "bob", displayName: "", enabled: true, password: "password1" },
    "test",
  );
  await opened.database.destroy();
  const again = await openDatabase(opened.file);
  const users = await again.selectFrom("user").select("name").execute();
  expect(users).toEqual([{ name: "bob" }]);
  await again.destroy();
});

test("writes are durable: WAL, full synchronisation, a busy timeout, foreign keys", async () => {
  const opened = await openStoreForTest();
  const pragma = async (name: string) => {
    const { rows } = await sql
      .raw<Record<string, unknown>>(`PRAGMA ${name}`)
      .execute(opened.database);
    return Object.values(rows[0] ?? {})[0];
  };
  expect(await pragma("journal_mode")).toBe("wal");
  expect(await pragma("synchronous")).toBe(2);
  expect(await pragma("busy_timeout")).toBe(2000);
  expect(await pragma("foreign_keys")).toBe(1);
  await opened.close();
});

test("a database of a newer program is refused and stays as it is", async () => {
  const opened = await openStoreForTest();
  await sql`insert into kysely_migration (name, timestamp) values ('9999-future', 'x')`.execute(
    opened.database,
  );
  await opened.database.destroy();
  expect(await messageOf(openDatabase(opened.file))).toContain("newer Jackfield");
});

test("a file that is no database is refused, not overwritten", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "schema-")), "jackfield.db");
  const text = "this is a shopping list, and no database at all ".repeat(40);
  writeFileSync(file, text);
  expect(await messageOf(openDatabase(file))).toContain("no Jackfield database");
  expect(await Bun.file(file).text()).toBe(text);
});

test("a directory that can't be is told in one line", async () => {
  const message = await messageOf(openDatabase("/dev/null/data/jackfield.db"));
  expect(message).toContain("check that the directory exists");
  expect(message).not.toContain("\n");
});

test("no file of the database is for other users of the machine", async () => {
  const opened = await openStoreForTest();
  const modes = readdirSync(opened.directory).map((name) => [
    name,
    (statSync(join(opened.directory, name)).mode & 0o077).toString(8),
  ]);
  expect(modes.length).toBeGreaterThan(2);
  for (const [name, others] of modes) expect([name, others]).toEqual([name, "0"]);
  await opened.close();
});

test("D6: a damaged database is refused or whole, never half read", async () => {
  const opened = await openStoreForTest();
  for (let index = 0; index < 40; index++) {
    const name = `user-${index}`;
    await opened.store.saveUser(
      undefined,
      { ...ALICE, name, displayName: "x".repeat(200) },
      "test",
    );
  }
  const whole = await opened.store.load();
  await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(opened.database);
  const bytes = new Uint8Array(await Bun.file(opened.file).arrayBuffer());
  expect(bytes.length).toBeGreaterThan(40_000);
  const seed = Number(process.env["JACKFIELD_SEED"] ?? Date.now());
  const next = generator(seed);
  const wrong: string[] = [];
  let refused = 0;
  const rounds = scaled("D6 damaged databases", 1_000, 0.04);
  for (let round = 0; round < rounds; round++) {
    const damaged = bytes.slice(0, round % 4 === 0 ? 1 + (next() % bytes.length) : bytes.length);
    const page = 4_096 * (next() % Math.ceil(damaged.length / 4_096));
    // The head of a page: its header and cell pointers.
    if (round % 4 !== 0) damaged.fill(0xa5, page, page + 64);
    const file = join(opened.directory, `damaged-${round}.db`);
    writeFileSync(file, damaged);
    try {
      const database = await openDatabase(file);
      const { users } = await loadConfig(database, opened.secrets);
      if (!Bun.deepEquals(users, whole.users)) wrong.push(`round ${round}, page at ${page}`);
      await database.destroy();
    } catch (error) {
      if (!(error instanceof OperatorError)) wrong.push(`round ${round}: ${error}`);
      refused++;
    }
  }
  expect([seed, wrong]).toEqual([seed, []]);
  expect(refused).toBeGreaterThan(rounds / 4);
  await opened.close();
}, 120_000);

/** Numbers from a seed, the same each time (Park and Miller). */
function generator(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
}
