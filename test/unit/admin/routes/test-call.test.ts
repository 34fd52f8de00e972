/** Test calls by the API: who may, whom they may call, one at a time, and what is kept of each. */
import { expect, test } from "bun:test";
import { type TestStep, verdictOf } from "../../../../gateway/b2bua/test-verdicts.ts";
import { openClient } from "../client.ts";

type Client = Awaited<ReturnType<typeof openClient>>;
const TRUNK = { type: "outbound-trunk", allow: ["192.0.2.7"], patterns: [{ pattern: "." }] };
const step = (name: TestStep["step"], verdict: TestStep["verdict"]) =>
  verdictOf(name, verdict, { tookMs: 3, facts: [] });

async function connect(client: Client, name: string, more: object = {}): Promise<number> {
  const body = { ...TRUNK, name, host: "192.0.2.7", ...more };
  const saved = await client.asProgram("POST", "/api/v1/connections", { body });
  return ((await saved.json()) as { id: number }).id;
}

const call = (client: Client, id: number, body: object) =>
  client.asProgram("POST", `/api/v1/connections/${id}/test-call`, { body });

test("X3, TST-08: steps come as lines; how it went is in the history, who asked in the audit", async () => {
  const client = await openClient();
  const id = await connect(client, "Carrier");
  client.gateway.testEvents = [
    { begun: "call" },
    step("call", "call-answered"),
    { begun: "talk" },
    { ...step("talk", "hears-echo"), call: "c1" },
  ];
  const response = await call(client, id, { number: "*43" });
  expect(response.headers.get("Content-Type")).toBe("application/x-ndjson");
  const lines = (await response.text()).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(client.gateway.testEvents);
  expect(client.gateway.testCalls).toEqual([{ connections: [id], number: "*43" }] as never);
  const kept = async () =>
    (await client.happenings.changes(id, 1)).map(({ state, reason }) => [state, reason]);
  while ((await kept()).length === 0) await Bun.sleep(5);
  expect(await kept()).toEqual([
    ["passed", "Test call to *43: What was said came back: both ways are heard."],
  ]);
  expect(await client.happenings.passedAt(id)).toBe(client.clock.now);
  const audit = await (await client.asProgram("GET", "/api/v1/audit?action=test-call")).json();
  expect(audit).toMatchObject([{ name: "Carrier", after: { number: "*43" } }]);
  await client.close();
});

test("X3: what is unclear or fails has not passed", async () => {
  const client = await openClient();
  const id = await connect(client, "Carrier");
  for (const [verdict, state] of [
    ["hears-other", "unclear"],
    ["hears-nothing", "failed"],
  ] as const) {
    client.gateway.testEvents = [step("talk", verdict)];
    await (await call(client, id, { number: "250" })).text();
    while ((await client.happenings.changes(id, 1))[0]?.state !== state) await Bun.sleep(5);
  }
  // It was answered, and whoever asked went away before anything was heard.
  client.gateway.testEvents = [step("call", "call-answered")];
  await (await call(client, id, { number: "251" })).text();
  const newest = async () => (await client.happenings.changes(id, 1))[0];
  while (!(await newest())?.reason.includes("251")) await Bun.sleep(5);
  expect(await newest()).toMatchObject({ state: "unclear" });
  // A mistake of ours is no word about the PBX: it is in the log, and in the history without a verdict.
  const fault = new Error("the test phone: no codec");
  client.gateway.testEvents = [];
  client.gateway.testing = Promise.reject(fault);
  client.gateway.testing.catch(() => {});
  await (await call(client, id, { number: "252" })).text();
  while (!(await newest())?.reason.includes("252")) await Bun.sleep(5);
  expect(await newest()).toMatchObject({ state: "unclear" });
  expect(client.faults.splice(0)).toEqual([fault]);
  expect(await client.happenings.passedAt(id)).toBeUndefined();
  await client.close();
});

test("X3: one at a time, and never an emergency number, a user, or what is no number", async () => {
  const client = await openClient();
  const id = await connect(client, "Carrier");
  await client.asProgram("POST", "/api/v1/users", {
    body: { name: "bob", password: "bob-password" },
  });
  for (const number of ["112", "1-1-2", "bob", "", "a b", "x".repeat(65), "1@evil.example"]) {
    const refused = await call(client, id, { number });
    expect([number, refused.status]).toEqual([number, 422]);
  }
  expect((await call(client, 99, { number: "1" })).status).toBe(404);
  const { promise, resolve } = Promise.withResolvers<void>();
  client.gateway.testing = promise;
  const first = await call(client, id, { number: "1" });
  const second = await call(client, id, { number: "2" });
  expect([second.status, second.headers.get("Retry-After")]).toEqual([409, "15"]);
  resolve();
  await first.text();
  while ((await client.happenings.changes(id, 1)).length === 0) await Bun.sleep(5);
  expect((await call(client, id, { number: "3" })).status).toBe(200);
  await client.close();
});

test("TST-09: a drill goes by those that stand in; where nobody does, it is told", async () => {
  const client = await openClient();
  const group = { failoverGroup: { name: "out", strategy: "ordered" } };
  const id = await connect(client, "Carrier", group);
  expect((await call(client, id, { number: "1", drill: true })).status).toBe(422);
  const mate = await connect(client, "Backup", group);
  await (await call(client, id, { number: "1", drill: true })).text();
  expect(client.gateway.testCalls.at(-1)).toEqual({ connections: [mate], number: "1" });
  await client.close();
});
