import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { hashHex } from "../../../gateway/crypto.ts";
import type { UserId } from "../../../schema/config.ts";
import { scaled } from "../../rigs/scale.ts";
import { ALICE, openStoreForTest, refusalOf, trunk } from "./opened.ts";

test("what is saved is what is loaded", async () => {
  const opened = await openStoreForTest();
  const { store } = opened;
  const user = await store.saveUser(undefined, ALICE, "test");
  const input = trunk({
    port: 5070,
    transport: "tcp",
    outboundProxy: { host: "192.0.2.9", port: 5080 },
    username: "u",
    authId: "auth",
    password: "canary",
    fromUser: "f",
    fromDomain: "example.net",
    patterns: [{ pattern: "^2\\d{2}$", strip: 1, prepend: "+44" }],
    inboundUser: user.id as UserId,
    allowOutbound: false,
    enabled: false,
  });
  const saved = await store.saveConnection(undefined, input, "test");
  const config = await store.load();
  expect(config).toEqual(saved.config);
  expect(config.connections as unknown[]).toEqual([{ id: saved.id, ...input }]);
  expect(config.revision).toBe(2);
  await opened.close();
});

test("a user's password is kept as the digests of RFC 7616, bound to name and realm", async () => {
  const opened = await openStoreForTest();
  const { config } = await opened.store.saveUser(undefined, ALICE, "test");
  const text = "alice:jackfield:wonderland";
  expect(config.users[0]?.ha1).toEqual({
    md5: hashHex("md5", text),
    sha256: hashHex("sha256", text),
  });
  await opened.close();
});

test("a new name needs the password anew; another display name does not", async () => {
  const opened = await openStoreForTest();
  const { store } = opened;
  const { id, config } = await store.saveUser(undefined, ALICE, "test");
  const { password, ...rest } = ALICE;
  const renamed = await store.saveUser(id, { ...rest, displayName: "A." }, "test");
  expect(renamed.config.users[0]?.ha1).toEqual(config.users[0]?.ha1);
  const refused = await refusalOf(store.saveUser(id, { ...rest, name: "bob" }, "test"));
  expect(refused.problems.map(({ path }) => path)).toEqual(["password"]);
  expect((await store.saveUser(id, { ...rest, name: "bob", password }, "test")).id).toBe(id);
  await opened.close();
});

test("a short or absent password is refused", async () => {
  const opened = await openStoreForTest();
  const { password: _, ...rest } = ALICE;
  expect((await refusalOf(opened.store.saveUser(undefined, rest, "test"))).status).toBe(422);
  const short = { ...ALICE, password: "1234567" };
  expect((await refusalOf(opened.store.saveUser(undefined, short, "test"))).status).toBe(422);
  await opened.close();
});

test("a refused change leaves nothing behind", async () => {
  const opened = await openStoreForTest();
  const { store, database } = opened;
  const { id } = await store.saveConnection(undefined, trunk(), "test");
  const before = await store.load();
  const wrong = trunk({ name: "Other", host: "sip:pbx", allow: ["0.0.0.0/0"] });
  const refused = await refusalOf(store.saveConnection(undefined, wrong, "test"));
  expect(refused.status).toBe(422);
  expect(new Set(refused.problems.map(({ path }) => path))).toEqual(
    new Set(["host", "allow[0]", "allow"]),
  );
  await refusalOf(store.saveConnection(id, wrong, "test"));
  expect(await store.load()).toEqual(before);
  expect(await store.version("connection", id)).toBe(1);
  expect(await database.selectFrom("audit").selectAll().execute()).toHaveLength(1);
  await opened.close();
});

test("a taken name is 409", async () => {
  const opened = await openStoreForTest();
  await opened.store.saveUser(undefined, ALICE, "test");
  expect((await refusalOf(opened.store.saveUser(undefined, ALICE, "test"))).status).toBe(409);
  await opened.close();
});

test("a user calls ring at can't be deleted", async () => {
  const opened = await openStoreForTest();
  const { store } = opened;
  const { id } = await store.saveUser(undefined, ALICE, "test");
  await store.saveConnection(undefined, trunk({ inboundUser: id as UserId }), "test");
  const refused = await refusalOf(store.remove("user", id, "test"));
  expect(refused.problems).toEqual([
    { path: "connections[0].inboundUser", message: "there is no such user" },
  ]);
  expect((await store.load()).users).toHaveLength(1);
  await opened.close();
});

