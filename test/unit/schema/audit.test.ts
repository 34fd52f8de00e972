import { expect, test } from "bun:test";
import { sql } from "kysely";
import { Audit, fieldChanges } from "../../../schema/audit.ts";
import { ALICE, openStoreForTest, trunk } from "./opened.ts";

test("OPS-04: each change tells who, from where, when and which fields, before and after", async () => {
  const opened = await openStoreForTest(() => 42);
  const { store, database } = opened;
  const audit = new Audit({ database, now: () => 42 });
  const actor = { name: "administrator", source: "192.0.2.9" };
  const { id } = await store.saveConnection(undefined, trunk({ password: "canary-1" }), actor);
  await store.saveConnection(id, trunk({ weight: 5, password: "canary-2" }), "token ci");
  await store.remove("connection", id, actor);
  const entries = await audit.page({ limit: 10, kind: "connection", item: id });
  expect(entries.map(({ at, actor: who, source, action }) => [at, who, source, action])).toEqual([
    [42, "administrator", "192.0.2.9", "delete"],
    [42, "token ci", undefined, "update"],
    [42, "administrator", "192.0.2.9", "create"],
  ]);
  expect(entries[1]?.fields.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: "password", before: "(secret)", after: "(another secret)" },
    { path: "weight", before: 100, after: 5 },
  ]);
  expect(entries[0]?.name).toBe("Head office");
  expect(JSON.stringify(entries)).not.toContain("canary");
  await opened.close();
});

test("OPS-04: of a web hook the log has the host alone", async () => {
  const opened = await openStoreForTest();
  const audit = new Audit({ database: opened.database, now: () => 1 });
  const webhook = "https://hooks.example/services/canary?token=canary";
  await opened.store.saveSettings({ alerts: { webhook } }, "test");
  const text = JSON.stringify(await audit.page({ limit: 5 }));
  expect(text).toContain("https://hooks.example/…");
  expect(text).not.toContain("canary");
  await opened.close();
});

test("OPS-04: pages go on where the last one ended", async () => {
  const opened = await openStoreForTest();
  const audit = new Audit({ database: opened.database, now: () => 1 });
  for (const action of ["a", "b", "c"]) await audit.add("test", { action });
  const first = await audit.page({ limit: 2 });
  const rest = await audit.page({ limit: 2, before: first.at(-1)?.id });
  expect([...first, ...rest].map(({ action }) => action)).toEqual(["c", "b", "a"]);
  expect((await audit.page({ limit: 5, action: "b" })).map(({ id }) => id)).toEqual([2]);
  await opened.close();
});

test("D15: the log is append-only in the database itself", async () => {
  const opened = await openStoreForTest();
  await opened.store.saveUser(undefined, ALICE, "test");
  for (const statement of [sql`delete from audit`, sql`update audit set actor = 'nobody'`]) {
    const thrown = await statement.execute(opened.database).catch((error: Error) => error);
    expect(String(thrown)).toContain("append-only");
  }
  expect(await opened.database.selectFrom("audit").selectAll().execute()).toHaveLength(1);
  await opened.close();
});

test("what strangers cause is bounded by the hour", async () => {
  const opened = await openStoreForTest();
  let now = 0;
  const audit = new Audit({ database: opened.database, now: () => now });
  const rows = async () => (await audit.page({ limit: 500, action: "log-in-failed" })).length;
  for (let count = 0; count < 300; count++) {
    await audit.addBounded("stranger", { action: "log-in-failed" });
  }
  expect(await rows()).toBe(100);
  now += 3_600_001;
  await audit.addBounded("stranger", { action: "log-in-failed" });
  expect(await rows()).toBe(101);
  await opened.close();
});

test("fields that differ are told by path; a list as a whole", () => {
  const before = { name: "a", forward: { busy: "1" }, codecs: ["PCMA"], gone: 1 };
  const after = { name: "a", forward: { busy: "2" }, codecs: ["PCMA", "PCMU"] };
  expect(fieldChanges(before, after)).toEqual([
    { path: "forward.busy", before: "1", after: "2" },
    { path: "codecs", before: ["PCMA"], after: ["PCMA", "PCMU"] },
    { path: "gone", before: 1, after: undefined },
  ]);
});
