/** TST-08: what is said of a call that came in, by what the B2BUA tells of it. */
import { expect, test } from "bun:test";
import type { CallRecord } from "../../../gateway/b2bua/status.ts";
import { verdictOf } from "../../../gateway/b2bua/test-verdicts.ts";
import { ReceivedCalls } from "../../../gateway/io/received-calls.ts";

const IN = { id: "c1", direction: "inbound", connection: 3, answered: 5 } as unknown as CallRecord;
const heard = (...parties: string[]) => parties.map((party) => ({ party, received: {} }));

function waiting(comeMs = 1_000, talkMs = 1_000) {
  const calls = new ReceivedCalls({ now: () => 0, verdictOf, comeMs, talkMs });
  const verdicts: (string | undefined)[] = [];
  const abort = new AbortController();
  const tell: Parameters<ReceivedCalls["wait"]>[1] = (event) => {
    if (event.begun === undefined) verdicts.push(`${event.verdict} ${event.call}`);
  };
  return { calls, verdicts, abort, done: calls.wait(3, tell, abort.signal) };
}

test.each([
  [{ quality: heard("caller", "callee") }, "received-heard"],
  [{ quality: heard("caller") }, "received-one-way"],
  [{}, "received-unheard"],
  [{ answered: undefined }, "received-unanswered"],
])("TST-08: by its record %j it is %s", async (more, verdict) => {
  const { calls, verdicts, done } = waiting();
  // Others' calls, and calls that go out, are not waited for.
  calls.ended({ ...IN, id: "c0", connection: 4 } as unknown as CallRecord);
  calls.ended({ ...IN, id: "c0", direction: "outbound" });
  calls.saw(IN);
  calls.saw({ ...IN, id: "c2" });
  calls.ended({ ...IN, id: "c2" });
  calls.ended({ ...IN, ...more } as unknown as CallRecord);
  await done;
  expect(verdicts).toEqual(["came-in c1", `${verdict} c1`]);
});

test("TST-08: none that comes, one that goes on, and nobody who waits any more", async () => {
  const none = waiting(5);
  await none.done;
  expect(none.verdicts).toEqual(["none-came-in undefined"]);
  const long = waiting(1_000, 5);
  await expect(long.calls.wait(3, () => {}, long.abort.signal)).rejects.toThrow("already");
  long.calls.saw(IN);
  await long.done;
  expect(long.verdicts).toEqual(["came-in c1", "received-goes-on c1"]);
  const left = waiting();
  left.abort.abort();
  await left.done;
  expect(left.verdicts).toEqual([]);
});
