import { expect, test } from "bun:test";
import { IDLE, logIn, ORIGIN, openClient } from "../client.ts";

test("the status comes at once, again after changes at most four times a second, and ends", async () => {
  const client = await openClient();
  const response = await client.asProgram("GET", "/events");
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = response.body?.getReader();
  if (!reader) throw new Error("no body");
  const next = async () => new TextDecoder().decode((await reader.read()).value);
  expect(await next()).toBe(`event: status\ndata: ${JSON.stringify(IDLE)}\n\n`);
  const changed = () => {
    for (const listener of client.listeners) listener();
  };
  const from = performance.now();
  for (let index = 0; index < 100; index++) changed();
  client.gateway.status = { ...IDLE, draining: true };
  expect(await next()).toContain('"draining":true');
  changed();
  await next();
  // Two events after the first, a quarter of a second apart.
  expect(performance.now() - from).toBeGreaterThan(400);
  await reader.cancel();
  expect(client.listeners.size).toBe(0);
  await client.close();
});

test("W13: events end with the log-in, and do not keep it alive", async () => {
  const client = await openClient();
  const headers = { Cookie: await logIn(client), Origin: ORIGIN };
  const open = async () => {
    const reader = (await client.raw("GET", "/events", { headers })).body?.getReader();
    if (!reader) throw new Error("no body");
    expect((await reader.read()).done).toBe(false);
    return reader;
  };
  const reader = await open();
  await client.raw("POST", "/logout", { headers });
  client.clock.now += 5_000;
  expect((await reader.read()).done).toBe(true);
  expect(client.listeners.size).toBe(0);

  headers.Cookie = await logIn(client);
  const idle = await open();
  // Ten hours, looked at on the way, and then three more without a request.
  client.clock.now += 10 * 3_600_000;
  expect((await idle.read()).done).toBe(false);
  client.clock.now += 3 * 3_600_000;
  expect((await idle.read()).done).toBe(true);
  await client.close();
});

test("events that end by a fault leave nobody who listens", async () => {
  const client = await openClient();
  const reader = (await client.asProgram("GET", "/events")).body?.getReader();
  await reader?.read();
  expect(client.listeners.size).toBe(1);
  client.gateway.status = new Proxy(IDLE, {
    ownKeys: () => {
      throw new Error("no status");
    },
  });
  for (const listener of client.listeners) listener();
  await reader?.read().catch(() => undefined);
  expect(client.listeners.size).toBe(0);
  expect(client.faults.map(String)).toEqual(["Error: no status"]);
  await client.close();
});
