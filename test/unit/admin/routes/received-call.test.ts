/** TST-08 by the API: a call is waited for, and with a placed one it verifies the connection. */
import { expect, test } from "bun:test";
import { type TestStep, verdictOf } from "../../../../gateway/b2bua/test-verdicts.ts";
import { openClient } from "../client.ts";

type Client = Awaited<ReturnType<typeof openClient>>;
const TRUNK = { type: "outbound-trunk", name: "Carrier", allow: ["192.0.2.7"], host: "192.0.2.7" };
const step = (name: TestStep["step"], verdict: TestStep["verdict"]) =>
  verdictOf(name, verdict, { tookMs: 3, facts: [] });

const PASSED = [step("call", "call-answered"), step("talk", "hears-echo")];
const HEARD = [step("incoming", "came-in"), step("talk", "received-heard")];

async function connect(client: Client, more: object = {}): Promise<number> {
  const body = { ...TRUNK, patterns: [], ...more };
  const saved = await client.asProgram("POST", "/api/v1/connections", { body });
  return ((await saved.json()) as { id: number }).id;
}

const received = (client: Client, id: number) =>
  client.asProgram("POST", `/api/v1/connections/${id}/received-call`);

async function verificationOf(client: Client, id: number) {
  const shown = await (await client.asProgram("GET", `/api/v1/connections/${id}`)).json();
  return (shown as { verification?: object }).verification;
}

test("TST-08: a call each way makes it verified; another host makes it void, and both say so", async () => {
  const client = await openClient();
  const id = await connect(client);
  const until = async (count: number) => {
    while ((await client.happenings.changes(id, 9)).length < count) await Bun.sleep(5);
    await Bun.sleep(20);
  };
  expect(await verificationOf(client, id)).toBeUndefined();
  client.gateway.testEvents = HEARD;
  const response = await received(client, id);
  expect(response.headers.get("Content-Type")).toBe("application/x-ndjson");
  await response.text();
  await until(1);
  const receivedAt = client.clock.now;
  expect(await verificationOf(client, id)).toEqual({ receivedAt });
  client.clock.now += 60_000;
  client.gateway.testEvents = PASSED;
  const call = { body: { number: "*43" } };
  await (await client.asProgram("POST", `/api/v1/connections/${id}/test-call`, call)).text();
  await until(2);
  const placedAt = client.clock.now;
  const verified = { placedAt, receivedAt, verifiedAt: placedAt };
  expect(await verificationOf(client, id)).toEqual(verified);
  expect(client.gateway.awaited).toEqual([id]);
  const history = await client.happenings.changes(id, 9);
  expect(history.map(({ aspect, state }) => [aspect, state])).toEqual([
    ["test-call", "passed"],
    ["received-call", "passed"],
  ]);
  const audit = await (await client.asProgram("GET", "/api/v1/audit?action=received-call")).json();
  expect(audit).toMatchObject([{ name: "Carrier" }]);
  const list = await (await client.asProgram("GET", "/api/v1/connections")).json();
  expect(list).toMatchObject([{ verification: verified }]);
  const body = { host: "192.0.2.8" };
  const headers = { "Content-Type": "application/merge-patch+json" };
  await client.asProgram("PATCH", `/api/v1/connections/${id}`, { body, headers });
  expect(await verificationOf(client, id)).toEqual({ voidBecause: "its host changed since" });
  await client.close();
});

test("TST-08: what only came in verifies nothing, and a host changed meanwhile was not heard", async () => {
  const client = await openClient();
  const id = await connect(client);
  const newest = async () => (await client.happenings.changes(id, 1))[0];
  for (const [verdict, state] of [
    ["received-unanswered", "unclear"],
    ["received-one-way", "failed"],
  ] as const) {
    client.gateway.testEvents = [step("incoming", "came-in"), step("talk", verdict)];
    await (await received(client, id)).text();
    while ((await newest())?.state !== state) await Bun.sleep(5);
  }
  client.gateway.testEvents = HEARD;
  const { promise, resolve } = Promise.withResolvers<void>();
  client.gateway.testing = promise;
  const pending = await received(client, id);
  const second = await received(client, id);
  expect([second.status, second.headers.get("Retry-After")]).toEqual([409, "60"]);
  const body = { ...TRUNK, host: "192.0.2.8" };
  await client.asProgram("PUT", `/api/v1/connections/${id}`, { body });
  resolve();
  await pending.text();
  while ((await newest())?.state !== "passed") await Bun.sleep(5);
  await Bun.sleep(20);
  expect(await verificationOf(client, id)).toBeUndefined();
  // Who goes away before anything came is told nothing, and nothing is kept.
  expect((await received(client, 99)).status).toBe(404);
  const closed = await connect(client, { name: "Closed", allowInbound: false });
  const refused = await received(client, closed);
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ error: { problems: [{ path: "allowInbound" }] } });
  await client.close();
});
