/** TST-08: when a connection is verified, for how long, and what undoes it. */
import { expect, test } from "bun:test";
import { changedWords, Verifications } from "../../../schema/verification.ts";
import { openStoreForTest, trunk } from "./opened.ts";

test("TST-08: a call each way verifies a connection, until it leads elsewhere", async () => {
  const { store, database, close } = await openStoreForTest();
  const verifications = new Verifications(database);
  const { id } = await store.saveConnection(undefined, trunk(), "test");
  expect(await verifications.of(id)).toEqual({});
  await verifications.heard(id, "placed", 100);
  expect(await verifications.of(id)).toEqual({ placedAt: 100 });
  await verifications.heard(id, "received", 200);
  const verified = { placedAt: 100, receivedAt: 200, verifiedAt: 200 };
  expect(await verifications.of(id)).toEqual(verified);
  // What calls don't depend on may change.
  await store.saveConnection(id, trunk({ name: "Renamed", weight: 7 }), "test");
  expect([...(await verifications.all())]).toEqual([[id, verified]]);
  for (const [changes, words] of [
    [{ host: "other.example" }, "host"],
    [{ transport: "tcp" }, "transport"],
    [{ nat: "no" }, "way out"],
    [{ username: "jack", password: "a-password" }, "credentials"],
    [{ username: "jack", password: "b-password" }, "credentials"],
    [{ username: "jack", host: "third.example", port: 5_070, transport: "udp" }, "host"],
  ] as const) {
    await verifications.heard(id, "placed", 300);
    await verifications.heard(id, "received", 300);
    const before = (await store.load()).connections[0];
    await store.saveConnection(id, trunk(changes), "test");
    const after = (await store.load()).connections[0];
    const all = before && after && changedWords(before, after);
    expect(all).toContain(words);
    expect(await verifications.of(id)).toEqual({ voidBecause: `its ${all} changed since` });
  }
  // Of a connection that is no more nothing is kept.
  await store.remove("connection", id, "test");
  await verifications.heard(id, "placed", 400);
  expect((await verifications.all()).size).toBe(0);
  await close();
});
