/** Call records are written some together, and none is lost without a word. */
import { expect, test } from "bun:test";
import type { CallRecord } from "../../../gateway/b2bua/status.ts";
import { RecordWriter } from "../../../gateway/io/record-writer.ts";

function rig(write: (ids: string[]) => void, atOnce = 1_000) {
  const log: unknown[] = [];
  const writer = new RecordWriter<CallRecord>({
    write: async (records) => write(records.map(({ id }) => id)),
    atOnce,
    log: (_level, event, fields) => void log.push([event, fields]),
  });
  const add = (...ids: string[]) => {
    for (const id of ids) writer.add({ id } as CallRecord);
  };
  return { writer, add, log };
}

test("records that come close together are one write, by themselves and in order", async () => {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const { add } = rig(resolve);
  add("a", "b", "c");
  expect(await promise).toEqual(["a", "b", "c"]);
});

test("no write is larger than it may be, and a flush leaves nothing", async () => {
  const writes: string[][] = [];
  const { writer, add } = rig((ids) => void writes.push(ids), 2);
  add("a", "b", "c");
  await writer.flush();
  await writer.flush();
  expect(writes).toEqual([["a", "b"], ["c"]]);
});

test("D4: what can't be written waits, in order, until it can; the last try is at the end", async () => {
  const writes: string[][] = [];
  let isFull = true;
  const { writer, add, log } = rig((ids) => {
    if (isFull) throw new Error("the disk is full");
    writes.push(ids);
  });
  add("a", "b");
  await writer.flush();
  add("c");
  await writer.flush();
  expect(log).toEqual([["records-wait", { count: 2, reason: "the disk is full" }]]);
  isFull = false;
  await writer.flush();
  expect(writes).toEqual([["a", "b", "c"]]);
  isFull = true;
  add("d");
  await writer.close();
  expect(log.at(-1)).toEqual([
    "records-lost",
    { count: 1, calls: "d", reason: "the gateway ends" },
  ]);
});
