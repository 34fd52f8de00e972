/**
 * Opens the database and brings it up to date. What an operator can get wrong ends in one line that
 * says what to do.
 */

import { basename, dirname } from "node:path";
import { Kysely, type Migration, Migrator, SqliteDialect } from "kysely";
import { OperatorError } from "../gateway/options.ts";
import { makeBackup } from "./backup.ts";
import { openConnection, unusable } from "./connection.ts";
import { bindable } from "./driver.ts";
import { first } from "./migrations/0001-first.ts";
import { userDetails } from "./migrations/0002-user-details.ts";
import { callQuality } from "./migrations/0003-call-quality.ts";
import { settings } from "./migrations/0004-settings.ts";
import { connectionCredentials } from "./migrations/0005-connection-credentials.ts";
import { auditDetails } from "./migrations/0006-audit-details.ts";
import { happenings } from "./migrations/0007-happenings.ts";
import { tokenScope } from "./migrations/0008-token-scope.ts";
import { accounts } from "./migrations/0009-accounts.ts";
import { invitations } from "./migrations/0010-invitations.ts";
import { standingCalls } from "./migrations/0011-standing-calls.ts";
import { lastPlaces } from "./migrations/0012-last-places.ts";
import { verifications } from "./migrations/0013-verifications.ts";
import type { Tables } from "./tables.ts";
import { DatabaseThread, ThreadedDialect, WholeMigrations } from "./threaded-dialect.ts";

/** In the data directory. */
export const DATABASE_NAME = "jackfield.db";

export type Database = Kysely<Tables>;

/** Append-only: a migration that was ever released is never changed. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-first": first,
  "0002-user-details": userDetails,
  "0003-call-quality": callQuality,
  "0004-settings": settings,
  "0005-connection-credentials": connectionCredentials,
  "0006-audit-details": auditDetails,
  "0007-happenings": happenings,
  "0008-token-scope": tokenScope,
  "0009-accounts": accounts,
  "0010-invitations": invitations,
  "0011-standing-calls": standingCalls,
  "0012-last-places": lastPlaces,
  "0013-verifications": verifications,
};

class PlainDialect extends SqliteDialect {
  override createAdapter = () => new WholeMigrations();
}

/** Rejects with an `OperatorError` where the file can't be used. */
export async function openDatabase(file: string): Promise<Database> {
  const connection = openConnection(file);
  const dialect = new PlainDialect({ database: bindable(connection) });
  return migrated(new Kysely<Tables>({ dialect }), file);
}

/** The same on a thread of its own: `worker` runs `database-thread`. */
export async function openThreadedDatabase(file: string, worker: Worker): Promise<Database> {
  const thread = new DatabaseThread(worker);
  await thread.open(file);
  return migrated(new Kysely<Tables>({ dialect: new ThreadedDialect(thread) }), file);
}

async function migrated(database: Database, file: string): Promise<Database> {
  try {
    await migrate(database, file);
    return database;
  } catch (error) {
    await database.destroy();
    throw error;
  }
}

/** R14: the way back to the version before; a new database has nothing to go back to. */
async function backUpBefore(migrator: Migrator, database: Database, file: string): Promise<void> {
  const all = await migrator.getMigrations().catch(() => []);
  const done = all.filter(({ executedAt }) => executedAt !== undefined).length;
  if (done === 0 || done === all.length || basename(file) !== DATABASE_NAME) return;
  await makeBackup(database, dirname(file), Date.now()).catch((error: unknown) => {
    throw unusable(file, error);
  });
}

async function migrate(database: Database, file: string): Promise<void> {
  const provider = { getMigrations: async () => ({ ...MIGRATIONS }) };
  const migrator = new Migrator({ db: database, provider });
  await backUpBefore(migrator, database, file);
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
