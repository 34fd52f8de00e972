/**
 * Puts a backup back: only after it was opened, brought up to date and checked, and so that at every
 * moment there is one whole database in its place, the old one or the new.
 */
import { chmodSync, copyFileSync, existsSync, linkSync, renameSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { sql } from "kysely";
import { OperatorError } from "../gateway/options.ts";
import { syncPath } from "./backup.ts";
import { checkConfig } from "./check.ts";
import type { Config } from "./config.ts";
import { openDatabase } from "./database.ts";
import { failpoint } from "./failpoint.ts";
import { loadConfig } from "./load.ts";
import type { Secrets } from "./secrets.ts";

/**
 * Puts a backup in the database's place, after it was opened, brought up to date and checked. What
 * was there stays beside it, as `…before-restore`. The gateway must not be running. Throws an
 * `OperatorError` where the backup is not good; then nothing was changed.
 */
export async function restoreBackup(
  backup: string,
  file: string,
  secrets: Secrets,
): Promise<Config> {
  const part = `${file}.restoring`;
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${part}${suffix}`, { force: true });
  try {
    // `COPYFILE_EXCL` besides: a link planted there is not followed (W9).
    copyFileSync(backup, part, 1);
  } catch (error) {
    throw new OperatorError(`the backup ${backup} can't be read: ${(error as Error).message}`);
  }
  chmodSync(part, 0o600);
  let config: Config;
  try {
    config = await checkedDatabase(part, secrets);
  } catch (error) {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${part}${suffix}`, { force: true });
    throw error;
  }
  failpoint("restore:checked");
  syncPath(part);
  await setAside(file);
  failpoint("restore:aside");
  renameSync(part, file);
  syncPath(dirname(file));
  failpoint("restore:placed");
  return config;
}

/** Opens it as a start would, and looks at what is in it. */
async function checkedDatabase(file: string, secrets: Secrets): Promise<Config> {
  const database = await openDatabase(file);
  try {
    const tables = await sql<{
      name: string;
    }>`select name from sqlite_master where name = 'setting'`.execute(database);
    const config = await loadConfig(database, secrets);
    const { problems } = checkConfig(config);
    const [problem] = problems;
    if (tables.rows.length === 0 || config.revision === 0) {
      throw new OperatorError(`${basename(file)} holds no configuration`);
    }
    if (problem)
      throw new OperatorError(`in the backup ${problem.path} is wrong: ${problem.message}`);
    // Calls that were up then are over: nobody takes leave of their PBXs by a backup (R2).
    await database.deleteFrom("standing_call").execute();
    // Everything into the one file: it is moved alone.
    await sql`pragma wal_checkpoint(truncate)`.execute(database);
    return config;
  } finally {
    await database.destroy();
  }
}

/**
 * A write-ahead log must never lie beside another database than its own. A whole database takes its
 * own in; that of a damaged one is moved away first, so that at every moment `file` is either the
 * old database or the new one.
 */
async function setAside(file: string): Promise<void> {
  if (!existsSync(file)) return;
  try {
    const database = await openDatabase(file);
    await sql`pragma wal_checkpoint(truncate)`.execute(database);
    await database.destroy();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
  }
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(`${file}${suffix}`))
      renameSync(`${file}${suffix}`, `${file}.before-restore${suffix}`);
  }
  rmSync(`${file}.before-restore`, { force: true });
  linkSync(file, `${file}.before-restore`);
}
