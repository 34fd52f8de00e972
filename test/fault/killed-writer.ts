/**
 * A program that adds users until it is killed, or so many, and says each name once it is saved. With
 * a last argument the database's `synchronous` is that instead of what the gateway wants.
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { openDatabase } from "../../schema/database.ts";
import { openSecrets } from "../../schema/secrets.ts";
import { Store } from "../../schema/store.ts";

const [directory = "", prefix = "", count = "Infinity", synchronous] = process.argv.slice(2);
const database = await openDatabase(join(directory, "jackfield.db"));
const secrets = openSecrets(directory, undefined);
const store = new Store({ database, secrets, now: () => 0 });
await store.prepare();
if (synchronous !== undefined)
  await sql`pragma synchronous = ${sql.raw(synchronous)}`.execute(database);
for (let index = 0; index < Number(count); index++) {
  const name = `${prefix}-${index}`;
  const user = { name, displayName: "", enabled: true, password: "password1" };
  await store.saveUser(undefined, user, "killed");
  writeSync(1, `${name}\n`);
}
