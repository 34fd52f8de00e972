/** The test of a connection by the API: who may, how often, of what, and what is kept of it. */
import { expect, test } from "bun:test";
import type { TestStep } from "../../../../gateway/b2bua/test-verdicts.ts";
import { verdictOf } from "../../../../gateway/b2bua/test-verdicts.ts";
import { openClient } from "../client.ts";

const DRAFT = { name: "New PBX", host: "pbx.example.com", username: "jack", password: "pw" };
const step = (name: TestStep["step"], verdict: TestStep["verdict"]) =>
  verdictOf(name, verdict, { tookMs: 3, facts: [] });

const post = (client: Awaited<ReturnType<typeof openClient>>, body: object) =>
  client.asProgram("POST", "/api/v1/connections/test", { body });

test("TST-01: a draft is tested unsaved, and its steps come as lines", async () => {
  const client = await openClient();
  client.gateway.testEvents = [{ begun: "dns" }, step("dns", "resolved"), { begun: "connect" }];
  const response = await post(client, DRAFT);
  expect(response.headers.get("Content-Type")).toBe("application/x-ndjson");
  const lines = (await response.text()).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(client.gateway.testEvents);
  expect(client.gateway.tested[0]).toMatchObject({ host: "pbx.example.com", password: "pw" });
  expect(client.gateway.applied).toEqual([]);
  // TST-03: its patterns are looked at beside the others'.
  expect(client.gateway.doubts).toEqual([{ isUnreachable: true, sentences: [] }]);
  client.clock.now += 2_000;
  await post(client, { ...DRAFT, patterns: [{ pattern: "^2d{2}$" }] });
  expect(client.gateway.doubts[1]).toMatchObject({ isUnreachable: false });
  expect(client.gateway.doubts[1]?.sentences[0]).toContain("^2d{2}$: ");
  await client.close();
});

test("W8: one in two seconds for each who asks, and each is in the audit", async () => {
  const client = await openClient();
  expect((await post(client, DRAFT)).status).toBe(200);
  const early = await post(client, DRAFT);
  expect([early.status, early.headers.get("Retry-After")]).toEqual([429, "2"]);
  client.clock.now += 2_000;
  expect((await post(client, DRAFT)).status).toBe(200);
  const entries = (await (await client.asProgram("GET", "/api/v1/audit")).json()) as unknown[];
  expect(JSON.stringify(entries)).toContain('"action":"test"');
  expect(JSON.stringify(entries).match(/"action":"test"/g)?.length).toBe(2);
  expect(JSON.stringify(entries)).not.toContain('"pw"');
  await client.close();
});

test("W8: a forbidden address is 422 with its field, and what is no host is not looked up", async () => {
  const client = await openClient();
  client.gateway.testEvents = [{ begun: "dns" }, step("dns", "forbidden-address")];
  const response = await post(client, { ...DRAFT, host: "localtest.me" });
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({ error: { problems: [{ path: "host" }] } });
  for (const host of ["http://127.0.0.1", "user@host", "a b", "host/path", ""]) {
    client.clock.now += 2_000;
    const { status } = await post(client, { ...DRAFT, host });
    expect([host, status]).toEqual([host, 422]);
  }
  expect(client.gateway.tested.length).toBe(1);
  await client.close();
});

test("W8: the stored password goes to the stored host alone", async () => {
  const client = await openClient();
  const { password: _, ...bare } = DRAFT;
  const saved = await client.asProgram("POST", "/api/v1/connections", {
    body: { ...DRAFT, patterns: [{ pattern: "." }] },
  });
  const { id } = (await saved.json()) as { id: number };
  await post(client, { ...bare, id });
  for (const other of [
    { host: "evil.example" },
    { port: 5_099 },
    { outboundProxy: { host: "evil.example" } },
    { furtherHosts: [{ host: "evil.example" }] },
    { transport: "tls", tls: { verify: "off" } },
  ]) {
    client.clock.now += 2_000;
    expect((await post(client, { ...bare, ...other, id })).status).toBe(200);
  }
  const passwords = client.gateway.tested.map(({ password }) => password);
  expect(passwords).toEqual(["pw", ...Array.from({ length: 5 }, () => undefined)]);
  client.clock.now += 2_000;
  expect((await post(client, { ...bare, id: 99 })).status).toBe(404);
  await client.close();
});
