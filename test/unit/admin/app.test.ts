import { expect, test } from "bun:test";
import { PERMISSIONS } from "../../../admin/permissions.ts";
import { NulInText } from "../../../schema/driver.ts";
import { suffices } from "../../../schema/roles.ts";
import { logIn, makeAccount, ORIGIN, openClient } from "./client.ts";

const routes = Object.entries(PERMISSIONS).map(([route, needed]) => {
  const [method = "", path = ""] = route.split(" ");
  return {
    route,
    method,
    path: path.replace(":id", "99"),
    needed,
    isClosed: needed !== "everybody",
  };
});

test("W3: every route has a row in the table, every row a route", async () => {
  const client = await openClient();
  const there = client.app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`);
  expect([...new Set(there)].sort()).toEqual(Object.keys(PERMISSIONS).sort());
  await client.close();
});

/** What the table may say at most, said once more by people: all other changes are an admin's. */
const OPEN_TO_ALL = [
  "GET /healthz",
  "GET /readyz",
  "GET /phone",
  "GET /assets/:version/:name",
  "GET /favicon.ico",
  "GET /setup",
  "POST /setup",
  "GET /invitation/:token",
  "GET /login",
  "POST /invitation/:token",
  "POST /login",
];
const CHANGES_OF_VIEWERS = ["POST /logout", "POST /api/v1/account/password"];
const TRIALS_OF_VIEWERS = ["POST /api/v1/dial-plan/try"];
const CHANGES_OF_OPERATORS = [
  "DELETE /api/v1/calls/:id",
  "POST /api/v1/calls/:id/transfer",
  "DELETE /api/v1/bans/:source",
  "POST /api/v1/connections/:id/test-call",
  "POST /api/v1/connections/test-call",
  "POST /api/v1/connections/:id/received-call",
  "POST /api/v1/connections/check",
  "POST /api/v1/connections/test",
  "POST /api/v1/alerts/test",
];
/** What tells numbers, traces, addresses and accounts, or everything at once. */
const NOT_FOR_VIEWERS =
  /\/(?:audit|accounts|tokens|backups|export|refused|ladder|text|pcap|csv)\b|\/calls\/:id/;

test("W3: viewers change nothing and see no numbers, operators change no configuration", () => {
  const open = routes.filter(({ isClosed }) => !isClosed).map(({ route }) => route);
  expect(open.sort()).toEqual(OPEN_TO_ALL.toSorted());
  const changes = routes.filter(({ method, isClosed }) => isClosed && method !== "GET");
  const changesOf = (role: string) =>
    changes.filter(({ needed }) => needed === role).map(({ route }) => route);
  expect(changesOf("viewer").sort()).toEqual([...CHANGES_OF_VIEWERS, ...TRIALS_OF_VIEWERS].sort());
  expect(changesOf("operator").sort()).toEqual(CHANGES_OF_OPERATORS.toSorted());
  const tooOpen = routes.filter(
    ({ route, needed }) => needed === "viewer" && NOT_FOR_VIEWERS.test(route),
  );
  expect(tooOpen.map(({ route }) => route)).toEqual([]);
  for (const route of ["GET /api/v1/export", "GET /welcome", "GET /settings/accounts/:id"]) {
    expect([route, PERMISSIONS[route]]).toEqual([route, "admin"]);
  }
});

test("W3: closed routes refuse nobody, strangers, expired log-ins and revoked tokens", async () => {
  const client = await openClient();
  const expired = await logIn(client);
  client.clock.now += 13 * 3_600_000;
  await makeAccount(client, "gone", "admin");
  const disabled = await logIn(client, "gone");
  const account = await client.accounts.proofOf("gone");
  await client.database
    .updateTable("account")
    .set({ enabled: 0 })
    .where("id", "=", account?.account.id ?? 0)
    .execute();
  const { id, token } = await client.access.newApiToken("revoked");
  await client.access.revokeApiToken(id);
  const past = await client.access.newApiToken({ name: "past", expires: client.clock.now });
  const strangers: Record<string, string>[] = [
    {},
    { Cookie: "jackfield=0123" },
    { Cookie: expired },
    { Cookie: disabled },
    { Authorization: "Bearer jf_0123" },
    { Authorization: `Bearer ${token}` },
    { Authorization: `Bearer ${past.token}` },
    { Authorization: `bearer ${client.token}x` },
    { Authorization: `Basic ${btoa("admin:admin")}` },
  ];
  for (const [index, { route, method, path, isClosed }] of routes.entries()) {
    // Each route from an address of its own: guesses are counted.
    const from = `198.51.100.${index}`;
    for (const headers of strangers) {
      const ask = { headers: { ...headers, Origin: ORIGIN }, from };
      const response = await client.raw(method, path, ask);
      const isRefused = response.status === 401 && path !== "/login";
      expect([route, headers, isRefused]).toEqual([route, headers, isClosed]);
    }
  }
  expect(client.gateway.applied).toEqual([]);
  await client.close();
});

test("W3: each role, by log-in and by token, gets through exactly where the table says so", async () => {
  const client = await openClient();
  for (const [role, scope] of [
    ["viewer", "read"],
    ["operator", "operate"],
    ["admin", "all"],
  ] as const) {
    const account = await makeAccount(client, `${role}s`, role);
    const { token } = await client.access.newApiToken({ name: role, scope });
    for (const { route, method, path, needed } of routes) {
      if (needed === "everybody") continue;
      // One that a log-out or a new password ended would be no proof.
      const cookie = `jackfield=${await client.access.newSession(account)}`;
      for (const headers of [
        { Cookie: cookie, Origin: ORIGIN },
        { Authorization: `Bearer ${token}` },
      ]) {
        const response = await client.raw(method, path, { headers });
        const { status } = response;
        if (suffices(role, needed)) {
          expect([route, role, status === 401 || status === 403 || status >= 500, status]).toEqual([
            route,
            role,
            false,
            status,
          ]);
          if (path.endsWith("/99")) {
            const isMisunderstood = method === "PUT" && status === 422;
            expect([route, status === 404 || isMisunderstood]).toEqual([route, true]);
          }
          await response.body?.cancel();
        } else {
          expect([route, role, status]).toEqual([route, role, 403]);
          expect(await response.text()).toContain(`this needs the role ${needed}, and `);
        }
      }
    }
  }
  expect(client.faults).toEqual([]);
  await client.close();
}, 60_000);

test("W3: a route without a row is refused to everybody, to an admin with the same words", async () => {
  const client = await openClient();
  client.app.get("/api/v1/forgotten", (context) => context.text("secret"));
  const stranger = await client.raw("GET", "/api/v1/forgotten");
  expect([stranger.status, (await stranger.text()).includes("secret")]).toEqual([401, false]);
  const admin = await client.asProgram("GET", "/api/v1/forgotten");
  expect(admin.status).toBe(403);
  expect(await admin.text()).toContain("so nobody may");
  const head = await client.asProgram("HEAD", "/api/v1/forgotten");
  expect(head.status).toBe(403);
  await client.close();
});

test("W4: guesses at API tokens are counted; a right token is heard all the same", async () => {
  const client = await openClient();
  const headers = { Authorization: "Bearer jf_guess" };
  const guess = () => client.raw("GET", "/api/v1/status", { headers });
  for (let index = 0; index < 50; index++) expect((await guess()).status).toBe(401);
  const refused = await guess();
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "900"]);
  expect((await client.asProgram("GET", "/api/v1/status")).status).toBe(200);
  await client.close();
});

test("W5: before set-up everything but health and set-up is 403", async () => {
  const client = await openClient({ setUp: false });
  for (const { route, method, path, isClosed } of routes) {
    if (!isClosed) continue;
    const response = await client.raw(method, path, { headers: { Origin: ORIGIN } });
    expect([route, response.status]).toEqual([route, 403]);
    expect(await response.text()).toContain("set-up is needed");
  }
  const page = await client.raw("GET", "/", { headers: { Accept: "text/html" } });
  expect([page.status, page.headers.get("content-type")]).toEqual([
    403,
    "text/html; charset=UTF-8",
  ]);
  expect((await client.raw("GET", "/healthz")).status).toBe(200);
  await client.close();
});

test("W2: a change from anywhere but our own pages is refused, on every route", async () => {
  const client = await openClient();
  const cookie = await logIn(client);
  const foreign: Record<string, string>[] = [
    {},
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Origin: "https://admin.example.evil.example" },
    { Origin: "https://admin.example:8443" },
    { Origin: ORIGIN, "Sec-Fetch-Site": "cross-site" },
    { Origin: ORIGIN, "Sec-Fetch-Site": "same-site" },
    { "Sec-Fetch-Site": "cross-site" },
    { Origin: "https://evil.example", "Sec-Fetch-Site": "same-origin" },
    { Origin: "https://evil.example", "X-HTTP-Method-Override": "GET" },
  ];
  for (const { route, method, path } of routes) {
    if (method === "GET") continue;
    for (const headers of foreign) {
      const response = await client.raw(method, path, { headers: { ...headers, Cookie: cookie } });
      expect([route, headers, response.status]).toEqual([route, headers, 403]);
    }
  }
  const changed = await client.raw("GET", "/", { headers: { Cookie: cookie } });
  expect(changed.status).toBe(200);
  await client.close();
});

test("W2: the API takes no forms and no plain text", async () => {
  const client = await openClient();
  const cookie = await logIn(client);
  const body = JSON.stringify({ name: "eve", password: "password1" });
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    const headers = { Cookie: cookie, Origin: ORIGIN, "Content-Type": type };
    const response = await client.raw("POST", "/api/v1/users", { headers, body });
    expect([type, response.status]).toEqual([type, 415]);
  }
  expect((await client.store.load()).users).toEqual([]);
  await client.close();
});

test("W10: every answer carries the protecting headers; no page has script or style inside", async () => {
  for (const secure of [false, true]) {
    const client = await openClient({ secure });
    for (const { route, method, path } of routes) {
      const response = await client.asProgram(method, path, { headers: { Origin: ORIGIN } });
      const header = (name: string) => response.headers.get(name) ?? "";
      expect([route, header("Content-Security-Policy")]).toEqual([
        route,
        expect.stringContaining("default-src 'self'; frame-ancestors 'none'"),
      ]);
      expect(header("Content-Security-Policy")).not.toContain("unsafe");
      expect(header("X-Content-Type-Options")).toBe("nosniff");
      expect(header("Referrer-Policy")).toBe("same-origin");
      expect(header("Access-Control-Allow-Origin")).toBe("");
      expect(header("Strict-Transport-Security") !== "").toBe(secure);
      if (!header("Content-Type").includes("html")) await response.body?.cancel();
      else {
        const text = await response.text();
        expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=|javascript:/i);
        expect(text).toStartWith("<!doctype html>");
      }
    }
    await client.close();
  }
});

test("W9: hostile bodies are refused, never a fault of ours", async () => {
  const client = await openClient();
  const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
  const bodies: [string, number[]][] = [
    ["", [400, 422]],
    ["{", [400]],
    ["null", [422]],
    ["[]", [422]],
    ['"text"', [422]],
    ["NaN", [400]],
    [deep, [400, 422]],
    [`{"name":${deep}}`, [400, 422]],
    ['{"__proto__":{"isAdmin":true},"name":"a","host":"pbx","password":"password1"}', [422]],
    ['{"constructor":{"prototype":{"isAdmin":true}}}', [422]],
    ['{"name":{"$gt":""},"host":"pbx"}', [422]],
    ['{"name":"a\'; drop table user; --","host":"x y"}', [422]],
    ['{"name":"a","host":"pbx","port":1e999}', [422]],
    ['{"name":"a","host":"pbx","port":5060.5}', [422]],
    ['{"name":"a","host":"pbx","inboundUser":9007199254740993}', [422]],
    ['{"name":"\\ud800","host":"\\ud800"}', [422]],
    ['{"name":"a\\u0000b","host":"pbx"}', [422]],
    [`{"name":"${"x".repeat(1_100_000)}"}`, [413]],
  ];
  for (const path of ["/api/v1/users", "/api/v1/connections"]) {
    for (const [body, expected] of bodies) {
      const response = await client.asProgram("POST", path, { body });
      expect([
        path,
        body.slice(0, 60),
        expected.includes(response.status),
        response.status,
      ]).toEqual([path, body.slice(0, 60), true, response.status]);
      expect(((await response.json()) as { error: { status: number } }).error.status).toBe(
        response.status,
      );
    }
  }
  expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
  expect(client.faults).toEqual([]);
  for (const id of ["0", "-1", "1.5", "1e3", "%2e%2e", "'", "99999999999999999999"]) {
    expect((await client.asProgram("GET", `/api/v1/users/${id}`)).status).toBe(404);
  }
  await client.close();
});

test("an unknown path is 404 in the form of all errors", async () => {
  const client = await openClient();
  const response = await client.asProgram("GET", "/api/v1/nothing");
  expect(await response.json()).toEqual({
    error: { status: 404, message: "there is nothing at /api/v1/nothing" },
  });
  await client.close();
});

test("D5: a database another program holds is 503, and nothing is applied", async () => {
  const client = await openClient();
  client.store.saveUser = async () => {
    throw new Error("database is locked");
  };
  const body = { name: "a", password: "password1" };
  expect((await client.asProgram("POST", "/api/v1/users", { body })).status).toBe(503);
  client.store.saveUser = async () => {
    throw new Error("database or disk is full");
  };
  expect((await client.asProgram("POST", "/api/v1/users", { body })).status).toBe(507);
  client.store.saveUser = async () => {
    throw new Error("secret detail");
  };
  const fault = await client.asProgram("POST", "/api/v1/users", { body });
  expect(fault.status).toBe(500);
  expect(await fault.text()).not.toContain("secret detail");
  expect([client.faults.length, client.gateway.applied.length]).toEqual([3, 0]);
  await client.close();
});

test("W9: a NUL that no field's rule forbids is refused as a mistake of who sent it", async () => {
  const client = await openClient();
  client.store.saveUser = async () => {
    throw new NulInText("a text has a NUL");
  };
  const body = { name: "a", password: "password1" };
  const refused = await client.asProgram("POST", "/api/v1/users", { body });
  expect([refused.status, client.faults.length]).toEqual([422, 0]);
  await client.close();
});
