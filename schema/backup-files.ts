/** Where backups of the database are, and which of them is the newest. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Beside the database, in the data directory. */
export const BACKUP_DIRECTORY = "backups";
const BACKUP_NAME = /^jackfield-\d{8}T\d{6}Z(?:-\d+)?\.db$/;

/** `jackfield-20260101T023000Z.db`: names sort by age. `at` is the wall clock in milliseconds. */
export function backupName(at: number): string {
  const text = new Date(at)
    .toISOString()
    .replace(/[-:]/g, "")
    .replace(/\.\d+Z$/, "Z");
  return `jackfield-${text}.db`;
}

/** Whether a file of that name is a backup: nothing else is listed, restored or removed. */
export function isBackupName(name: string): boolean {
  return BACKUP_NAME.test(name);
}

/** The names of the backups of a data directory, oldest first; empty where there is none. */
export function backupsIn(directory: string): string[] {
  try {
    return readdirSync(join(directory, BACKUP_DIRECTORY)).filter(isBackupName).sort();
  } catch {
    return [];
  }
}

/** The path of the newest one. */
export function newestBackup(directory: string): string | undefined {
  const newest = backupsIn(directory).at(-1);
  return newest === undefined ? undefined : join(directory, BACKUP_DIRECTORY, newest);
}
