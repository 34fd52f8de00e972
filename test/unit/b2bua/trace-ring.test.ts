/** The evidence has bounded room: the oldest makes place, first of those that are over. */
import { expect, test } from "bun:test";
import type { TracedParty } from "../../../gateway/b2bua/call-trace.ts";
import type { CallRecord } from "../../../gateway/b2bua/status.ts";
import { OpenTrace, TraceRing } from "../../../gateway/b2bua/trace-ring.ts";
import {
  TRACE_CALL_CHARACTERS_MAX,
  TRACE_CHARACTERS_MAX,
  TRACE_MESSAGES_MAX,
  TRACE_SAMPLE_CHARACTERS,
} from "../../../gateway/limits.ts";

const record = { id: "", status: 200 } as CallRecord;
const message = (text: string, at = 1) => ({ at, direction: "sent", party: 0, text }) as const;

function ringOf(callsMax: number) {
  const forgotten: string[] = [];
  const ring = new TraceRing(callsMax, ({ id }) => forgotten.push(id));
  const add = (id: string) => {
    const trace = new OpenTrace(id, 0);
    ring.add(trace);
    return trace;
  };
  return { ring, forgotten, add };
}

test("X2: past the number of calls the oldest goes, and one that runs after those that are over", () => {
  const { ring, forgotten, add } = ringOf(3);
  const [running, first] = [add("running"), add("first")];
  ring.end(first, record);
  ring.end(add("second"), record);
  add("third");
  expect(forgotten).toEqual(["first"]);
  expect(ring.get("running")).toBe(running);
  add("fourth");
  add("fifth");
  expect(forgotten).toEqual(["first", "second", "running"]);
  expect(ring.count).toBe(3);
});

test("X2: past the room of all calls the oldest goes", () => {
  const { ring, forgotten, add } = ringOf(10_000);
  const chunk = "x".repeat(TRACE_CALL_CHARACTERS_MAX / 2);
  const calls = (TRACE_CHARACTERS_MAX / TRACE_CALL_CHARACTERS_MAX) * 2 + 5;
  for (let index = 0; index < calls; index += 1) {
    const trace = add(`call ${index}`);
    ring.grow(trace, () => trace.message(message(`${index}${chunk.slice(8)}`)));
    ring.end(trace, record);
  }
  expect(forgotten.length).toBeGreaterThanOrEqual(4);
  expect(forgotten[0]).toBe("call 0");
  expect(ring.get(`call ${calls - 1}`)).toBeDefined();
});

test("X2: one call has its share; what comes then is counted, what repeats is counted too", () => {
  const trace = new OpenTrace("a", 0);
  for (let at = 0; at < 7; at += 1) trace.message(message("INVITE", at));
  expect(trace.view().messages).toMatchObject([{ text: "INVITE", repeats: 6, at: 0, lastAt: 6 }]);
  for (let index = 0; index < TRACE_MESSAGES_MAX + 50; index += 1) {
    trace.message(message(`INFO ${index}`));
  }
  expect(trace.view().messages.length).toBe(TRACE_MESSAGES_MAX);
  expect(trace.view().omitted).toBe(51);
});

test("X2: how a party's audio went is part of the call, and takes its room", () => {
  const { ring, add } = ringOf(3);
  const trace = add("call");
  const party = { role: "caller", kind: "softphone", name: "alice", callId: "a" } as TracedParty;
  trace.party(party);
  for (let at = 0; at < 1_000; at += 1) ring.grow(trace, () => trace.sample(0, { at }));
  const [shown] = trace.view().parties;
  expect(shown?.timeline?.length).toBeGreaterThan(30);
  expect(trace.size).toBe((shown?.timeline?.length ?? 0) * TRACE_SAMPLE_CHARACTERS);
});
