/**
 * R9: SIGTERM drains. Calls go on until they end or the time is over, new ones are refused, nothing
 * is left at the PBX; a second SIGTERM hurries.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import type { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { CallRefused } from "../../gateway/phone/sip-dialog.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { browserSdp, silentSoftphone } from "../rigs/signalling.ts";
import { SippProcess } from "../rigs/sipp-process.ts";

const hasSipp = Bun.which("sipp") !== null;
const withSipp = test.skipIf(!hasSipp);
const DRAIN_SECONDS = 10;
const ADDRESS = "127.14.0.1";
const PORT = 26_801;

let directory = "";
let pbx: VirtualPbx;
let calls = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "drain-"));
  const account = { username: "gateway", password: "pbx-password" };
  pbx = await VirtualPbx.start({ codec: "PCMA", plays: new Int16Array(8_000), account });
});

afterAll(() => {
  pbx.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A gateway that is registered at the PBX and calls sipp; `users` have a softphone each. */
async function running(users: readonly string[], rtpPorts: string) {
  const gateway = await GatewayRig.start({ rtpPorts, drainSeconds: DRAIN_SECONDS });
  const phones = new Map<string, VirtualSoftphone>();
  for (const user of users) phones.set(user, (await silentSoftphone(gateway, user)).phone);
  const common = { type: "outbound-trunk", codecs: ["PCMA"], allowInbound: false };
  await gateway.api("POST", "/connections", {
    ...{ ...common, name: "sipp", host: ADDRESS, port: PORT },
    patterns: [{ pattern: "^2\\d{2}$" }],
  });
  await gateway.api("POST", "/connections", {
    ...{ ...common, name: "registrar", type: "outbound-registration" },
    ...{ host: "127.0.0.1", port: pbx.port, username: "gateway", password: "pbx-password" },
    patterns: [],
  });
  await gateway.until("registered", ({ connections }) =>
    connections.some(({ registration }) => registration === "registered"),
  );
  const phoneOf = (user: string) => {
    const phone = phones.get(user);
    if (!phone) throw new Error(`${user} has no softphone`);
    return phone;
  };
  const call = (user: string) => {
    calls += 1;
    return phoneOf(user).callWithoutMedia(`2${calls + 10}`, browserSdp("actpass"));
  };
  return { gateway, phoneOf, call };
}

/** A softphone that only waits: resolves with the code its WebSocket is closed with. */
async function closeCode(url: string): Promise<{ code: Promise<number> }> {
  const socket = new WebSocket(url, "sip");
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const code = new Promise<number>((resolve) => {
    socket.addEventListener("close", (event) => resolve(event.code));
  });
  return { code };
}

const seconds = (since: number) => (performance.now() - since) / 1_000;

withSipp(
  "R9 no call is cut before the time, none is taken, nothing is left at the PBX",
  async () => {
    const { gateway, phoneOf, call } = await running(["alice", "bob"], "35400-35499");
    const options = { directory, scenario: "uas-answer", address: ADDRESS, port: PORT };
    const sipp = await SippProcess.start({ ...options, calls: 2 });
    const long = await call("alice");
    const short = await call("bob");
    const waiting = await closeCode(gateway.socketUrl);
    expect(pbx.registered).toHaveLength(1);

    gateway.terminate();
    const since = performance.now();
    await gateway.line(/ draining /);
    const readiness = await fetch(`${gateway.url}/readyz`);
    expect(readiness.status).toBe(503);
    const refused = phoneOf("bob").invite("250", browserSdp("actpass")).answered;
    const error = await refused.catch((thrown: unknown) => thrown);
    if (!(error instanceof CallRefused)) throw new Error(`not refused: ${error}`);
    expect(error.status).toBe(503);
    expect(Number(error.response.headers.get("Retry-After"))).toBeGreaterThan(0);
    // The registration goes while calls go on.
    while (pbx.registered.length > 0 && seconds(since) < 3) await Bun.sleep(50);
    expect(pbx.registered).toEqual([]);
    expect((await gateway.status()).calls).toHaveLength(2);

    await Bun.sleep(2_000);
    await short.hangUp();
    const why = await long.ended;
    expect(seconds(since)).toBeGreaterThan(DRAIN_SECONDS - 0.1);
    expect(why).not.toBe("");
    await sipp.passed();
    expect(await waiting.code).toBe(1012);
    expect(await gateway.exited()).toBe(0);
    expect(seconds(since)).toBeLessThan(DRAIN_SECONDS + 2);
    for (const user of ["alice", "bob"]) phoneOf(user).close();
  },
  60_000,
);

withSipp(
  "R9 a second SIGTERM: BYE now",
  async () => {
    const { gateway, phoneOf, call } = await running(["carol"], "35500-35599");
    const options = { directory, scenario: "uas-answer", address: ADDRESS, port: PORT };
    const sipp = await SippProcess.start(options);
    const dialog = await call("carol");
    gateway.terminate();
    await gateway.line(/ draining /);
    const since = performance.now();
    gateway.terminate();
    await dialog.ended;
    await sipp.passed();
    expect(await gateway.exited()).toBe(0);
    expect(seconds(since)).toBeLessThan(3);
    expect(pbx.registered).toEqual([]);
    phoneOf("carol").close();
  },
  60_000,
);
