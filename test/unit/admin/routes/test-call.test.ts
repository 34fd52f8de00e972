/** Test calls by the API: who may, whom they may call, one at a time, and what is kept of each. */
import { expect, test } from "bun:test";
import { type TestStep, verdictOf } from "../../../../gateway/b2bua/test-verdicts.ts";
import type { ConnectionId } from "../../../../schema/config.ts";
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
  expect(client.gateway.testCalls).toEqual([{ connections: [id as ConnectionId], number: "*43" }]);
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
  expect(client.gateway.testCalls.at(-1)).toEqual({
    connections: [mate as ConnectionId],
    number: "1",
  });
  await client.close();
});

const DRAFT = { name: "New PBX", host: "pbx.example.com", username: "jack", password: "secret-pw" };
const callDraft = (client: Client, body: object) =>
  client.asProgram("POST", "/api/v1/connections/test-call", { body });

test("X3: a draft is called unsaved; its password is nowhere but in the call", async () => {
  const client = await openClient();
  client.gateway.testEvents = [
    { begun: "dns" },
    step("dns", "resolved"),
    { begun: "call" },
    step("call", "call-answered"),
    { begun: "talk" },
    step("talk", "hears-echo"),
  ];
  const response = await callDraft(client, { ...DRAFT, number: "*43" });
  expect([response.status, response.headers.get("Content-Type")]).toEqual([
    200,
    "application/x-ndjson",
  ]);
  const lines = (await response.text()).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(client.gateway.testEvents);
  expect(client.gateway.testCalls).toMatchObject([
    { number: "*43", draft: { host: "pbx.example.com", password: "secret-pw" } },
  ]);
  expect(client.gateway.applied).toEqual([]);
  expect((await client.store.load()).connections).toEqual([]);
  const audit = await (await client.asProgram("GET", "/api/v1/audit?action=test-call")).text();
  expect(JSON.parse(audit)).toMatchObject([{ after: { number: "*43", host: "pbx.example.com" } }]);
  expect(audit).not.toContain("secret-pw");
  await client.close();
});

test("X3, W8: a draft is guarded as its test is: pace, host, number, stored password, one at a time", async () => {
  const client = await openClient();
  const ask = async (body: object) => {
    client.clock.now += 2_000;
    return callDraft(client, { ...DRAFT, number: "1", ...body });
  };
  expect((await ask({})).status).toBe(200);
  // One in two seconds, whatever kind of test it is.
  const test = { body: DRAFT };
  const early = await client.asProgram("POST", "/api/v1/connections/test", test);
  expect([early.status, early.headers.get("Retry-After")]).toEqual([429, "2"]);
  for (const [wrong, field] of [
    [{ number: "112" }, "number"],
    [{ number: "1@evil.example" }, "number"],
    [{ host: "http://127.0.0.1" }, "host"],
    [{ patterns: [{ pattern: "(" }] }, "patterns[0].pattern"],
    [{ type: "inbound-registration", host: "" }, "type"],
  ] as const) {
    const refused = await ask(wrong);
    expect([field, refused.status]).toEqual([field, 422]);
    expect(await refused.json()).toMatchObject({ error: { problems: [{ path: field }] } });
  }
  client.gateway.testEvents = [{ begun: "dns" }, step("dns", "forbidden-address")];
  const forbidden = await ask({ host: "localtest.me" });
  expect(forbidden.status).toBe(422);
  expect(await forbidden.json()).toMatchObject({ error: { problems: [{ path: "host" }] } });
  client.gateway.testEvents = [];
  expect((await ask({ id: 99 })).status).toBe(404);

  const { password: stored, ...bare } = DRAFT;
  const id = await connect(client, "Saved", { ...bare, password: stored });
  const passwordOf = async (body: object) => {
    client.clock.now += 2_000;
    const more = { type: "outbound-trunk", allow: ["192.0.2.7"], number: "1", id };
    const response = await callDraft(client, { ...bare, ...more, ...body });
    expect([await response.text(), response.status]).toEqual(["", 200]);
    const plan = client.gateway.testCalls.at(-1);
    return plan && "draft" in plan ? plan.draft.password : "no draft";
  };
  expect(await passwordOf({})).toBe(stored);
  expect(await passwordOf({ host: "evil.example" })).toBeUndefined();

  const { promise, resolve } = Promise.withResolvers<void>();
  client.gateway.testing = promise;
  client.gateway.testEvents = [{ begun: "dns" }, step("dns", "resolved")];
  const first = await ask({});
  expect((await ask({})).status).toBe(409);
  expect((await call(client, id, { number: "1" })).status).toBe(409);
  resolve();
  await first.text();
  await client.close();
});
