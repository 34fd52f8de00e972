import { expect, test } from "bun:test";
import { logIn, ORIGIN, openClient } from "./client.ts";

/** Every route, and who may use it. A route without a row here fails the test (W3). */
const OPEN = "open";
const CLOSED = "closed";
const MATRIX: Record<string, string> = {
  "GET /healthz": OPEN,
  "GET /readyz": OPEN,
  "GET /assets/style.css": OPEN,
  "GET /assets/home.js": OPEN,
  "GET /favicon.ico": OPEN,
  "GET /setup": OPEN,
  "POST /setup": OPEN,
  "GET /login": OPEN,
  "POST /login": OPEN,
  "GET /": CLOSED,
  "POST /logout": CLOSED,
  "GET /api/v1/users": CLOSED,
  "POST /api/v1/users": CLOSED,
  "GET /api/v1/users/:id": CLOSED,
  "PUT /api/v1/users/:id": CLOSED,
  "PATCH /api/v1/users/:id": CLOSED,
  "DELETE /api/v1/users/:id": CLOSED,
  "GET /api/v1/connections": CLOSED,
  "POST /api/v1/connections": CLOSED,
  "GET /api/v1/connections/:id": CLOSED,
  "PUT /api/v1/connections/:id": CLOSED,
  "PATCH /api/v1/connections/:id": CLOSED,
  "DELETE /api/v1/connections/:id": CLOSED,
  "GET /api/v1/calls": CLOSED,
  "DELETE /api/v1/calls/:id": CLOSED,
  "GET /api/v1/call-records": CLOSED,
  "GET /api/v1/status": CLOSED,
  "GET /api/v1/tokens": CLOSED,
  "POST /api/v1/tokens": CLOSED,
  "DELETE /api/v1/tokens/:id": CLOSED,
  "GET /api/openapi.json": CLOSED,
  "GET /api": CLOSED,
  "GET /events": CLOSED,
};

const routes = Object.keys(MATRIX).map((route) => {
  const [method = "", path = ""] = route.split(" ");
  return { route, method, path: path.replace(":id", "99"), isClosed: MATRIX[route] === CLOSED };
});

test("W3: every route has a row in the matrix, every row a route", async () => {
  const client = await openClient();
  const there = client.app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`);
  expect([...new Set(there)].sort()).toEqual(Object.keys(MATRIX).sort());
  await client.close();
});

test("W3: closed routes refuse nobody, strangers, expired log-ins and revoked tokens", async () => {
  const client = await openClient();
  const expired = await logIn(client);
  client.clock.now += 13 * 3_600_000;
  const { id, token } = await client.access.newApiToken("revoked");
  await client.access.revokeApiToken(id);
  const strangers: Record<string, string>[] = [
    {},
    { Cookie: "jackfield=0123" },
    { Cookie: expired },
    { Authorization: "Bearer jf_0123" },
    { Authorization: `Bearer ${token}` },
    { Authorization: `bearer ${client.token}x` },
    { Authorization: `Basic ${btoa("admin:admin")}` },
  ];
  for (const { route, method, path, isClosed } of routes) {
    for (const headers of strangers) {
      const response = await client.raw(method, path, { headers: { ...headers, Origin: ORIGIN } });
      const isRefused = response.status === 401 && path !== "/login";
      expect([route, headers, isRefused]).toEqual([route, headers, isClosed]);
    }
  }
  expect(client.gateway.applied).toEqual([]);
  await client.close();
});

test("W3: the administrator and programs with a token get through everywhere", async () => {
  const client = await openClient();
  const cookie = await logIn(client);
  for (const { route, method, path, isClosed } of routes) {
    if (!isClosed || path === "/logout") continue;
    const own = { Cookie: cookie, Origin: ORIGIN };
    const asPerson = await client.raw(method, path, { headers: own });
    const asProgram = await client.asProgram(method, path);
    await asPerson.body?.cancel();
    await asProgram.body?.cancel();
    for (const { status } of [asPerson, asProgram]) {
      expect([route, status === 401 || status === 403 || status >= 500]).toEqual([route, false]);
    }
    if (path.endsWith("/99")) {
      const isMisunderstood = method === "PUT" && asPerson.status === 422;
      expect([route, asPerson.status === 404 || isMisunderstood]).toEqual([route, true]);
    }
  }
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
