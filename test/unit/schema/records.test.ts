import { expect, test } from "bun:test";
import type { CallRecord } from "../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../gateway/machine.ts";
import { Records } from "../../../schema/records.ts";
import { openStoreForTest } from "./opened.ts";

function recordOf(index: number): CallRecord {
  return {
    id: `call-${index}`,
    direction: "outbound",
    caller: "alice",
    callee: "'; drop table call_record; --",
    started: index as WallMillis,
    ended: (index * 10) as WallMillis,
    status: 200,
    endedBy: "caller",
    reason: "hung up",
  };
}

test("records come newest first, page by page, as they went in", async () => {
  const opened = await openStoreForTest();
  const records = new Records(opened.database);
  for (const index of [3, 1, 2]) await records.add(recordOf(index));
  expect(await records.newest(2)).toEqual([recordOf(3), recordOf(2)]);
  expect(await records.newest(2, 20)).toEqual([recordOf(1)]);
  expect(await records.newest(0)).toHaveLength(1);
  await records.trim();
  expect(await records.newest(500)).toHaveLength(3);
  await opened.close();
});
