import { expect, test } from "bun:test";
import type { CallRecord } from "../../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../../gateway/machine.ts";
import type { ConnectionId } from "../../../../schema/config.ts";
import { Records } from "../../../../schema/records.ts";
import { trunk } from "../../schema/opened.ts";
import { openClient } from "../client.ts";

test("OPS-05: a connection's history comes page by page; another's is 404", async () => {
  const client = await openClient();
  await client.asProgram("POST", "/api/v1/connections", { body: trunk() });
  const change = { connection: 1, aspect: "registration", state: "failed" } as const;
  await client.happenings.addChanges([
    { ...change, at: 1 as WallMillis, reason: "first" },
    { ...change, at: 2 as WallMillis, reason: "second" },
  ]);
  const path = "/api/v1/connections/1/history";
  const [newest] = (await (await client.asProgram("GET", `${path}?limit=1`)).json()) as {
    id: number;
    reason: string;
  }[];
  expect(newest?.reason).toBe("second");
  const rest = await client.asProgram("GET", `${path}?before=${newest?.id}`);
  expect(await rest.json()).toMatchObject([{ reason: "first", at: 1 }]);
  expect((await client.asProgram("GET", `${path}?limit=0`)).status).toBe(422);
  expect((await client.asProgram("GET", "/api/v1/connections/9/history")).status).toBe(404);
  await client.close();
});

test("LIM-05, OPS-08: the busiest moment, a limit a fifth above it, and the line for it", async () => {
  const client = await openClient();
  await client.asProgram("POST", "/api/v1/connections", { body: trunk() });
  const now = client.clock.now;
  const records = Array.from({ length: 10 }, (_, index): CallRecord => {
    // Five at once twice over: one that begins as another ends is no sixth.
    const started = (now - 100_000 + (index < 5 ? 0 : 50_000)) as WallMillis;
    return {
      id: String(index),
      direction: "outbound",
      caller: "a",
      callee: "b",
      connection: 1 as ConnectionId,
      started,
      ended: (started + 50_000) as WallMillis,
      status: 200,
      endedBy: "caller",
      reason: "",
    };
  });
  await new Records(client.database).add(records);
  const capacity = await client.asProgram("GET", "/api/v1/connections/1/capacity");
  expect(await capacity.json()).toEqual({
    peakCalls: 5,
    suggestedMaxCalls: 6,
    calls: 6,
    kilobitsPerSecond: 524,
    plannedKilobitsPerSecond: 1_048,
  });
  await client.close();
});

test("OPS-03: alerts, the test of the web hook and its new key are audited", async () => {
  const client = await openClient();
  const settings = { alerts: { webhook: "https://hook.example/x", silent: ["ban"] } };
  expect((await client.asProgram("PUT", "/api/v1/settings", { body: settings })).status).toBe(200);
  for (const webhook of ["ftp://a/", "https://u:p@a/", "nothing", "https://a/\nb"]) {
    const answer = await client.asProgram("PUT", "/api/v1/settings", {
      body: { alerts: { webhook } },
    });
    expect([webhook, answer.status]).toEqual([webhook, 422]);
  }
  client.operations.webhookFault = "the web hook answered 500";
  const test_ = await client.asProgram("POST", "/api/v1/alerts/test");
  expect(await test_.json()).toEqual({ sent: false, reason: "the web hook answered 500" });
  expect((await client.asProgram("POST", "/api/v1/alerts/secret")).status).toBe(201);
  const told = { rule: "capacity", subject: "a", text: "full" } as const;
  await client.happenings.addAlert({ ...told, change: "raised", at: 5 as WallMillis });
  const alerts = await client.asProgram("GET", "/api/v1/alerts");
  expect(await alerts.json()).toEqual([{ id: 1, ...told, raised: 5 }]);
  const audit = await client.asProgram("GET", "/api/v1/audit");
  const actions = ((await audit.json()) as { action: string }[]).map(({ action }) => action);
  expect(actions).toEqual(["web-hook-secret", "test-web-hook", "update"]);
  await client.close();
});

test("D4, D6: a backup on demand; readiness tells that nothing can be written, and stays ready", async () => {
  const client = await openClient();
  expect((await client.asProgram("POST", "/api/v1/backups")).status).toBe(201);
  const backups = await client.asProgram("GET", "/api/v1/backups");
  expect(await backups.json()).toMatchObject([
    { name: expect.stringMatching(/^jackfield-.*\.db$/) },
  ]);
  client.operations.canWrite = false;
  const ready = await client.raw("GET", "/readyz");
  expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining("degraded")]);
  const metrics = await client.asProgram("GET", "/metrics");
  expect(await metrics.text()).toContain("jackfield_storage_writable 0\n");
  await client.close();
});
