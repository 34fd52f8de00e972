/**
 * A new key for the secrets at rest: everything sealed is sealed anew in one transaction. The new key
 * is on the disk before, and takes the old one's place after; what stands in between is told at the
 * next start by which of the two opens the mark.
 */
import { OperatorError } from "../gateway/options.ts";
import { syncPath } from "./backup.ts";
import type { Database } from "./database.ts";
import { failpoint } from "./failpoint.ts";
import { adoptKey, discardKey, preparedKey, prepareKey, type Secrets } from "./secrets.ts";

/** A sealed text that tells which key the secrets are sealed with. */
const MARK = "secret-key-mark";

/**
 * Resolves with how many secrets were sealed anew. The gateway must not be running: `refuseRunning`
 * throws where it is, and is asked when nobody else can come any more. The prepared key is made,
 * taken and thrown away only under the database's lock, so that no other process takes it for one
 * that was left behind.
 */
export async function rotateKey(
  database: Database,
  directory: string,
  secrets: Secrets,
  refuseRunning: () => void = () => {},
): Promise<number> {
  const count = await database.transaction().execute(async (transaction) => {
    refuseRunning();
    if (preparedKey(directory)) {
      throw new OperatorError("another rotation of the key has just ended: run the command again");
    }
    const next = prepareKey(directory);
    try {
      failpoint("rotate:prepared");
      const sealed = await sealAnew(transaction, secrets, next);
      await writeMark(transaction, next);
      // Its name must outlive a power cut that the commit outlives.
      syncPath(directory);
      return sealed;
    } catch (error) {
      discardKey(directory);
      throw error;
    }
  });
  failpoint("rotate:sealed");
  await finishRotation(database, directory);
  failpoint("rotate:adopted");
  return count;
}

async function sealAnew(database: Database, secrets: Secrets, next: Secrets): Promise<number> {
  const rows = await database
    .selectFrom("connection")
    .select(["id", "password"])
    .where("password", "is not", null)
    .execute();
  for (const { id, password } of rows) {
    const sealed = next.seal(secrets.open(password ?? ""));
    await database
      .updateTable("connection")
      .set({ password: sealed })
      .where("id", "=", id)
      .execute();
  }
  const settings = await database
    .selectFrom("setting")
    .selectAll()
    .where("name", "like", "sealed-%")
    .execute();
  for (const { name, value } of settings) {
    const sealed = next.seal(secrets.open(value));
    await database.updateTable("setting").set({ value: sealed }).where("name", "=", name).execute();
  }
  return rows.length + settings.length;
}

/**
 * D2: a rotation that was cut short is finished, or undone where nothing was sealed anew yet. One
 * that another process is at is waited for: it holds the lock this looks under.
 */
export async function finishRotation(database: Database, directory: string): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    const next = preparedKey(directory);
    if (!next) return;
    const row = await transaction
      .selectFrom("setting")
      .select("value")
      .where("name", "=", MARK)
      .executeTakeFirst();
    if (row && isSealedBy(next, row.value)) adoptKey(directory);
    else discardKey(directory);
  });
}

function isSealedBy(secrets: Secrets, sealed: string): boolean {
  try {
    secrets.open(sealed);
    return true;
  } catch {
    return false;
  }
}

async function writeMark(database: Database, secrets: Secrets): Promise<void> {
  const value = secrets.seal("mark");
  await database
    .insertInto("setting")
    .values({ name: MARK, value })
    .onConflict((it) => it.column("name").doUpdateSet({ value }))
    .execute();
}
