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
