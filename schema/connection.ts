/**
 * The one connection to the file: opens it safely and says in one line what an operator can do where
 * that fails. It is used on the thread it is opened on, the main one or the database's own.
 */
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Libsql from "libsql";
import { OperatorError } from "../gateway/options.ts";
import { newestBackup } from "./backup-files.ts";

/** libSQL's own defaults lose acknowledged writes or fail at the first second writer (D1, D5). */
const PRAGMAS = [
  "journal_mode = WAL",
  "synchronous = FULL",
  // With the wait for the connection it stays below the five seconds an answer may take.
  "busy_timeout = 2000",
  "foreign_keys = ON",
];

/** Throws an `OperatorError` where the file can't be used; a file that is there stays as it is. */
export function openConnection(file: string): Libsql.Database {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    refuseLostDatabase(file);
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

/** D6: an empty file, or none, where there are backups is a database that was lost, not a new one. */
function refuseLostDatabase(file: string): void {
  const isEmpty = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0;
  if (isEmpty && newestBackup(dirname(file)) !== undefined)
    throw new Error("malformed: it is empty");
}

/** What is the matter with the file, and what to do about it. */
export function unusable(file: string, error: unknown): OperatorError {
  const message = error instanceof Error ? error.message : String(error);
  const advice = /not a database|encrypted/.test(message)
    ? `it is no Jackfield database; move it away or give another directory with --data${backupAdvice(file)}`
    : /malformed|corrupt|disk I\/O/.test(message)
      ? `it is damaged; put a backup in its place${backupAdvice(file)}`
      : /locked|busy/.test(message)
        ? "another program holds it; is another Jackfield running on it?"
        : "check that the directory exists and may be written";
  return new OperatorError(`the database ${file} can't be opened (${message}): ${advice}`);
}

/** D6: names the backup to go back to; nothing is put in place by itself. */
function backupAdvice(file: string): string {
  const newest = newestBackup(dirname(file));
  return newest === undefined ? "" : `: jackfield restore ${newest}`;
}
