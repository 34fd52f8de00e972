import { expect, test } from "bun:test";
import { cookieOf, logIn, ORIGIN, openClient, PASSWORD } from "./client.ts";

const MINUTE_MS = 60_000;

test("set-up: the link sets the password once and logs in", async () => {
  const client = await openClient({ setUp: false });
  const token = await client.access.newSetupToken();
  const page = await client.raw("GET", `/setup?token=${token}`);
  expect([page.status, (await page.text()).includes(token)]).toEqual([200, true]);
  const short = await client.form("/setup", { token, password: "elevenchars" });
  expect(short.status).toBe(422);
  const done = await client.form("/setup", { token, password: PASSWORD });
  expect([done.status, done.headers.get("location")]).toEqual([303, "/"]);
  const home = await client.raw("GET", "/", { headers: { Cookie: cookieOf(done) } });
  expect(home.status).toBe(200);
  expect((await client.form("/setup", { token, password: `other ${PASSWORD}` })).status).toBe(403);
  expect((await client.raw("GET", `/setup?token=${token}`)).status).toBe(403);
  expect((await client.form("/login", { password: PASSWORD })).status).toBe(303);
  await client.close();
});

test("W5: of fifty browsers that set up at once, one wins", async () => {
  const client = await openClient({ setUp: false });
  const token = await client.access.newSetupToken();
  const attempts = Array.from({ length: 50 }, (_, index) =>
    client.form("/setup", { token, password: `${PASSWORD} ${index}` }),
  );
  const statuses = (await Promise.all(attempts)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 303)).toHaveLength(1);
  expect(statuses.filter((status) => status === 403)).toHaveLength(49);
  expect(await client.access.passwordHash()).toBe(`hash of ${PASSWORD} ${statuses.indexOf(303)}`);
  await client.close();
});

test("a wrong set-up token sets nothing", async () => {
  const client = await openClient({ setUp: false });
  await client.access.newSetupToken();
  for (const token of ["", "0", "undefined"]) {
    expect((await client.form("/setup", { token, password: PASSWORD })).status).toBe(403);
  }
  expect(await client.access.passwordHash()).toBeUndefined();
  await client.close();
});

test("W10: the cookie is out of reach of scripts and other sites, and bound to the host under TLS", async () => {
  for (const secure of [false, true]) {
    const client = await openClient({ secure });
    const cookie = (await client.form("/login", { password: PASSWORD })).headers.get("set-cookie");
    expect(cookie).toStartWith(secure ? "__Host-jackfield=" : "jackfield=");
    for (const attribute of ["HttpOnly", "SameSite=Strict", "Path=/"]) {
      expect(cookie).toContain(attribute);
    }
    expect(cookie?.includes("Secure")).toBe(secure);
    await client.close();
  }
});

test("W13: each log-in has an id of its own, and log-out ends it", async () => {
  const client = await openClient();
  const [first, second] = [await logIn(client), await logIn(client)];
  expect(first).not.toBe(second);
  const headers = { Cookie: first, Origin: ORIGIN };
  expect((await client.raw("POST", "/logout", { headers })).status).toBe(303);
  expect((await client.raw("GET", "/api/v1/status", { headers })).status).toBe(401);
  const other = await client.raw("GET", "/api/v1/status", { headers: { Cookie: second } });
  expect(other.status).toBe(200);
  await client.close();
});

test("a page asked for without a log-in leads to it", async () => {
  const client = await openClient();
  const response = await client.raw("GET", "/", { headers: { Accept: "text/html" } });
  expect([response.status, response.headers.get("location")]).toEqual([302, "/login"]);
  await client.close();
});

test("W4: after five wrong passwords the address waits, with the right one too", async () => {
  const client = await openClient();
  for (let index = 0; index < 5; index++) {
    expect((await client.form("/login", { password: "wrong" })).status).toBe(401);
    client.clock.now += MINUTE_MS;
  }
  const refused = await client.form("/login", { password: PASSWORD });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "600"]);
  expect((await client.form("/login", { password: PASSWORD }, "192.0.2.2")).status).toBe(303);
  client.clock.now += 10 * MINUTE_MS;
  expect((await client.form("/login", { password: PASSWORD })).status).toBe(303);
  await client.close();
});

test("W4: attempts sent all at once are counted as well", async () => {
  const client = await openClient();
  const attempts = Array.from({ length: 40 }, () => client.form("/login", { password: "wrong" }));
  const statuses = (await Promise.all(attempts)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 401)).toHaveLength(5);
  await client.close();
});

test("W9: what is no form is refused, and no fault of ours", async () => {
  const client = await openClient();
  for (const type of ["multipart/form-data", "multipart/form-data; boundary=a"]) {
    const headers = { Origin: ORIGIN, "Content-Type": type };
    for (const path of ["/login", "/setup"]) {
      const { status } = await client.raw("POST", path, { headers, body: "--a\r\nbroken" });
      expect([type, path, status]).toEqual([type, path, 400]);
    }
  }
  expect(client.faults).toEqual([]);
  await client.close();
});
