/** Invitations by the API and by their link: what each says, and what attackers get. */
import { expect, test } from "bun:test";
import { digestsOf } from "../../../../schema/credentials.ts";
import { ALICE } from "../../schema/opened.ts";
import { type Client, ORIGIN, openClient } from "../client.ts";

const PATH = "/api/v1/users/1/invitation";
const FORM = { "Content-Type": "application/x-www-form-urlencoded", Origin: ORIGIN };

async function withAlice(): Promise<Client> {
  const client = await openClient();
  await client.asProgram("POST", "/api/v1/users", { body: ALICE });
  return client;
}

async function invite(client: Client, body: object = {}): Promise<string> {
  const answer = await client.asProgram("POST", PATH, { body });
  expect(answer.status).toBe(201);
  return new URL(((await answer.json()) as { url: string }).url).pathname;
}

const open = (client: Client, path: string, more: Record<string, string> = {}) =>
  client.raw("POST", path, { headers: { ...FORM, ...more }, body: "" });

test("whoever follows the link is told a new password once; the old one is worth nothing", async () => {
  const client = await withAlice();
  const before = client.gateway.applied.at(-1)?.users[0]?.ha1;
  const path = await invite(client);
  // Mail programs and messengers look at links.
  for (let look = 0; look < 3; look++) {
    const seen = await client.raw("GET", path);
    expect([seen.status, (await seen.text()).includes("A telephone for Alice")]).toEqual([
      200,
      true,
    ]);
  }
  expect(client.gateway.applied.at(-1)?.users[0]?.ha1).toEqual(before);
  const answer = await open(client, path, { Accept: "application/json" });
  expect([answer.status, answer.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
  const settings = (await answer.json()) as { user: string; password: string };
  expect(settings).toMatchObject({
    user: "alice",
    uri: "sip:alice@admin.example",
    server: "wss://admin.example/sip",
  });
  const { realm, users } = await client.store.load();
  const digests = digestsOf({ username: "alice", password: settings.password }, realm);
  expect(users[0]?.ha1).toEqual({ md5: digests.ha1_md5, sha256: digests.ha1_sha256 });
  expect(users[0]).toMatchObject({ displayName: "Alice", enabled: true });
  expect(client.gateway.applied.at(-1)?.users[0]?.ha1).toEqual(users[0]?.ha1 as never);
  for (const method of ["GET", "POST"]) {
    const again = await client.raw(method, path, { headers: FORM });
    expect([method, again.status]).toEqual([method, 404]);
  }
  const log = JSON.stringify(await (await client.asProgram("GET", "/api/v1/audit")).json());
  for (const word of ['"invite"', '"invited"', "the invitation of alice"])
    expect(log).toContain(word);
  expect(log).not.toContain(settings.password);
  expect(log).not.toContain(path.split("/").at(-1));
  await client.close();
});

test("it is told of until it is used, is revoked, and ends by its time", async () => {
  const client = await withAlice();
  expect((await client.asProgram("GET", PATH)).status).toBe(204);
  await invite(client, { hours: 2 });
  const shown = await (await client.asProgram("GET", PATH)).json();
  expect(shown).toEqual({
    created: client.clock.now,
    expires: client.clock.now + 7_200_000,
    by: "token test",
  });
  expect((await client.asProgram("DELETE", PATH)).status).toBe(204);
  expect((await client.asProgram("DELETE", PATH)).status).toBe(404);
  const late = await invite(client, { hours: 1 });
  client.clock.now += 3_600_000;
  expect((await open(client, late)).status).toBe(404);
  for (const hours of [0, 169, 1.5, "x"]) {
    expect((await client.asProgram("POST", PATH, { body: { hours } })).status).toBe(422);
  }
  const nobody = "/api/v1/users/9/invitation";
  expect((await client.asProgram("POST", nobody, { body: {} })).status).toBe(404);
  await client.close();
});

test("who is switched off is not invited, and an invitation of before is worth nothing", async () => {
  const client = await withAlice();
  const path = await invite(client);
  await client.asProgram("PATCH", "/api/v1/users/1", { body: { enabled: false } });
  expect((await client.raw("GET", path)).status).toBe(404);
  expect((await open(client, path)).status).toBe(404);
  expect((await client.asProgram("POST", PATH, { body: {} })).status).toBe(422);
  await client.close();
});

test("W2, W4: a foreign page can't use it up, and who guesses waits", async () => {
  const client = await withAlice();
  const path = await invite(client);
  const foreign = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
  expect((await open(client, path, foreign)).status).toBe(403);
  const guess = (from: string) => client.raw("GET", `/invitation/${"0".repeat(64)}`, { from });
  for (let count = 0; count < 20; count++) expect((await guess("203.0.113.9")).status).toBe(404);
  const waits = await guess("203.0.113.9");
  expect([waits.status, waits.headers.get("Retry-After")]).toEqual([429, "900"]);
  expect((await client.raw("GET", path, { from: "203.0.113.9" })).status).toBe(429);
  // Whoever it was meant for is elsewhere.
  expect((await client.raw("GET", path)).status).toBe(200);
  await client.close();
});
