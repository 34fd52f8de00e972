/**
 * Opens the database and brings it up to date. What an operator can get wrong ends in one line that
 * says what to do.
 */

import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { Kysely, type Migration, Migrator, SqliteDialect } from "kysely";
import Libsql from "libsql";
import { OperatorError } from "../gateway/options.ts";
import { bindable } from "./driver.ts";
import { first } from "./migrations/0001-first.ts";
import type { Tables } from "./tables.ts";

export type Database = Kysely<Tables>;

/** Append-only: a migration that was ever released is never changed. */
const MIGRATIONS: Readonly<Record<string, Migration>> = { "0001-first": first };

/** libSQL's own defaults lose acknowledged writes or fail at the first second writer (D1, D5). */
const PRAGMAS = [
  "journal_mode = WAL",
  "synchronous = FULL",
  "busy_timeout = 5000",
  "foreign_keys = ON",
];

/** Rejects with an `OperatorError` where the file can't be used. */
export async function openDatabase(file: string): Promise<Database> {
  const connection = connect(file);
  const database = new Kysely<Tables>({
    dialect: new SqliteDialect({ database: bindable(connection) }),
  });
  await migrate(database, file);
  return database;
}

function connect(file: string): Libsql.Database {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // The digests in it are as good as passwords; WAL and shared memory take over the mode.
    closeSync(openSync(file, "a", 0o600));
    const connection = new Libsql(file);
    for (const pragma of PRAGMAS) connection.pragma(pragma);
    // D6: a damaged file must not pass for a configuration, nor be written to any further.
    const verdict = JSON.stringify(connection.pragma("quick_check(1)"));
    if (!verdict.includes('"ok"')) throw new Error(`malformed: ${verdict}`);
    return connection;
  } catch (error) {
    throw unusable(file, error);
  }
}

async function migrate(database: Database, file: string): Promise<void> {
  const provider = { getMigrations: async () => ({ ...MIGRATIONS }) };
  const migrator = new Migrator({ db: database, provider });
  const { error } = await migrator
    .migrateToLatest()
    .catch((thrown: unknown) => ({ error: thrown }));
  if (error === undefined) return;
  const message = error instanceof Error ? error.message : String(error);
  if (/corrupted migrations|previously executed migration/.test(message)) {
    throw new OperatorError(
      `the database ${file} was written by a newer Jackfield: start that version, or restore a backup`,
    );
  }
  throw unusable(file, error);
}

function unusable(file: string, error: unknown): OperatorError {
  const message = error instanceof Error ? error.message : String(error);
  const advice = /not a database|encrypted/.test(message)
    ? "it is no Jackfield database; move it away or give another directory with --data"
    : /malformed|corrupt|disk I\/O/.test(message)
      ? "it is damaged; put a backup in its place"
      : /locked|busy/.test(message)
        ? "another program holds it; is another Jackfield running on it?"
        : "check that the directory exists and may be written";
  return new OperatorError(`the database ${file} can't be opened (${message}): ${advice}`);
}
