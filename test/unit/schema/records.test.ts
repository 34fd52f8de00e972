import { expect, test } from "bun:test";
import type { CallRecord, PartyQuality } from "../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../gateway/machine.ts";
import { type CallNote, RECORDS_AT_ONCE_MAX, Records } from "../../../schema/records.ts";
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
  await records.add([recordOf(3), recordOf(1)]);
  await records.add([recordOf(2)]);
  expect(await records.newest(2)).toEqual([recordOf(3), recordOf(2)]);
  expect(await records.newest(2, 20)).toEqual([recordOf(1)]);
  expect(await records.newest(0)).toHaveLength(1);
  await records.trim();
  expect(await records.newest(500)).toHaveLength(3);
  await opened.close();
});

test("how a call sounded is kept beside it, and goes with it", async () => {
  const opened = await openStoreForTest();
  const records = new Records(opened.database);
  const direction = {
    basis: "measured",
    lossNow: 0,
    loss: 0.0123,
    burstRatio: 1.5,
    jitterMs: 3.2,
    mosNow: 4.3,
    mos: 4.1,
    mosWorst: 2.9,
  } as const;
  const quality: PartyQuality[] = [
    { party: "caller", kind: "webrtc", codec: "opus", roundTripMs: 41, received: direction },
    {
      party: "callee",
      kind: "trunk",
      codec: "G722",
      received: direction,
      sent: { ...direction, basis: "estimated", mosWorst: 1.5 },
    },
  ];
  const [first, second] = [{ ...recordOf(1), quality }, recordOf(2)];
  await records.add([first, second]);
  expect(await records.newest(5)).toEqual([second, first]);
  await opened.database.deleteFrom("call_record").where("id", "=", first.id).execute();
  expect(await opened.database.selectFrom("call_quality").selectAll().execute()).toEqual([]);
  await opened.close();
});

test("as many at once as is said, all or none", async () => {
  const opened = await openStoreForTest();
  const records = new Records(opened.database);
  await records.add(Array.from({ length: RECORDS_AT_ONCE_MAX }, (_, index) => recordOf(index)));
  expect(await records.newest(500)).toHaveLength(RECORDS_AT_ONCE_MAX);
  const twice = records.add([recordOf(RECORDS_AT_ONCE_MAX), recordOf(1)]);
  await expect(twice).rejects.toThrow();
  const [newest] = await records.newest(1);
  expect(newest).toEqual(recordOf(RECORDS_AT_ONCE_MAX - 1));
  await opened.close();
});

test("R2: what stands of a call is its latest, until its record takes the place of it", async () => {
  const opened = await openStoreForTest();
  const records = new Records(opened.database);
  const standing = (id: string, caller: string): CallNote => {
    const { ended: _ended, status: _status, endedBy: _by, reason: _reason, ...call } = recordOf(1);
    return { id, standing: { call: { ...call, id, caller }, dialogs: [] } };
  };
  await records.note([standing("a", "alice"), standing("b", "bob"), standing("a", "anna")]);
  const callers = async () => (await records.standing()).map(({ call }) => call.caller).sort();
  expect(await callers()).toEqual(["anna", "bob"]);
  await records.note([standing("b", "ben")]);
  expect(await callers()).toEqual(["anna", "ben"]);
  // Over within one write, and over after it.
  const over = (id: string): CallNote => ({ id, record: { ...recordOf(1), id } });
  await records.note([standing("c", "carol"), over("c"), over("a")]);
  expect(await callers()).toEqual(["ben"]);
  expect(await records.newest(10)).toHaveLength(2);
  await opened.close();
});
