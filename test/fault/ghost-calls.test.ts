/**
 * R2: the gateway is killed in the midst of calls. Whoever is started in its place ends them at the
 * PBX, so that no ghost keeps a line there, and each has its record.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { RacingPbx } from "../rigs/racing-pbx.ts";
import { browserSdp, silentSoftphone } from "../rigs/signalling.ts";

const CALLS = 20;
/** Notes of calls are written some together. */
const WRITTEN_MS = 1_000;
/** The catalogue's 40 s are for a PBX that is far away. */
const ENDED_MS = 10_000;

let directory = "";
let gateway: GatewayRig;
let pbx: RacingPbx;
const phones: VirtualSoftphone[] = [];

const started = () =>
  GatewayRig.start({ directory, keepsDirectory: true, rtpPorts: "35900-35999" });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ghosts-"));
  gateway = await started();
  pbx = await RacingPbx.start();
  await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    patterns: [{ pattern: "^501$" }],
    codecs: ["PCMA"],
    allowInbound: false,
  });
});

afterAll(async () => {
  for (const phone of phones) phone.close();
  await gateway?.stop();
  pbx?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const records = () => gateway.api<CallRecord[]>("GET", "/call-records?limit=500");

test("R2: killed with calls up: the next one ends them at the PBX, and each has its record", async () => {
  const { phone } = await silentSoftphone(gateway, "alice");
  phones.push(phone);
  for (let index = 0; index < CALLS; index++) {
    const { dialog } = await phone.invite("501", browserSdp("actpass")).answered;
    phone.track(dialog);
  }
  // One that ended in time has its record by itself, and is not ended twice.
  const over = phone.invite("501", browserSdp("actpass"));
  await (await over.answered).dialog.hangUp();
  await gateway.until("in calls", ({ calls }) => calls.length === CALLS);
  await Bun.sleep(WRITTEN_MS);
  expect(pbx.dialogs).toBe(CALLS);
  await gateway.kill();
  expect(pbx.dialogs).toBe(CALLS);

  const startedAt = performance.now();
  gateway = await started();
  while (pbx.dialogs > 0 && performance.now() - startedAt < ENDED_MS) await Bun.sleep(20);
  expect(pbx.dialogs).toBe(0);
  const ended = await records();
  expect(ended).toHaveLength(CALLS + 1);
  const broken = ended.filter(({ reason }) => reason.includes("the gateway ended without warning"));
  expect(broken).toHaveLength(CALLS);
  expect(broken[0]).toMatchObject({
    ...{ direction: "outbound", caller: "alice", callee: "501", status: 200, endedBy: "gateway" },
  });
  expect(broken[0]?.answered).toBeNumber();
}, 60_000);

test("R2: a softphone that comes back is registered at once, and in no call", async () => {
  const phone = await VirtualSoftphone.connect({
    ...{ server: gateway.socketUrl, user: "alice", password: "alice-password" },
    plays: new Int16Array(480),
  });
  phones.push(phone);
  expect(await phone.register()).toBe(200);
  expect((await gateway.status()).calls).toEqual([]);
}, 30_000);

test("R2: what was ended once is not ended again by the start after that", async () => {
  await gateway.kill();
  gateway = await started();
  await Bun.sleep(WRITTEN_MS);
  expect(await records()).toHaveLength(CALLS + 1);
}, 30_000);
