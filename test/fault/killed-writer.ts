/** A program that adds users until it is killed, and says each name once it is saved. */
import { join } from "node:path";
import { openDatabase } from "../../schema/database.ts";
import { openSecrets } from "../../schema/secrets.ts";
import { Store } from "../../schema/store.ts";

const [directory = "", prefix = ""] = process.argv.slice(2);
const database = await openDatabase(join(directory, "jackfield.db"));
const secrets = openSecrets(directory, undefined);
const store = new Store({ database, secrets, now: () => 0 });
await store.prepare();
for (let index = 0; ; index++) {
  const name = `${prefix}-${index}`;
  const user = { name, displayName: "", enabled: true, password: "password1" };
  await store.saveUser(undefined, user, "killed");
  process.stdout.write(`${name}\n`);
}
