import { expect, test } from "bun:test";
import { IDLE, openClient } from "../client.ts";

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
