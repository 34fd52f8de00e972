/** A rotation of the key beside other processes: whoever comes meanwhile waits, and loses nothing. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DATABASE_NAME, openThreadedDatabase } from "../../../schema/database.ts";
import { finishRotation, rotateKey } from "../../../schema/key-rotation.ts";
import { openSecrets } from "../../../schema/secrets.ts";
import { Store } from "../../../schema/store.ts";
import { trunk } from "./opened.ts";

const worker = new URL("../../../gateway/database-worker.ts", import.meta.url);
/** So many that a rotation takes a while. */
const NAMES = Array.from({ length: 40 }, (_, at) => `pbx-${at}`);

async function furnished() {
  const directory = mkdtempSync(join(tmpdir(), "rotation-"));
  const open = () => openThreadedDatabase(join(directory, DATABASE_NAME), new Worker(worker));
  const [first, second] = [await open(), await open()];
  const storeWith = (database = first) =>
    new Store({ database, secrets: openSecrets(directory, undefined), now: () => 1 });
  const store = storeWith();
  await store.prepare();
  await store.together("test", async (within) => {
    for (const name of NAMES) {
      await within.saveConnection(undefined, trunk({ name, password: `secret-${name}` }), "test");
    }
  });
  return {
    directory,
    first,
    second,
    passwords: async () =>
      (await storeWith().load()).connections.map(({ password }) => password).sort(),
    close: async () => {
      await first.destroy();
      await second.destroy();
      rmSync(directory, { recursive: true });
    },
  };
}

const PASSWORDS = NAMES.map((name) => `secret-${name}`).sort();

test("D2: a process that starts during a rotation of the key waits for it, and no secret is lost", async () => {
  const { directory, first, second, passwords, close } = await furnished();
  const before = readFileSync(join(directory, "secret.key"), "utf8");
  const rotation = rotateKey(first, directory, openSecrets(directory, undefined));
  let isOver = false;
  const over = rotation.finally(() => {
    isOver = true;
  });
  const isPrepared = () => existsSync(join(directory, "secret.key.next"));
  while (!isPrepared() && !isOver) await Bun.sleep(0);
  expect(isOver).toBe(false);
  await Promise.all([finishRotation(second, directory), over]);
  expect(await rotation).toBe(NAMES.length);
  expect(readFileSync(join(directory, "secret.key"), "utf8")).not.toBe(before);
  expect(await passwords()).toEqual(PASSWORDS);
  await close();
});

test("D2: of two rotations of the key at once the later is refused, and no secret is lost", async () => {
  const { directory, first, second, passwords, close } = await furnished();
  const outcomes = await Promise.allSettled(
    [first, second].map((it) => rotateKey(it, directory, openSecrets(directory, undefined))),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(readdirSync(directory)).not.toContain("secret.key.next");
  expect(await passwords()).toEqual(PASSWORDS);
  await close();
});

test("D2: a gateway that started meanwhile stops the rotation before a key is made", async () => {
  const { directory, first, passwords, close } = await furnished();
  const rotation = rotateKey(first, directory, openSecrets(directory, undefined), () => {
    throw new Error("a gateway runs");
  });
  expect(await rotation.catch((error: Error) => error.message)).toBe("a gateway runs");
  expect(readdirSync(directory)).not.toContain("secret.key.next");
  expect(await passwords()).toEqual(PASSWORDS);
  await close();
});
