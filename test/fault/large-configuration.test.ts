/** D9: 5,000 connections and 20,000 users: the start is quick, and so is every save. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UserId } from "../../schema/config.ts";
import { openThreadedDatabase } from "../../schema/database.ts";
import { loadConfig } from "../../schema/load.ts";
import { openSecrets } from "../../schema/secrets.ts";
import { Store } from "../../schema/store.ts";
import { scaled } from "../rigs/scale.ts";
import { ALICE, trunk } from "../unit/schema/opened.ts";

test("D9: what a save takes does not grow with the configuration", async () => {
  const share = scaled("thousandths of D9's configuration", 1_000, 0.2) / 1_000;
  const [users, connections] = [Math.round(20_000 * share), Math.round(5_000 * share)];
  const directory = mkdtempSync(join(tmpdir(), "large-"));
  const worker = new Worker(new URL("../../gateway/database-worker.ts", import.meta.url));
  const database = await openThreadedDatabase(join(directory, "jackfield.db"), worker);
  const secrets = openSecrets(directory, undefined);
  const store = new Store({ database, secrets, now: () => 1 });
  await store.prepare();
  const small = await cost(store, "small");
  const made = await store.together("test", async (within) => {
    for (let index = 0; index < users; index++) {
      await within.saveUser(undefined, { ...ALICE, name: `user-${index}` }, "test");
    }
    for (let index = 0; index < connections; index++) {
      const patterns = [{ pattern: `^${index}\\d{3}$`, strip: 0, prepend: "" }];
      const inboundUser = (index + 2) as UserId;
      const input = trunk({ name: `trunk-${index}`, password: "secret", patterns, inboundUser });
      await within.saveConnection(undefined, input, "test");
    }
  });
  expect(made.problems).toEqual([]);
  const again = new Store({ database, secrets, now: () => 1 });
  const startedAt = performance.now();
  expect((await again.load()).users.length).toBe(users);
  const start = performance.now() - startedAt;
  await cost(again, "warm");
  const large = await cost(again, "large");
  console.log(
    `${users} users, ${connections} connections: start ${start.toFixed(0)} ms; ` +
      `a save ${small.toFixed(1)} ms when empty, ${large.toFixed(1)} ms now`,
  );
  // To load all of it once is what a start takes; a save must be far from that.
  expect(large).toBeLessThan(small + start / 3);
  // And it is still the whole that is checked: the same as read anew.
  expect(await again.load()).toEqual(await loadConfig(database, secrets));
  await database.destroy();
  rmSync(directory, { recursive: true });
}, 120_000);

/** How long one save takes, in milliseconds; the least of several. */
async function cost(store: Store, name: string): Promise<number> {
  const { id } = await store.saveUser(undefined, { ...ALICE, name }, "test");
  let least = Infinity;
  for (let round = 0; round < 8; round++) {
    const displayName = `${name} ${round}`;
    const startedAt = performance.now();
    await store.saveUser(id, { ...ALICE, name, displayName }, "test");
    least = Math.min(least, performance.now() - startedAt);
  }
  await store.remove("user", id, "test");
  return least;
}
