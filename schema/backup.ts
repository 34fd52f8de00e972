/**
 * Backups of the database: whole, and written beside it while it is in use. A backup has no secret in the clear but the users' digests, so
 * it is for nobody else's eyes (0600), and it is worth nothing without `secret.key`.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { BACKUP_DIRECTORY, backupName, backupsIn } from "./backup-files.ts";
import type { Database } from "./database.ts";
import { failpoint } from "./failpoint.ts";

/** D6: so many are kept; the oldest goes first. */
export const BACKUPS_KEPT = 7;

/** A backup in the making; `part.db` is what earlier releases called it. */
const PART_NAME = /^part(?:-[0-9a-f-]{36})?\.db$/;
/** No backup takes so long between two writes. */
const PART_AGE_MAX_MS = 3_600_000;

export interface Backup {
  readonly name: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly sizeBytes: number;
}

/** Oldest first. */
export function listBackups(directory: string): Backup[] {
  return backupsIn(directory).flatMap((name) => {
    try {
      const { size, mtimeMs } = statSync(join(directory, BACKUP_DIRECTORY, name));
      return [{ name, at: Math.round(mtimeMs), sizeBytes: size }];
    } catch {
      // Removed meanwhile.
      return [];
    }
  });
}

/**
 * Writes a backup and removes the oldest. It has its name only once it is whole and on the disk.
 * Rejects where it can't be written; then there is none of it.
 */
export async function makeBackup(
  database: Database,
  directory: string,
  at: number,
): Promise<string> {
  const folder = join(directory, BACKUP_DIRECTORY);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  dropStaleParts(folder);
  // A name of its own: two at once, of one process or of several, must not write into one file.
  const part = join(folder, `part-${crypto.randomUUID()}.db`);
  try {
    // The file takes the mode of what is there.
    closeSync(openSync(part, "wx", 0o600));
    await sql`vacuum into ${part}`.execute(database);
    chmodSync(part, 0o600);
    failpoint("backup:written");
    syncPath(part);
    const path = join(folder, backupName(at));
    renameSync(part, path);
    syncPath(folder);
    failpoint("backup:named");
    for (const old of backupsIn(directory).slice(0, -BACKUPS_KEPT))
      rmSync(join(folder, old), { force: true });
    return path;
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** What backups left behind that were cut short; one that is being written is younger. */
function dropStaleParts(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!PART_NAME.test(name)) continue;
    const file = join(folder, name);
    const { mtimeMs = Infinity } = statSync(file, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > PART_AGE_MAX_MS) rmSync(file, { force: true });
  }
}

/** What was written there is on the disk afterwards; a folder's names as well. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
