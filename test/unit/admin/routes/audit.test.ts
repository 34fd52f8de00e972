import { expect, test } from "bun:test";
import type { AuditEntry } from "../../../../schema/audit-entry.ts";
import { ALICE } from "../../schema/opened.ts";
import { type Client, logIn, openClient } from "../client.ts";

const entries = async (client: Client, query = ""): Promise<AuditEntry[]> =>
  (await client.asProgram("GET", `/api/v1/audit${query}`)).json() as Promise<AuditEntry[]>;

test("OPS-04: an earlier state of a user is a change like any other, made again", async () => {
  const client = await openClient();
  const made = await client.asProgram("POST", "/api/v1/users", { body: ALICE });
  const { id } = (await made.json()) as { id: number };
  const { password: _, ...rest } = ALICE;
  const body = { ...rest, displayName: "Somebody else" };
  await client.asProgram("PUT", `/api/v1/users/${id}`, { body });
  const [update] = await entries(client, "?kind=user");
  expect(update?.fields).toEqual([
    { path: "displayName", before: "Alice", after: "Somebody else" },
  ]);
  const path = `/api/v1/audit/${update?.id}/restore`;
  expect((await client.asProgram("POST", path, { body: {} })).status).toBe(200);
  const user = await (await client.asProgram("GET", `/api/v1/users/${id}`)).json();
  expect(user).toMatchObject({ displayName: "Alice" });
  expect((await entries(client)).length).toBe(3);
  expect(client.gateway.applied).toHaveLength(3);
  await client.close();
});

test("OPS-04: who was deleted comes back with a password only, as a new one", async () => {
  const client = await openClient();
  await client.asProgram("POST", "/api/v1/users", { body: ALICE });
  await client.asProgram("DELETE", "/api/v1/users/1");
  const [deleted] = await entries(client);
  const path = `/api/v1/audit/${deleted?.id}/restore`;
  const refused = await client.asProgram("POST", path, { body: {} });
  expect(refused.status).toBe(422);
  expect(await refused.text()).toContain('"path":"password"');
  const restored = await client.asProgram("POST", path, { body: { password: "wonderland" } });
  expect(await restored.json()).toMatchObject({ id: 2 });
  const nothing = await client.asProgram("POST", path, { body: { state: "after" } });
  expect(nothing.status).toBe(422);
  await client.close();
});

test("OPS-04: log-ins, failed ones too, and tokens are in the log, with the address", async () => {
  const client = await openClient();
  await client.form("/login", { password: "wrong" }, "203.0.113.7");
  await logIn(client);
  const made = await client.asProgram("POST", "/api/v1/tokens", { body: { name: "ci" } });
  const { id } = (await made.json()) as { id: number };
  await client.asProgram("DELETE", `/api/v1/tokens/${id}`);
  const log = await entries(client);
  expect(log.map(({ action, source, kind, name }) => [action, source, kind, name])).toEqual([
    ["delete", "192.0.2.1", "token", "ci"],
    ["create", "192.0.2.1", "token", "ci"],
    ["log-in", "192.0.2.1", undefined, undefined],
    ["log-in-failed", "203.0.113.7", undefined, undefined],
  ]);
  await client.close();
});

test("the audit log refuses bounds that are none", async () => {
  const client = await openClient();
  for (const query of ["?limit=0", "?limit=501", "?before=x", "?item=-1"]) {
    expect((await client.asProgram("GET", `/api/v1/audit${query}`)).status).toBe(422);
  }
  expect((await client.asProgram("GET", "/api/v1/audit/77")).status).toBe(404);
  await client.close();
});

test("OPS-04, REG-08: a PBX that registered here comes back with a name and a password made anew", async () => {
  const client = await openClient();
  const body = { type: "inbound-registration", name: "Office", patterns: [{ pattern: "." }] };
  const made = await client.asProgram("POST", "/api/v1/connections", { body });
  expect(made.status).toBe(201);
  const { credentials } = (await made.json()) as { credentials: { username: string } };
  await client.asProgram("DELETE", "/api/v1/connections/1");
  const [deleted] = await entries(client);
  const path = `/api/v1/audit/${deleted?.id}/restore`;
  const restored = await client.asProgram("POST", path, { body: {} });
  expect(restored.status).toBe(200);
  const told = (await restored.json()) as { credentials: { username: string; password: string } };
  expect(told.credentials.username).not.toBe(credentials.username);
  expect(told.credentials.password.length).toBeGreaterThanOrEqual(24);
  await client.close();
});

test("OPS-04: settings go back with the web hook there is, where it is of the same host", async () => {
  const client = await openClient();
  const put = (webhook: string, capacityPercent: number) =>
    client.asProgram("PUT", "/api/v1/settings", { body: { alerts: { webhook, capacityPercent } } });
  const hook = () => client.gateway.applied.at(-1)?.settings?.alerts;
  await put("https://hooks.example/token", 70);
  await put("https://hooks.example/token", 90);
  const restore = async () => {
    const [, , ...rest] = await entries(client, "?kind=settings");
    const path = `/api/v1/audit/${rest.at(-1)?.id ?? (await entries(client)).at(-1)?.id}/restore`;
    return client.asProgram("POST", path, { body: { state: "after" } });
  };
  expect((await restore()).status).toBe(200);
  expect(hook()).toEqual({ webhook: "https://hooks.example/token", capacityPercent: 70 });
  await put("https://other.example/token", 90);
  expect((await restore()).status).toBe(200);
  expect(hook()).toEqual({ capacityPercent: 70 });
  await client.close();
});
