import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import type { StandingCall } from "../../../gateway/b2bua/standing.ts";
import { OperatorError } from "../../../gateway/options.ts";
import { BACKUPS_KEPT, listBackups, makeBackup } from "../../../schema/backup.ts";
import { openDatabase } from "../../../schema/database.ts";
import { Records } from "../../../schema/records.ts";
import { restoreBackup } from "../../../schema/restore.ts";
import { openSecrets } from "../../../schema/secrets.ts";
import { ALICE, openStoreForTest, trunk } from "./opened.ts";

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(OperatorError);
  return String(error?.message);
}

test("D6: seven backups are kept, the newest ones, and they are nobody else's", async () => {
  const opened = await openStoreForTest();
  await opened.store.saveUser(undefined, ALICE, "test");
  for (let day = 1; day <= 9; day++) {
    await makeBackup(opened.database, opened.directory, Date.UTC(2026, 0, day));
  }
  const names = listBackups(opened.directory).map(({ name }) => name);
  expect(names).toHaveLength(BACKUPS_KEPT);
  expect([names[0], names.at(-1)]).toEqual([
    "jackfield-20260103T000000Z.db",
    "jackfield-20260109T000000Z.db",
  ]);
  await opened.close();
});

test("D6: two backups at once are both whole, and only what was left behind long ago is swept away", async () => {
  const opened = await openStoreForTest();
  await opened.store.saveUser(undefined, ALICE, "test");
  const folder = join(opened.directory, "backups");
  mkdirSync(folder);
  const parts = ["part.db", `part-${crypto.randomUUID()}.db`, `part-${crypto.randomUUID()}.db`];
  for (const name of parts) writeFileSync(join(folder, name), "");
  const [left = "", alsoLeft = "", young = ""] = parts;
  for (const name of [left, alsoLeft]) utimesSync(join(folder, name), 0, 0);
  const days = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 2)];
  const backups = await Promise.all(
    days.map((day) => makeBackup(opened.database, opened.directory, day)),
  );
  for (const backup of backups) {
    const database = await openDatabase(backup);
    expect(await database.selectFrom("user").select("name").execute()).toEqual([{ name: "alice" }]);
    await database.destroy();
  }
  const names = readdirSync(folder).filter((name) => name.startsWith("part"));
  expect(names).toEqual([young]);
  await opened.close();
});

test("D6: a damaged, empty or lost database names the newest backup and is not written over", async () => {
  const opened = await openStoreForTest();
  await opened.store.saveUser(undefined, ALICE, "test");
  const backup = await makeBackup(opened.database, opened.directory, 0);
  await sql`pragma wal_checkpoint(truncate)`.execute(opened.database);
  await opened.database.destroy();
  const damages: [string, () => void][] = [
    ["damaged", () => writeFileSync(opened.file, readFileSync(opened.file).fill(0xa5, 100, 4_000))],
    ["empty", () => truncateSync(opened.file, 0)],
    ["a shopping list", () => writeFileSync(opened.file, "milk, eggs, butter. ".repeat(50))],
  ];
  for (const [what, damage] of damages) {
    damage();
    const before = readFileSync(opened.file);
    const message = await refusal(openDatabase(opened.file));
    expect([what, message]).toEqual([what, expect.stringContaining(`jackfield restore ${backup}`)]);
    expect(readFileSync(opened.file).equals(before)).toBe(true);
    await restoreBackup(backup, opened.file, opened.secrets);
    expect(readFileSync(`${opened.file}.before-restore`).equals(before)).toBe(true);
    const database = await openDatabase(opened.file);
    expect(await database.selectFrom("user").select("name").execute()).toEqual([{ name: "alice" }]);
    await database.destroy();
  }
});

test("D6, W9: what is no good backup is refused, and the database stays as it is", async () => {
  const opened = await openStoreForTest();
  await opened.store.saveConnection(undefined, trunk({ password: "secret-word" }), "test");
  const backup = await makeBackup(opened.database, opened.directory, 0);
  await opened.database.destroy();
  const before = readFileSync(opened.file);
  const other = join(opened.directory, "other");
  writeFileSync(join(opened.directory, "list.db"), "bread ".repeat(500));
  writeFileSync(join(opened.directory, "half.db"), readFileSync(backup).subarray(0, 9_000));
  writeFileSync(join(opened.directory, "empty.db"), "");
  const wrongs = ["list.db", "half.db", "empty.db", "missing.db"].map((it) =>
    join(opened.directory, it),
  );
  for (const wrong of wrongs) await refusal(restoreBackup(wrong, opened.file, opened.secrets));
  // A backup is worth nothing with another key.
  const message = await refusal(restoreBackup(backup, opened.file, openSecrets(other, undefined)));
  expect(message).toContain("secret.key");
  // Nobody makes us write where a planted link points.
  symlinkSync("/etc/hostname", `${opened.file}.restoring`);
  await restoreBackup(backup, opened.file, opened.secrets);
  expect(readFileSync(opened.file).equals(before)).toBe(false);
  expect(existsSync(`${opened.file}.restoring`)).toBe(false);
});

test("R2: calls that were up when a backup was made are none when it is put back", async () => {
  const opened = await openStoreForTest();
  await opened.store.saveUser(undefined, ALICE, "test");
  const standing = { call: { id: "c" }, dialogs: [] } as unknown as StandingCall;
  await new Records(opened.database).note([{ id: "c", standing }]);
  const backup = await makeBackup(opened.database, opened.directory, 0);
  await opened.database.destroy();
  await restoreBackup(backup, opened.file, opened.secrets);
  const restored = await openDatabase(opened.file);
  expect(await new Records(restored).standing()).toEqual([]);
  await restored.destroy();
});
