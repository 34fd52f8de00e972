import { expect, test } from "bun:test";
import { scaled } from "../../rigs/scale.ts";
import { cookieOf, logIn, makeAccount, ORIGIN, openClient, PASSWORD } from "./client.ts";

const MINUTE_MS = 60_000;

test("set-up: the link sets the password once and logs in", async () => {
  const client = await openClient({ setUp: false });
  const token = await client.access.newSetupToken();
  const page = await client.raw("GET", `/setup?token=${token}`);
  expect([page.status, (await page.text()).includes(token)]).toEqual([200, true]);
  const short = await client.form("/setup", { token, password: "elevenchars" });
  expect(short.status).toBe(422);
  const done = await client.form("/setup", { token, password: PASSWORD });
  expect([done.status, done.headers.get("location")]).toEqual([303, "/welcome/network"]);
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
  const proof = await client.accounts.proofOf("administrator");
  expect(proof?.passwordHash).toBe(`hash of ${PASSWORD} ${statuses.indexOf(303)}`);
  await client.close();
});

test("a wrong set-up token sets nothing", async () => {
  const client = await openClient({ setUp: false });
  await client.access.newSetupToken();
  for (const token of ["", "0", "undefined"]) {
    expect((await client.form("/setup", { token, password: PASSWORD })).status).toBe(403);
  }
  expect(await client.accounts.isSetUp()).toBe(false);
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

test("W4: each account waits on its own, and an address that asks for many names waits altogether", async () => {
  const client = await openClient();
  await makeAccount(client, "anna", "viewer");
  const wrong = (name: string, from?: string) =>
    client.form("/login", { name, password: "wrong" }, from);
  for (let index = 0; index < 5; index++) expect((await wrong("anna")).status).toBe(401);
  expect((await wrong("ANNA")).status).toBe(429);
  expect((await client.form("/login", { password: PASSWORD })).status).toBe(303);
  for (let index = 0; index < 15; index++) {
    expect((await wrong(`guess${index}`)).status).toBe(401);
  }
  expect((await wrong("another")).status).toBe(429);
  expect((await client.form("/login", { password: PASSWORD })).status).toBe(429);
  // One customer's IPv6 network counts as one address.
  for (let index = 0; index < 5; index++) {
    expect((await wrong("anna", `2001:db8:0:1::${index}`)).status).toBe(401);
  }
  expect((await wrong("anna", "2001:db8:0:1:ffff::1")).status).toBe(429);
  expect((await wrong("anna", "2001:db8:0:2::1")).status).toBe(401);
  await client.close();
});

test("W4: ten thousand attempts from two hundred addresses: five each are tried", async () => {
  const client = await openClient();
  const attempts = scaled("W4 attempts", 10_000, 0.2);
  const statuses: number[] = [];
  for (let index = 0; index < attempts; index++) {
    const from = `203.0.113.${index % 200}`;
    statuses.push((await client.form("/login", { password: `guess ${index}` }, from)).status);
  }
  const tried = Math.min(attempts, 5 * 200);
  expect(statuses.filter((it) => it === 401)).toHaveLength(tried);
  expect(client.verified).toHaveLength(tried);
  expect(statuses.filter((it) => it === 429)).toHaveLength(attempts - tried);
  expect((await client.form("/login", { password: PASSWORD }, "192.0.2.9")).status).toBe(303);
  await client.close();
});

test("W4: a name that isn't there costs as much and is answered with the same words", async () => {
  const client = await openClient();
  const answers: string[] = [];
  for (const name of ["administrator", "nobody-of-that-name"]) {
    const answer = await client.form("/login", { name, password: "wrong" });
    expect(answer.status).toBe(401);
    answers.push((await answer.text()).replaceAll(name, "NAME"));
  }
  expect(answers[0]).toBe(answers[1] ?? "");
  expect(client.verified).toEqual([`hash of ${PASSWORD}`, undefined]);
  // What is typed as a name may be a password: it is in no log.
  const entries = await client.asProgram("GET", "/api/v1/audit?action=log-in-failed");
  expect(await entries.text()).not.toContain("nobody-of-that-name");
  await client.close();
});

test("W13: no log-in is taken from what the browser brings, and the one before ends", async () => {
  const client = await openClient();
  const fixed = `jackfield=${"0".repeat(64)}`;
  const logInWith = (cookie: string) =>
    client.raw("POST", "/login", {
      body: new URLSearchParams({ password: PASSWORD }),
      headers: { Origin: ORIGIN, Cookie: cookie },
    });
  const first = cookieOf(await logInWith(fixed));
  expect([first === fixed, first.length]).toEqual([false, fixed.length]);
  const second = cookieOf(await logInWith(first));
  const statusOf = async (Cookie: string) =>
    (await client.raw("GET", "/api/v1/status", { headers: { Cookie } })).status;
  expect([await statusOf(fixed), await statusOf(first), await statusOf(second)]).toEqual([
    401, 401, 200,
  ]);
  await client.close();
});

test("the name is filled in while the first account is the only one", async () => {
  const client = await openClient();
  const page = async () => (await client.raw("GET", "/login")).text();
  expect(await page()).toContain('value="administrator"');
  const anna = await makeAccount(client, "anna", "admin");
  expect(await page()).not.toContain('value="administrator"');
  const first = (await client.accounts.proofOf("administrator"))?.account.id ?? 0;
  await client.accounts.remove(first, "test");
  expect([anna > first, (await page()).includes("anna")]).toEqual([true, false]);
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
