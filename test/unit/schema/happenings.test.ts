import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { CallRecord } from "../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../gateway/machine.ts";
import type { ConnectionId, UserId } from "../../../schema/config.ts";
import { openDatabase } from "../../../schema/database.ts";
import { Happenings } from "../../../schema/happenings.ts";
import { Records } from "../../../schema/records.ts";
import { openStoreForTest, trunk } from "./opened.ts";

const DAY = 86_400_000;

test("OPS-05: the history of a connection is kept for ninety days and more, and not for ever", async () => {
  const opened = await openStoreForTest();
  const happenings = new Happenings(opened.database);
  const { id } = await opened.store.saveConnection(undefined, trunk(), "test");
  const now = 1_000 * DAY;
  const change = (daysAgo: number, connection = id) => ({
    connection,
    at: (now - daysAgo * DAY) as WallMillis,
    aspect: "registration" as const,
    state: "failed" as const,
    reason: `${daysAgo} days ago`,
  });
  // One of a connection that was deleted meanwhile harms nothing.
  await happenings.addChanges([change(120), change(91), change(3, 99), change(1)]);
  await happenings.trim(now);
  const reasons = (await happenings.changes(id, 10)).map(({ reason }) => reason);
  expect(reasons).toEqual(["1 days ago", "91 days ago"]);
  const [newest] = await happenings.changes(id, 1);
  const rest = await happenings.changes(id, 10, newest?.id);
  expect(rest.map(({ reason }) => reason)).toEqual(["91 days ago"]);
  await opened.store.remove("connection", id, "test");
  expect(await happenings.changes(id, 10)).toEqual([]);
  await opened.close();
});

test("TST-04: where a PBX last answered outlives a restart, and goes with its connection", async () => {
  const opened = await openStoreForTest();
  const { id } = await opened.store.saveConnection(undefined, trunk(), "test");
  const happenings = new Happenings(opened.database);
  const place = { host: "pbx.example.com", address: "192.0.2.50:5060" };
  await happenings.keepPlace(id, { ...place, address: "192.0.2.49:5060" });
  await happenings.keepPlace(id, place);
  // One of a connection that was deleted meanwhile harms nothing.
  await happenings.keepPlace(99, place);
  await opened.database.destroy();
  const database = await openDatabase(opened.file);
  const again = new Happenings(database);
  expect([...(await again.places())]).toEqual([[id as ConnectionId, place]]);
  await database.deleteFrom("connection").execute();
  expect((await again.places()).size).toBe(0);
  await database.destroy();
  rmSync(opened.directory, { recursive: true, force: true });
});

test("OPS-03: alerts are remembered with their end", async () => {
  const opened = await openStoreForTest();
  const happenings = new Happenings(opened.database);
  const told = { rule: "trunk-down", subject: "a", text: "a is down" } as const;
  await happenings.addAlert({ ...told, change: "raised", at: 1 as WallMillis });
  await happenings.addAlert({ ...told, change: "recovered", at: 5 as WallMillis });
  await happenings.addAlert({ ...told, change: "raised", at: 9 as WallMillis });
  expect(await happenings.alerts(10)).toEqual([
    { id: 2, ...told, raised: 9 },
    { id: 1, ...told, raised: 1, recovered: 5 },
  ]);
  await happenings.endAlerts(11);
  expect((await happenings.alerts(1))[0]?.recovered).toBe(11);
  await opened.close();
});

test("OPS-03: what is usual for a user comes from the call records of four weeks", async () => {
  const opened = await openStoreForTest();
  const now = 1_000 * DAY;
  const record = (id: number, at: number, minutes: number, callee: string): CallRecord => ({
    id: String(id),
    direction: "outbound",
    caller: "alice",
    callee,
    user: 7 as UserId,
    started: at as WallMillis,
    answered: at as WallMillis,
    ended: (at + minutes * 60_000) as WallMillis,
    status: 200,
    endedBy: "caller",
    reason: "hung up",
  });
  const records = [
    record(1, now - 40 * DAY, 900, "+5371234567"),
    record(2, now - 3 * DAY, 30, "+442079460000"),
    record(3, now - 3 * DAY + 20_000, 25, "0049301234567"),
    record(4, now - 2 * DAY, 40, "250"),
  ];
  await new Records(opened.database).add(records);
  const [habit] = await new Happenings(opened.database).habits(now);
  expect(habit).toMatchObject({ user: 7, minutesADay: 55, callsAMinute: 2 });
  expect([...(habit?.countries ?? [])].sort()).toEqual(["+44", "+49"]);
  await opened.close();
});
