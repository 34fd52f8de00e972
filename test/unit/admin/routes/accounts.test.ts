import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  type Client,
  cookieOf,
  logIn,
  makeAccount,
  ORIGIN,
  openClient,
  PASSWORD,
} from "../client.ts";

const PATH = "/api/v1/accounts";
const OTHER = "another long password";

let client: Client;
beforeAll(async () => {
  client = await openClient();
});
afterAll(() => client.close());

interface Shown {
  id: number;
  name: string;
  role: string;
  enabled: boolean;
}

const ask = async (method: string, path: string, body?: object, headers = {}) => {
  const response = await client.asProgram(method, path, {
    ...(body ? { body } : {}),
    headers,
  });
  const text = await response.text();
  const answer = text === "" ? {} : JSON.parse(text);
  return { status: response.status, etag: response.headers.get("etag"), answer, text };
};

/** With the log-in's cookie, as a page does. */
const asPerson = (cookie: string, method: string, path: string, body?: object) =>
  client.raw(method, path, {
    headers: { Cookie: cookie, Origin: ORIGIN, "Content-Type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

const statusOf = async (cookie: string) => (await asPerson(cookie, "GET", "/api/v1/status")).status;

test("an account is made, read, changed over its version, and deleted", async () => {
  const made = await ask("POST", PATH, { name: "Anna", role: "viewer", password: PASSWORD });
  expect([made.status, made.etag]).toEqual([201, '"1"']);
  const { id } = made.answer as Shown;
  expect(made.answer).toMatchObject({
    name: "Anna",
    role: "viewer",
    enabled: true,
    lastLogIn: null,
  });
  const read = await ask("GET", `${PATH}/${id}`);
  expect([read.status, read.etag, read.answer]).toEqual([200, '"1"', made.answer]);
  const patched = await ask("PATCH", `${PATH}/${id}`, { role: "operator" }, { "If-Match": '"1"' });
  expect([patched.status, patched.etag, patched.answer.role]).toEqual([200, '"2"', "operator"]);
  const stale = await ask("PATCH", `${PATH}/${id}`, { role: "admin" }, { "If-Match": '"1"' });
  expect(stale.status).toBe(412);
  const put = await ask("PUT", `${PATH}/${id}`, { name: "anna", role: "viewer", enabled: false });
  expect([put.status, put.answer]).toMatchObject([200, { name: "anna", enabled: false }]);
  const all = await ask("GET", PATH);
  expect((all.answer as Shown[]).map(({ name }) => name)).toEqual(["administrator", "anna"]);
  expect((await ask("DELETE", `${PATH}/${id}`, undefined, { "If-Match": '"1"' })).status).toBe(412);
  expect((await ask("DELETE", `${PATH}/${id}`)).status).toBe(204);
  expect((await ask("GET", `${PATH}/${id}`)).status).toBe(404);
  expect((await ask("DELETE", `${PATH}/${id}`)).status).toBe(404);
});

test("what is wrong with an account is said at its field", async () => {
  const right = { name: "ben", role: "viewer", password: PASSWORD };
  for (const [body, path, status] of [
    [{ ...right, name: "" }, "name", 422],
    [{ ...right, name: "token ci" }, "name", 422],
    [{ ...right, name: "console" }, "name", 422],
    [{ ...right, name: "-x" }, "name", 422],
    [{ ...right, name: "Administrator" }, "name", 409],
    [{ ...right, role: "root" }, "role", 422],
    [{ ...right, password: "elevenchars" }, "password", 422],
    [{ name: "ben", role: "viewer" }, "password", 422],
    [{ ...right, passwordHash: "x" }, "", 422],
  ] as const) {
    const refused = await ask("POST", PATH, body);
    expect([body, refused.status, refused.answer.error.problems[0].path]).toEqual([
      body,
      status,
      path,
    ]);
  }
});

test("the last admin who can log in is neither removed, switched off nor demoted", async () => {
  const id = (await client.accounts.proofOf("administrator"))?.account.id ?? 0;
  const spare = await makeAccount(client, "spare", "admin");
  await client.accounts.update(spare, { name: "spare", role: "admin", enabled: false }, "test");
  for (const [method, body] of [
    ["DELETE", undefined],
    ["PATCH", { enabled: false }],
    ["PATCH", { role: "operator" }],
  ] as const) {
    const refused = await ask(method, `${PATH}/${id}`, body);
    expect([method, refused.status, refused.answer.error.message]).toEqual([
      method,
      409,
      "administrator is the last admin who can log in: make another one first",
    ]);
  }
  expect(await client.accounts.one(id)).toMatchObject({ role: "admin", enabled: true, version: 1 });
  await client.accounts.update(spare, { name: "spare", role: "admin", enabled: true }, "test");
  const both = await Promise.all([
    ask("DELETE", `${PATH}/${id}`),
    ask("DELETE", `${PATH}/${spare}`),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
  if (!(await client.accounts.one(id))) {
    const admin = { name: "administrator", role: "admin", enabled: true } as const;
    await client.accounts.create({ ...admin, passwordHash: `hash of ${PASSWORD}` }, "test");
  }
  await ask("DELETE", `${PATH}/${spare}`);
});

test("W13: one's own password needs the old one, ends the other log-ins and renews this one", async () => {
  await makeAccount(client, "cleo", "viewer");
  const [here, elsewhere] = [await logIn(client, "cleo"), await logIn(client, "cleo")];
  const change = (oldPassword: string, password: string) =>
    asPerson(here, "POST", "/api/v1/account/password", { oldPassword, password });
  const wrong = await change("a wrong password", OTHER);
  expect([wrong.status, await wrong.text()]).toEqual([
    422,
    expect.stringContaining('"path":"oldPassword"'),
  ]);
  expect((await change(PASSWORD, "elevenchars")).status).toBe(422);
  expect([await statusOf(here), await statusOf(elsewhere)]).toEqual([200, 200]);
  const done = await change(PASSWORD, OTHER);
  const renewed = cookieOf(done);
  expect([done.status, renewed === here]).toEqual([204, false]);
  expect(await Promise.all([here, elsewhere, renewed].map(statusOf))).toEqual([401, 401, 200]);
  expect((await client.form("/login", { name: "cleo", password: PASSWORD })).status).toBe(401);
  expect((await client.form("/login", { name: "cleo", password: OTHER })).status).toBe(303);
});

test("W4: guesses at the old password are counted as log-ins are", async () => {
  await makeAccount(client, "dora", "viewer");
  const cookie = await logIn(client, "dora");
  const body = { oldPassword: "a wrong password", password: OTHER };
  for (let index = 0; index < 5; index++) {
    expect((await asPerson(cookie, "POST", "/api/v1/account/password", body)).status).toBe(422);
  }
  const refused = await asPerson(cookie, "POST", "/api/v1/account/password", body);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "900"]);
});

test("W13: an admin sets another's password, role and state, and that one's log-ins end", async () => {
  client.clock.now += 15 * 60_000;
  const id = await makeAccount(client, "emil", "operator");
  const admin = await logIn(client);
  for (const change of [{ password: OTHER }, { role: "viewer" }, { enabled: false }]) {
    await client.accounts.update(id, { name: "emil", role: "operator", enabled: true }, "test");
    const cookie = `jackfield=${await client.access.newSession(id)}`;
    expect(await statusOf(cookie)).toBe(200);
    const done = await asPerson(admin, "PATCH", `${PATH}/${id}`, change);
    expect([change, done.status, await statusOf(cookie)]).toEqual([change, 200, 401]);
  }
  expect((await client.form("/login", { name: "emil", password: OTHER })).status).toBe(401);
  expect(await statusOf(admin)).toBe(200);
  const own = (await client.accounts.proofOf("administrator"))?.account.id;
  const refused = await asPerson(admin, "PATCH", `${PATH}/${own}`, { password: OTHER });
  expect([refused.status, await refused.text()]).toEqual([
    422,
    expect.stringContaining("with the old one"),
  ]);
});

test("W11: the audit log tells who changed what, and no answer and no entry a password", async () => {
  const made = await ask("POST", PATH, { name: "fay", role: "admin", password: PASSWORD });
  const { id } = made.answer as Shown;
  await ask("PATCH", `${PATH}/${id}`, { role: "viewer", password: OTHER });
  await ask("DELETE", `${PATH}/${id}`);
  const log = await ask("GET", `/api/v1/audit?kind=account&item=${id}`);
  expect((log.answer as object[]).map((it) => ({ ...it, at: 0, id: 0 }))).toMatchObject([
    { action: "delete", actor: "token test", source: "192.0.2.1", name: "fay" },
    { action: "password-change", name: "fay" },
    { action: "update", fields: [{ path: "role", before: "admin", after: "viewer" }] },
    { action: "create", after: { name: "fay", role: "admin", enabled: true } },
  ]);
  const all = [made.text, (await ask("GET", PATH)).text, (await ask("GET", "/api/v1/audit")).text];
  for (const secret of [PASSWORD, OTHER, "hash of"]) {
    expect([secret, all.some((it) => it.includes(secret))]).toEqual([secret, false]);
  }
});

test("who asks is told who they are; a program has no password", async () => {
  const cookie = await logIn(client);
  const own = await asPerson(cookie, "GET", "/api/v1/account");
  expect(await own.json()).toMatchObject({
    id: expect.any(Number),
    name: "administrator",
    role: "admin",
  });
  expect((await ask("GET", "/api/v1/account")).answer).toEqual({
    name: "token test",
    role: "admin",
  });
  const body = { oldPassword: PASSWORD, password: OTHER };
  expect((await ask("POST", "/api/v1/account/password", body)).status).toBe(422);
});
