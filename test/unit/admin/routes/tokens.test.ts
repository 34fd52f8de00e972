import { expect, test } from "bun:test";
import { openClient } from "../client.ts";

const PATH = "/api/v1/tokens";

test("a token is shown once, works, and no more once revoked", async () => {
  const client = await openClient();
  const made = await client.asProgram("POST", PATH, { body: { name: "ci" } });
  const { id, token } = (await made.json()) as { id: number; token: string };
  const headers = { Authorization: `Bearer ${token}` };
  expect((await client.raw("GET", "/api/v1/status", { headers })).status).toBe(200);
  const list = await (await client.asProgram("GET", PATH)).text();
  expect(list).toContain('"ci"');
  expect(list).not.toContain(token.slice(3));
  expect((await client.asProgram("DELETE", `${PATH}/${id}`)).status).toBe(204);
  expect((await client.raw("GET", "/api/v1/status", { headers })).status).toBe(401);
  await client.close();
});

test("a token needs a name that is one line", async () => {
  const client = await openClient();
  for (const name of ["", " ", "a\r\nb", "a\0b", "x".repeat(65), 7]) {
    const response = await client.asProgram("POST", PATH, { body: { name } });
    expect([name, response.status]).toEqual([name, 422]);
  }
  await client.close();
});

test("D14: a token that may only read changes nothing; one that expires is none afterwards", async () => {
  const client = await openClient();
  const make = async (body: object) => {
    const made = await client.asProgram("POST", PATH, { body });
    const { token } = (await made.json()) as { token: string };
    return { Authorization: `Bearer ${token}` };
  };
  const reader = await make({ name: "metrics", scope: "read" });
  expect((await client.raw("GET", "/api/v1/users", { headers: reader })).status).toBe(200);
  expect((await client.raw("GET", "/metrics", { headers: reader })).status).toBe(200);
  for (const [method, path] of [
    ["POST", "/api/v1/users"],
    ["PUT", "/api/v1/settings"],
    ["PATCH", "/api/v1/settings"],
    ["DELETE", "/api/v1/users/1"],
    ["POST", "/api/v1/tokens"],
    ["POST", "/api/v1/export"],
    ["POST", "/api/v1/import"],
  ] as const) {
    const answer = await client.raw(method, path, { headers: reader });
    expect([method, path, answer.status]).toEqual([method, path, 403]);
  }
  const short = await make({ name: "short", expires: client.clock.now + 1_000 });
  expect((await client.raw("GET", "/api/v1/status", { headers: short })).status).toBe(200);
  client.clock.now += 1_000;
  expect((await client.raw("GET", "/api/v1/status", { headers: short })).status).toBe(401);
  const past = await client.asProgram("POST", PATH, { body: { name: "past", expires: 1 } });
  expect(past.status).toBe(422);
  await client.close();
});
