/**
 * D2: a process that dies at any statement of a migration, a rotation of the key, a backup or a
 * restore leaves the old or the new, never something between; the next start goes on from there.
 */
import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kysely, Migrator, SqliteDialect } from "kysely";
import { backupsIn } from "../../schema/backup-files.ts";
import { openConnection } from "../../schema/connection.ts";
import { openDatabase } from "../../schema/database.ts";
import { bindable } from "../../schema/driver.ts";
import { finishRotation } from "../../schema/key-rotation.ts";
import { first } from "../../schema/migrations/0001-first.ts";
import { openSecrets } from "../../schema/secrets.ts";
import { Store } from "../../schema/store.ts";
import type { Tables } from "../../schema/tables.ts";
import { scaled } from "../rigs/scale.ts";
import { ALICE, trunk } from "../unit/schema/opened.ts";

const main = join(import.meta.dir, "../../gateway/main.ts");

/** Runs a command; true where it was killed at the failpoint. */
async function killedAt(failpoint: string, directory: string, ...args: string[]): Promise<boolean> {
  const child = Bun.spawn([process.execPath, main, ...args, `--data=${directory}`], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, JACKFIELD_FAILPOINT: failpoint },
  });
  await child.exited;
  if (child.signalCode === "SIGKILL") return true;
  expect([failpoint, await new Response(child.stderr).text()]).toEqual([failpoint, ""]);
  return false;
}

/** What is in it, as the next start finds it. */
async function found(directory: string) {
  const database = await openDatabase(join(directory, "jackfield.db"));
  await finishRotation(database, directory);
  const store = new Store({ database, secrets: openSecrets(directory, undefined), now: () => 1 });
  await store.prepare();
  const { users, connections } = await store.load();
  await database.destroy();
  return {
    users: users.map(({ name }) => name),
    passwords: connections.map(({ password }) => password),
  };
}

async function furnished(...names: string[]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "failpoints-"));
  const database = await openDatabase(join(directory, "jackfield.db"));
  const store = new Store({ database, secrets: openSecrets(directory, undefined), now: () => 1 });
  await store.prepare();
  for (const name of names) await store.saveUser(undefined, { ...ALICE, name }, "test");
  for (const name of ["a", "b", "c"]) {
    await store.saveConnection(undefined, trunk({ name, password: `secret-${name}` }), "test");
  }
  await database.destroy();
  return directory;
}

const SECRETS = ["secret-a", "secret-b", "secret-c"];

/** The statements of a run; where the test is scaled, some of them. */
function* statements(what: string, share: number, most: number): Generator<number> {
  const every = Math.max(1, Math.round(most / scaled(what, most, share)));
  for (let at = 1; at <= most; at += every) yield at;
}

test("D2: a first start or a migration that dies at any statement is whole after the next start", async () => {
  const old = mkdtempSync(join(tmpdir(), "failpoints-old-"));
  await migrateOld(old);
  const killed = { "first start": 0, migration: 0 };
  for (const at of statements("statements of a migration", 0.12, 100)) {
    for (const kind of ["first start", "migration"] as const) {
      const directory = mkdtempSync(join(tmpdir(), "failpoints-"));
      if (kind === "migration") cpSync(old, directory, { recursive: true });
      if (await killedAt(`statement:${at}`, directory, "check")) killed[kind]++;
      const { users } = await found(directory);
      expect([kind, at, users]).toEqual([kind, at, kind === "migration" ? ["old"] : []]);
      rmSync(directory, { recursive: true });
    }
  }
  expect(killed["first start"]).toBeGreaterThan(5);
  expect(killed.migration).toBeGreaterThan(5);
  rmSync(old, { recursive: true });
}, 120_000);

/** A database as the first release left it, with a user. */
async function migrateOld(directory: string): Promise<void> {
  const connection = openConnection(join(directory, "jackfield.db"));
  const dialect = new SqliteDialect({ database: bindable(connection) });
  const database = new Kysely<Tables>({ dialect });
  const provider = { getMigrations: async () => ({ "0001-first": first }) };
  await new Migrator({ db: database, provider }).migrateToLatest();
  connection.exec(
    "insert into setting values ('realm', 'jackfield'), ('revision', '1');" +
      "insert into user (name, display_name, enabled, ha1_md5, ha1_sha256) " +
      "values ('old', '', 1, 'a', 'b');",
  );
  await database.destroy();
}

test("D2: a rotation of the key that dies anywhere leaves every secret readable", async () => {
  const source = await furnished("alice");
  let killed = 0;
  const steps = ["rotate:prepared", "rotate:sealed", "rotate:adopted"];
  const points = [...statements("statements of a rotation", 0.1, 60)].map(
    (at) => `statement:${at}`,
  );
  for (const failpoint of [...steps, ...points]) {
    const directory = mkdtempSync(join(tmpdir(), "failpoints-"));
    cpSync(source, directory, { recursive: true });
    const isKilled = await killedAt(failpoint, directory, "rotate-key");
    if (isKilled) killed++;
    if (steps.includes(failpoint)) expect([failpoint, isKilled]).toEqual([failpoint, true]);
    expect([failpoint, (await found(directory)).passwords]).toEqual([failpoint, SECRETS]);
    expect(readdirSync(directory)).not.toContain("secret.key.next");
    rmSync(directory, { recursive: true });
  }
  expect(killed).toBeGreaterThan(5);
  // And one that lives has another key, by which nothing of the old one can be read.
  const before = readFileSync(join(source, "secret.key"), "utf8");
  expect(await killedAt("none", source, "rotate-key")).toBe(false);
  expect(readFileSync(join(source, "secret.key"), "utf8")).not.toBe(before);
  expect((await found(source)).passwords).toEqual(SECRETS);
  rmSync(source, { recursive: true });
}, 120_000);

test("D2, D6: a backup and a restore that die anywhere leave the old or the new database", async () => {
  const source = await furnished("old");
  expect(await killedAt("backup:written", source, "backup")).toBe(true);
  expect(backupsIn(source)).toEqual([]);
  expect(await killedAt("backup:named", source, "backup")).toBe(true);
  const [name = ""] = backupsIn(source);
  const backup = join(source, "backups", name);
  expect((statSync(backup).mode & 0o777).toString(8)).toBe("600");
  const database = await openDatabase(join(source, "jackfield.db"));
  const store = new Store({ database, secrets: openSecrets(source, undefined), now: () => 1 });
  await store.saveUser(undefined, { ...ALICE, name: "new" }, "test");
  await database.destroy();
  const outcomes = new Set<string>();
  for (const failpoint of ["restore:checked", "restore:aside", "restore:placed", "none"]) {
    const directory = mkdtempSync(join(tmpdir(), "failpoints-"));
    cpSync(source, directory, { recursive: true });
    const file = join(directory, "backups", name);
    const isKilled = await killedAt(failpoint, directory, "restore", file);
    expect([failpoint, isKilled]).toEqual([failpoint, failpoint !== "none"]);
    const users = (await found(directory)).users.join();
    expect([failpoint, users]).toEqual([failpoint, expect.stringMatching(/^old(?:,new)?$/)]);
    outcomes.add(users);
    rmSync(directory, { recursive: true });
  }
  expect([...outcomes].sort()).toEqual(["old", "old,new"]);
  rmSync(source, { recursive: true });
}, 120_000);
