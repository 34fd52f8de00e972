import { expect, test } from "bun:test";
import { ladderOf } from "../../../../admin/evidence/ladder.ts";
import { exchangesOf } from "../../../../admin/evidence/sdp-difference.ts";
import { traceText } from "../../../../admin/evidence/trace-text.ts";
import { hostileCall, sampleCall } from "../../../rigs/call-sample.ts";
import { PAYLOADS } from "../../../rigs/payloads.ts";

test("X2: the ladder has the caller on one side, the callee on the other, the gateway between", () => {
  const { trace } = sampleCall({ answer: 486, afterMs: 100 });
  if (!trace) throw new Error("there is no trace");
  const { columns, rows } = ladderOf(trace);
  expect(columns.map(({ name }) => name)).toEqual(["alice", "Jackfield", "PBX"]);
  expect(rows[0]).toMatchObject({ from: 0, to: 1, label: "INVITE", hasSdp: true, afterMs: 0 });
  expect(rows.find(({ from }) => from === 2)).toMatchObject({ to: 1 });
  expect(rows.filter(({ kind }) => kind === "failure").map(({ label }) => label)).toEqual([
    "486 Busy Here",
    "486 Busy Here",
  ]);
  const times = rows.map(({ at }) => at);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test("X2: what one description has and the other has not is marked", () => {
  const { trace } = sampleCall(undefined);
  if (!trace) throw new Error("there is no trace");
  const [phone, pbx] = exchangesOf(trace);
  expect([phone?.offeredByPeer, pbx?.offeredByPeer]).toEqual([true, false]);
  const marked = pbx?.answer.filter(({ isOnlyHere }) => isOnlyHere).map(({ text }) => text) ?? [];
  expect(marked.some((text) => text.startsWith("m=audio 4000"))).toBe(true);
  expect(pbx?.answer.find(({ text }) => text === "v=0")?.isOnlyHere).toBe(false);
});

test("X2, W12: the text tells why, what was decided and every message, and obeys nobody", () => {
  const { trace, ...report } = sampleCall({ answer: 404, afterMs: 10 });
  if (!trace) throw new Error("there is no trace");
  const text = traceText({ ...report, trace });
  expect(text).toContain("knows no number 250");
  expect(text).toContain("alice -> Jackfield");
  expect(text.match(/^INVITE sip:/gm)?.length).toBe(2);
  const escaped = {
    ...trace,
    decisions: [{ at: 0, about: "end", text: "\u001b[2J\u0007" }],
  } as const;
  expect(traceText({ ...report, trace: escaped })).not.toMatch(/[^\P{Cc}\n\t]/u);
  for (const payload of PAYLOADS) expect(traceText(hostileCall(payload))).toContain("hostile@");
});
