/**
 * R14: the databases of the last versions are taken over as they stand, with a backup for the way
 * back.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kysely, Migrator, SqliteDialect } from "kysely";
import { backupsIn } from "../../schema/backup-files.ts";
import { openConnection } from "../../schema/connection.ts";
import { MIGRATIONS, openDatabase } from "../../schema/database.ts";
import { bindable } from "../../schema/driver.ts";
import { openSecrets } from "../../schema/secrets.ts";
import { Store } from "../../schema/store.ts";
import { ALICE, trunk } from "../unit/schema/opened.ts";

const VERSIONS = 5;
const names = Object.keys(MIGRATIONS);

/** A database with a user, a connection that has a secret, and settings. */
async function furnished(directory: string): Promise<void> {
  const database = await openDatabase(join(directory, "jackfield.db"));
  const store = new Store({ database, secrets: openSecrets(directory, undefined), now: () => 1 });
  await store.prepare();
  await store.saveUser(undefined, { ...ALICE, forward: { always: "+441632960000" } }, "test");
  await store.saveConnection(undefined, trunk({ username: "u", password: "secret" }), "test");
  await store.saveSettings({ localNetworks: ["192.168.1.0/24"] }, "test");
  await database.destroy();
}

const load = async (directory: string) => {
  const database = await openDatabase(join(directory, "jackfield.db"));
  const store = new Store({ database, secrets: openSecrets(directory, undefined), now: () => 1 });
  await store.prepare();
  const config = await store.load();
  const audit = await database.selectFrom("audit").select("action").execute();
  await database.destroy();
  return { config, audit };
};

/** The same rows in a database that knows migrations up to `version` alone. */
async function asOf(version: string, source: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "upgrade-"));
  const connection = openConnection(join(directory, "jackfield.db"));
  const dialect = new SqliteDialect({ database: bindable(connection) });
  const database = new Kysely<unknown>({ dialect });
  const known = Object.entries(MIGRATIONS).filter(([name]) => name <= version);
  const provider = { getMigrations: async () => Object.fromEntries(known) };
  const { error } = await new Migrator({ db: database, provider }).migrateToLatest();
  expect(error).toBeUndefined();
  connection.exec(`attach '${join(source, "jackfield.db")}' as newer`);
  const rowsOf = (sql: string) => connection.prepare(sql).all([]) as { name: string }[];
  for (const { name } of rowsOf("select name from main.sqlite_master where type = 'table'")) {
    if (/^(sqlite|kysely)_/.test(name)) continue;
    const columns = rowsOf(`select name from pragma_table_info('${name}', 'main')`);
    const list = columns.map((column) => `"${column.name}"`).join(", ");
    connection.exec(`delete from main."${name}"`);
    connection.exec(`insert into main."${name}" (${list}) select ${list} from newer."${name}"`);
  }
  await database.destroy();
  await Bun.write(join(directory, "secret.key"), Bun.file(join(source, "secret.key")));
  return directory;
}

test("R14: a database of each of the last five versions is taken over as it stands", async () => {
  const source = mkdtempSync(join(tmpdir(), "upgrade-source-"));
  await furnished(source);
  const wanted = await load(source);
  expect(wanted.config.connections[0]?.password).toBe("secret");
  const versions = names.slice(-1 - VERSIONS, -1);
  expect(versions).toHaveLength(VERSIONS);
  for (const version of versions) {
    const directory = await asOf(version, source);
    expect([version, backupsIn(directory).length]).toEqual([version, 0]);
    expect([version, await load(directory)]).toEqual([version, wanted]);
    // The way back to the version before, once; the next start has nothing to bring up to date.
    expect([version, backupsIn(directory).length]).toEqual([version, 1]);
    expect([version, await load(directory)]).toEqual([version, wanted]);
    expect([version, backupsIn(directory).length]).toEqual([version, 1]);
    rmSync(directory, { recursive: true });
  }
  rmSync(source, { recursive: true });
}, 60_000);
