/**
 * X3 on a draft: a real gateway calls a PBX by a connection that is in no database, with its password,
 * and the PBX is never registered at; other users can't use it, and what is forbidden is not called.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestEvent } from "../../admin/services.ts";
import { tone } from "../../bench/audio/signal.ts";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const ACCOUNT = { username: "jack", password: "draft-password" };
const PLAYS = tone(440, { sampleRate: 8_000, durationMs: 1_000 }).pcm;
let pbx: VirtualPbx;
let gateway: GatewayRig;
let careful: GatewayRig;

beforeAll(async () => {
  [pbx, gateway, careful] = await Promise.all([
    VirtualPbx.start({ codec: "PCMA", plays: PLAYS, account: ACCOUNT }),
    GatewayRig.start({ environment: { JACKFIELD_TEST_LOOPBACK: "true" } }),
    GatewayRig.start(),
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([gateway?.stop(), careful?.stop()]);
  pbx?.stop();
});

async function ask(rig: GatewayRig, draft: object): Promise<Response> {
  for (;;) {
    const response = await fetch(`${rig.url}/api/v1/connections/test-call`, {
      method: "POST",
      headers: { Authorization: `Bearer ${rig.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({
        ...{ name: "Draft", host: "127.0.0.1", port: pbx.port, codecs: ["PCMA"], number: "9001" },
        ...{ ...ACCOUNT, ...draft },
      }),
    });
    if (response.status !== 429) return response;
    await Bun.sleep(250);
  }
}

async function outcomesOf(response: Response) {
  const text = await response.text();
  expect([response.status, text.slice(0, 15)]).toEqual([200, '{"begun":"dns"}']);
  const events = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as TestEvent);
  return events.flatMap((it) => (it.begun === undefined ? [it] : []));
}

test("X3: a registration's draft is called with its password and never registered", async () => {
  await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
  const pending = ask(gateway, { type: "outbound-registration" });
  await gateway.until("calling", ({ calls }) => calls.length > 0);
  // Nobody else sees it, or has a way by it.
  expect(await gateway.api("GET", "/connections")).toEqual([] as never);
  expect((await gateway.status()).connections).toEqual([]);
  const explained = await gateway.api<{ ways: unknown[] }>(
    "GET",
    "/dial-plan/explain?user=alice&number=9001",
  );
  expect(explained.ways).toEqual([]);
  const [dns, call, talk] = await outcomesOf(await pending);
  expect(dns).toMatchObject({ verdict: "resolved", facts: [`udp 127.0.0.1:${pbx.port}`] });
  expect(call).toMatchObject({ verdict: "call-answered", facts: ["by Draft"] });
  // The PBX plays a tone: it is heard, and is no echo.
  expect(talk).toMatchObject({ step: "talk", verdict: "hears-other" });
  expect(pbx.calls[0]?.packetsReceived).toBeGreaterThan(50);
  expect(pbx.registered).toEqual([]);
  await gateway.untilFree();
  const status = await gateway.status();
  expect(status.alive["retiredTrunks"]).toBe(0);
  const record = await gateway.newestRecord(1);
  expect(record).toMatchObject({ status: 200, callee: "9001" });
}, 60_000);

test("X3, W8: a wrong password, a PBX that registers here, and this machine without the switch", async () => {
  const [, wrong] = await outcomesOf(await ask(gateway, { password: "another" }));
  expect(wrong).toMatchObject({ step: "call", verdict: "call-refused" });
  const calls = pbx.calls.length;
  expect((await ask(gateway, { type: "inbound-registration" })).status).toBe(422);
  expect((await ask(gateway, { number: "112" })).status).toBe(422);
  for (const host of ["127.0.0.1", "localhost", "::1", "0.0.0.0"]) {
    const response = await ask(careful, { host });
    const text = await response.text();
    expect([host, response.status === 422 || text.includes('"no-address"')]).toEqual([host, true]);
  }
  expect(pbx.calls.length).toBe(calls);
}, 60_000);