test("SEC-01, AMB-16: blocks are stored canonically, cleared host bits are told", async () => {
  const opened = await openStoreForTest();
  const allow = [
    "192.168.0.1/24",
    "192.168.1.0",
    "::ffff:10.0.0.1",
    "2001:DB8::/32",
    "10.0.0.0/255.0.0.0",
  ];
  const { config, warnings } = await opened.store.saveConnection(
    undefined,
    trunk({ allow }),
    "test",
  );
  expect(config.connections[0]?.allow).toEqual([
    "192.168.0.0/24",
    "192.168.1.0/32",
    "10.0.0.1/32",
    "2001:db8::/32",
    "10.0.0.0/8",
  ]);
  expect(warnings).toEqual([
    { path: "allow[0]", message: "192.168.0.1/24 was stored as 192.168.0.0/24" },
  ]);
  await opened.close();
});

test("D8: of writers that read the same version, one wins and all others are told", async () => {
  const opened = await openStoreForTest();
  const { store } = opened;
  const { id, version } = await store.saveConnection(undefined, trunk(), "test");
  const attempts = Array.from({ length: 50 }, (_, weight) =>
    store.saveConnection(id, trunk({ weight }), `writer ${weight}`, version),
  );
  const results = await Promise.allSettled(attempts);
  const won = results.filter((it) => it.status === "fulfilled");
  expect(won).toHaveLength(1);
  expect(won[0]?.value.version).toBe(version + 1);
  for (const it of results) {
    if (it.status === "rejected") expect(it.reason.status).toBe(412);
  }
  expect((await refusalOf(store.remove("connection", id, "test", version))).status).toBe(412);
  expect((await refusalOf(store.saveConnection(99, trunk(), "test"))).status).toBe(404);
  await opened.close();
});

test("D8: fifty who count up the same field, each over what it has read, miss nobody's step", async () => {
  const opened = await openStoreForTest();
  const { store } = opened;
  const { id } = await store.saveConnection(undefined, trunk({ weight: 0 }), "test");
  const edits = scaled("D8 edits", 10_000, 0.05);
  let [won, told] = [0, 0];
  const edit = async (writer: number) => {
    const version = await store.version("connection", id);
    const weight = (await store.load()).connections.find((it) => it.id === id)?.weight ?? 0;
    try {
      await store.saveConnection(id, trunk({ weight: weight + 1 }), `writer ${writer}`, version);
      won += 1;
    } catch (error) {
      expect((error as { status?: number }).status).toBe(412);
      told += 1;
    }
  };
  const writer = async (_: unknown, index: number) => {
    while (won + told < edits) await edit(index);
  };
  await Promise.all(Array.from({ length: 50 }, writer));
  console.log(`D8: ${won} edits are there, ${told} were told of another's`);
  expect((await store.load()).connections[0]?.weight).toBe(won);
  expect(Math.min(won, told)).toBeGreaterThan(0);
  await opened.close();
}, 120_000);

test("each change has an audit row that tells no secret", async () => {
  const opened = await openStoreForTest(() => 42);
  const { store, database } = opened;
  const { id } = await store.saveConnection(undefined, trunk({ password: "canary-1" }), "admin");
  await store.saveConnection(id, trunk({ weight: 7, password: "canary-2" }), "token ci");
  await store.remove("connection", id, "admin");
  const rows = await database.selectFrom("audit").selectAll().orderBy("id").execute();
  expect(
    rows.map(({ at, actor, action, kind, item }) => [at, actor, `${action} ${kind} ${item}`]),
  ).toEqual([
    [42, "admin", `create connection ${id}`],
    [42, "token ci", `update connection ${id}`],
    [42, "admin", `delete connection ${id}`],
  ]);
  expect(JSON.parse(rows[1]?.before ?? "").weight).toBe(100);
  expect(JSON.parse(rows[1]?.after ?? "").weight).toBe(7);
  expect([rows[0]?.before, rows[2]?.after]).toEqual([null, null]);
  expect(JSON.stringify(rows)).not.toContain("canary");
  await opened.close();
});

test("W11: no password is in any file of the data directory", async () => {
  const opened = await openStoreForTest();
  const { store, directory, database } = opened;
  const { id } = await store.saveConnection(undefined, trunk({ password: "CANARY-trunk" }), "test");
  await store.saveUser(undefined, { ...ALICE, password: "CANARY-user" }, "test");
  expect((await store.load()).connections[0]?.password).toBe("CANARY-trunk");
  const files = () => readdirSync(directory).map((name) => readFileSync(join(directory, name)));
  expect(files().filter((bytes) => bytes.includes("CANARY"))).toEqual([]);
  await store.remove("connection", id, "test");
  await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(database);
  expect(files().filter((bytes) => bytes.includes("CANARY"))).toEqual([]);
  // The search itself finds what is there.
  expect(files().some((bytes) => bytes.includes("alice"))).toBe(true);
  await opened.close();
});
