/**
 * TST-08 on a real gateway: a call placed through it and one that came in, each heard both ways, verify
 * a connection; a restart keeps that, another host makes it void.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestEvent } from "../../admin/services.ts";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { testSignal } from "../../gateway/phone/test-signal.ts";
import type { Verification } from "../../schema/verification.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const PATH = "/api/v1/connections/1";

function post(gateway: GatewayRig, path: string, body: object = {}): Promise<Response> {
  return fetch(`${gateway.url}${PATH}${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${gateway.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function verdictsOf(response: Response): Promise<string[]> {
  const lines = (await response.text()).trim().split("\n");
  expect(response.status).toBe(200);
  const events = lines.map((line) => JSON.parse(line) as TestEvent);
  return events.flatMap((it) => (it.begun === undefined ? [it.verdict] : []));
}

test("TST-08: a call each way, heard both ways, verifies a connection until its host changes", async () => {
  const directory = mkdtempSync(join(tmpdir(), "verified-"));
  const options = { directory, keepsDirectory: true };
  // It says what the test phone says, as an echo would.
  const pbx = await VirtualPbx.start({ codec: "G722", plays: testSignal() });
  let gateway = await GatewayRig.start(options);
  const verification = async (): Promise<Verification | undefined> => {
    const shown = await gateway.api<{ verification?: Verification }>("GET", "/connections/1");
    return shown.verification;
  };
  const { id: inboundUser } = await gateway.api<{ id: number }>("POST", "/users", {
    ...{ name: "alice", password: "alice-password" },
  });
  await gateway.api("POST", "/connections", {
    ...{ name: "PBX", type: "outbound-trunk", host: "127.0.0.1", port: pbx.port },
    ...{ allow: ["127.0.0.1"], patterns: [{ pattern: "^9" }], codecs: ["G722"], inboundUser },
  });
  const placed = await verdictsOf(await post(gateway, "/test-call", { number: "9001" }));
  expect(placed).toEqual(["call-answered", "hears-echo"]);
  const first = await verification();
  expect(first).toEqual({ placedAt: expect.any(Number) });

  const at = { address: "127.0.0.1", port: gateway.sipPort };
  // Nobody is there: it came in, and nothing more is known.
  const alone = post(gateway, "/received-call");
  await Bun.sleep(300);
  expect((await post(gateway, "/received-call")).status).toBe(409);
  await expect(pbx.call(at, "alice")).rejects.toThrow();
  expect(await verdictsOf(await alone)).toEqual(["came-in", "received-unanswered"]);
  expect(await verification()).toEqual(first);

  const softphone = await VirtualSoftphone.connect({
    ...{ server: gateway.socketUrl, user: "alice", password: "alice-password" },
    plays: testSignal(),
  });
  expect(await softphone.register()).toBe(200);
  const waiting = post(gateway, "/received-call");
  await Bun.sleep(300);
  const answering = softphone.answerNext(100);
  const call = await pbx.call(at, "alice");
  await answering;
  await Bun.sleep(7_000);
  await call.dialog?.hangUp();
  expect(await verdictsOf(await waiting)).toEqual(["came-in", "received-heard"]);
  while ((await verification())?.verifiedAt === undefined) await Bun.sleep(50);
  const verified = await verification();
  expect(verified).toMatchObject({ ...first });
  expect(verified?.verifiedAt).toBe(verified?.receivedAt);
  softphone.close();
  await gateway.stop();

  gateway = await GatewayRig.start(options);
  expect(await verification()).toEqual(verified);
  await gateway.api("PATCH", "/connections/1", { host: "localhost" });
  expect(await verification()).toEqual({ voidBecause: "its host changed since" });
  const history = await gateway.api<{ aspect: string; state: string }[]>(
    "GET",
    "/connections/1/history?limit=5",
  );
  expect(history.map(({ aspect, state }) => `${aspect} ${state}`)).toEqual([
    "received-call passed",
    "received-call unclear",
    "test-call passed",
  ]);
  await gateway.stop();
  pbx.stop();
  rmSync(directory, { recursive: true, force: true });
}, 90_000);
