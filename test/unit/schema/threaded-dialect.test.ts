/** The database on its own thread: the same store, and a main thread that never waits. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openConnection } from "../../../schema/connection.ts";
import { openThreadedDatabase } from "../../../schema/database.ts";
import { openSecrets } from "../../../schema/secrets.ts";
import { Store } from "../../../schema/store.ts";
import { ALICE, refusalOf } from "./opened.ts";

async function open() {
  const directory = mkdtempSync(join(tmpdir(), "thread-"));
  const file = join(directory, "jackfield.db");
  const database = await openThreadedDatabase(file, worker());
  const store = new Store({ database, secrets: openSecrets(directory, undefined), now: () => 1 });
  await store.prepare();
  const close = async () => {
    await database.destroy();
    rmSync(directory, { recursive: true });
  };
  return { directory, file, database, store, close };
}

function worker(): Worker {
  return new Worker(new URL("../../../gateway/database-worker.ts", import.meta.url));
}

test("the store is the same over the thread: changes, refusals, roll-back", async () => {
  const { store, database, close } = await open();
  const { id } = await store.saveUser(undefined, ALICE, "test");
  expect((await refusalOf(store.saveUser(undefined, ALICE, "test"))).status).toBe(409);
  expect((await refusalOf(store.saveUser(id, ALICE, "test", 7))).status).toBe(412);
  expect((await store.load()).users.map(({ name }) => name)).toEqual(["alice"]);
  expect(await database.selectFrom("audit").selectAll().execute()).toHaveLength(1);
  await close();
});

test("D5: while another program holds the database, the main thread goes on and the change is refused", async () => {
  const { store, file, close } = await open();
  const other = openConnection(file);
  other.exec("BEGIN EXCLUSIVE");
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 10);
  const changes = ["a", "b", "c"].map((name) => store.saveUser(undefined, { ...ALICE, name }, "t"));
  const results = await Promise.allSettled(changes);
  clearInterval(ticking);
  other.exec("COMMIT");
  other.close();
  for (const result of results) {
    expect(result.status === "rejected" && String(result.reason)).toMatch(/\b(?:locked|busy)\b/);
  }
  // Seconds of waiting on the main thread would have left one or two of them.
  expect(ticks).toBeGreaterThan(50);
  expect((await store.saveUser(undefined, ALICE, "test")).config.users).toHaveLength(1);
  await close();
}, 30_000);

test("what an operator can put right comes across as such", async () => {
  const directory = mkdtempSync(join(tmpdir(), "thread-"));
  const file = join(directory, "jackfield.db");
  writeFileSync(file, "a shopping list ".repeat(100));
  const thrown = await openThreadedDatabase(file, worker()).catch((error: Error) => error);
  expect([(thrown as Error).constructor.name, String(thrown)]).toEqual([
    "OperatorError",
    expect.stringContaining("no Jackfield database"),
  ]);
  rmSync(directory, { recursive: true });
});
