import { expect, test } from "bun:test";
import { metricsText } from "../../../admin/metrics.ts";
import type { ConnectionStatus } from "../../../gateway/b2bua/status.ts";
import { IDLE } from "./client.ts";

const connection = {
  id: 1,
  name: 'Head "office"\nevil 1',
  registration: "refreshing",
  reason: "",
  since: 0,
  callsNow: 3,
  reachability: { state: "ok", reason: "", since: 0, roundTripMs: 25 },
} as unknown as ConnectionStatus;

test("OPS-07: the state in Prometheus' text format, every line one sample or one comment", () => {
  const status = { ...IDLE, connections: [connection], droppedMessages: 4 };
  const raised = [{ rule: "trunk-down", subject: "a\\b" }];
  const text = metricsText({ status, raised, canWrite: true, memoryBytes: 5, cpuSeconds: 1.5 });
  const line =
    /^(?:# (?:HELP|TYPE) jackfield_\w+ .+|jackfield_\w+(?:\{(?:\w+="(?:[^"\\\n]|\\.)*",?)*\})? [\d.e+-]+)$/;
  for (const it of text.trimEnd().split("\n")) expect([it, line.test(it)]).toEqual([it, true]);
  const name = 'connection="Head \\"office\\"\\nevil 1"';
  expect(text).toContain(`jackfield_connection_round_trip_seconds{${name}} 0.025\n`);
  expect(text).toContain(`jackfield_connection_registered{${name}} 1\n`);
  expect(text).toContain(
    "# TYPE jackfield_sip_dropped_total counter\njackfield_sip_dropped_total 4\n",
  );
  expect(text).toContain('jackfield_alert{rule="trunk-down",subject="a\\\\b"} 1\n');
  expect(text).not.toContain("jackfield_calls{");
});
