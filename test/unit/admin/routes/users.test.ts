import { expect, test } from "bun:test";
import type { BindingStatus } from "../../../../gateway/b2bua/status.ts";
import { IDLE, openClient } from "../client.ts";

const PATH = "/api/v1/users";
const ALICE = { name: "alice", displayName: "Alice Ames", password: "CANARY-password" };

test("a user is made, shown with its softphones, changed, renamed and deleted", async () => {
  const client = await openClient();
  const made = await client.asProgram("POST", PATH, { body: ALICE });
  expect([made.status, made.headers.get("etag")]).toEqual([201, '"1"']);
  const shown = { id: 1, name: "alice", displayName: "Alice Ames", enabled: true, online: 0 };
  expect(await made.json()).toEqual(shown);
  client.gateway.status = {
    ...IDLE,
    bindings: [{ user: 1 }, { user: 1 }, { user: 2 }] as BindingStatus[],
  };
  expect(await (await client.asProgram("GET", PATH)).json()).toEqual([{ ...shown, online: 2 }]);

  const patch = (body: object) => client.asProgram("PATCH", `${PATH}/1`, { body });
  expect(await (await patch({ enabled: false })).json()).toEqual({
    ...shown,
    enabled: false,
    online: 2,
  });
  expect((await patch({ name: "bob" })).status).toBe(422);
  expect((await patch({ name: "bob", password: "another one" })).status).toBe(200);
  const put = await client.asProgram("PUT", `${PATH}/1`, {
    body: { name: "bob", displayName: "Bob" },
  });
  expect([put.status, put.headers.get("etag")]).toEqual([200, '"4"']);
  expect(client.gateway.applied.at(-1)?.users[0]).toMatchObject({
    name: "bob",
    displayName: "Bob",
    enabled: true,
  });
  expect((await client.asProgram("DELETE", `${PATH}/1`)).status).toBe(204);
  expect((await client.asProgram("DELETE", `${PATH}/1`)).status).toBe(404);
  await client.close();
});

test("what is no user is refused field by field", async () => {
  const client = await openClient();
  const cases: [object, string, number][] = [
    [{ ...ALICE, name: "a b" }, "name", 422],
    [{ ...ALICE, name: "a\0b" }, "name", 422],
    [{ ...ALICE, name: "ünsal" }, "name", 422],
    [{ ...ALICE, name: "../../etc/passwd" }, "name", 422],
    [{ ...ALICE, displayName: "a\r\nb" }, "displayName", 422],
    [{ ...ALICE, password: "1234567" }, "password", 422],
    [{ name: "alice" }, "password", 422],
    [{ ...ALICE, enabled: "yes" }, "enabled", 422],
  ];
  for (const [body, path, status] of cases) {
    const response = await client.asProgram("POST", PATH, { body });
    const { error } = (await response.json()) as { error: { problems: { path: string }[] } };
    expect([body, response.status, error.problems[0]?.path]).toEqual([body, status, path]);
  }
  await client.asProgram("POST", PATH, { body: ALICE });
  expect((await client.asProgram("POST", PATH, { body: ALICE })).status).toBe(409);
  await client.close();
});

test("D8: two who edit the same user: the second is told", async () => {
  const client = await openClient();
  await client.asProgram("POST", PATH, { body: ALICE });
  const etag = (await client.asProgram("GET", `${PATH}/1`)).headers.get("etag") ?? "";
  const edits = ["first", "second"].map((displayName) =>
    client.asProgram("PATCH", `${PATH}/1`, {
      body: { displayName },
      headers: { "If-Match": etag },
    }),
  );
  const statuses = (await Promise.all(edits)).map(({ status }) => status);
  expect(statuses.sort()).toEqual([200, 412]);
  await client.close();
});

test("W11: neither the password nor its digests are in any answer", async () => {
  const client = await openClient();
  await client.asProgram("POST", PATH, { body: ALICE });
  const { md5, sha256 } = client.gateway.applied[0]?.users[0]?.ha1 ?? { md5: "-", sha256: "-" };
  for (const path of [PATH, `${PATH}/1`, "/", "/api/v1/status"]) {
    const text = await (await client.asProgram("GET", path)).text();
    for (const secret of ["CANARY", md5, sha256]) expect(text).not.toContain(secret);
  }
  await client.close();
});
