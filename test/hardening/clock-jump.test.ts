/**
 * R6: the wall clock jumps, an hour on, a day back, ten years on, while calls are up and PBXs are
 * registered with. Whatever it says, timers go on by the clock that never jumps: calls are heard,
 * nobody registers more than they would have, and a softphone stays where it registered.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { HelperProcess } from "../../bench/estate/helper-process.ts";
import type { FromRegistrar, ToRegistrar } from "../../bench/estate/protocol.ts";
import { GeneratorProcess } from "../../bench/load/generator-process.ts";
import { areHeard, callsBeside, prepareCalls } from "../rigs/calls-beside.ts";
import { GatewayRig } from "../rigs/gateway.ts";

/** Debian's `faketime` has it beside the architecture's other libraries. */
const LIBRARY = libraryOf("faketime/libfaketime.so.1");
const hasFaketime = LIBRARY !== undefined;
const withFaketime = test.skipIf(!hasFaketime);

const PBX_PORT = 25_380;
const REGISTRAR_PORT = 27_590;
const HOSTS = ["127.40.7.1", "127.40.7.2"];
const CONNECTIONS = 20;
/** The first refresh is within half of it, later ones at about half. */
const GRANTED_SECONDS = 60;
const CALLS = 4;
const JUMPS = ["+1h", "-1d", "+10y", "+0"];
const BETWEEN_MS = 3_000;
const PASSWORD = "jumping-password";
const LOAD = {
  ...{ calls: CALLS, seconds: (JUMPS.length * BETWEEN_MS) / 1_000 + 2 },
  ...{ pbxPort: PBX_PORT, user: "alice", password: PASSWORD },
};

let directory = "";
let gateway: GatewayRig;
let generator: GeneratorProcess;
let registrar: HelperProcess<ToRegistrar, FromRegistrar>;

function libraryOf(name: string): string | undefined {
  const folders = existsSync("/usr/lib") ? readdirSync("/usr/lib") : [];
  return folders.map((it) => join("/usr/lib", it, name)).find((it) => existsSync(it));
}

const setClock = (offset: string) => writeFileSync(join(directory, "clock"), `${offset}\n`);

beforeAll(async () => {
  if (LIBRARY === undefined) return;
  directory = mkdtempSync(join(tmpdir(), "clock-"));
  setClock("+0");
  gateway = await GatewayRig.start({
    rtpPorts: "35400-35799",
    environment: {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: join(directory, "clock"),
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_NO_CACHE: "1",
    },
  });
  generator = await GeneratorProcess.start();
  registrar = await HelperProcess.start(join(import.meta.dir, "../../bench/estate/registrar.ts"));
  const plan = { hosts: HOSTS, port: REGISTRAR_PORT, password: PASSWORD };
  await registrar.ask({ type: "open", plan: { ...plan, expiresSeconds: GRANTED_SECONDS } }, "open");
  await prepareCalls(gateway, LOAD);
  for (let index = 0; index < CONNECTIONS; index++) {
    await gateway.api("POST", "/connections", {
      name: `Line ${index}`,
      type: "outbound-registration",
      host: HOSTS[index % HOSTS.length],
      port: REGISTRAR_PORT,
      username: `line${index}`,
      password: PASSWORD,
      registrationExpires: GRANTED_SECONDS,
      patterns: [],
    });
  }
}, 60_000);

afterAll(async () => {
  if (!hasFaketime) return;
  await Promise.all([generator?.stop(), registrar?.stop()]);
  await gateway?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const registered = () =>
  gateway.until(
    "registered",
    ({ connections }) =>
      connections.filter(({ registration }) => /^re(gistered|freshing)$/.test(registration))
        .length === CONNECTIONS,
  );

/** All of them, and what was registered meanwhile. */
async function jumps(softphone: VirtualSoftphone) {
  await registrar.ask({ type: "forget" }, "forgotten");
  const before = await gateway.status();
  const startedAt = performance.now();
  for (const jump of JUMPS) {
    setClock(jump);
    await Bun.sleep(BETWEEN_MS);
    // The binding is none the older for it, nor is the token that asks.
    const { bindings, calls } = await gateway.status();
    expect([jump, bindings.length, calls.length]).toEqual([jump, before.bindings.length, CALLS]);
    expect([jump, await softphone.register()]).toEqual([jump, 200]);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const { registrations } = await registrar.ask({ type: "tell" }, "seen");
  return { registrations, seconds };
}

withFaketime(
  "R6: calls are heard while the clock jumps, and nobody registers for it",
  async () => {
    await registered();
    const softphone = await VirtualSoftphone.connect({
      ...{ server: gateway.socketUrl, user: "alice", password: PASSWORD },
      plays: new Int16Array(480),
    });
    expect(await softphone.register()).toBe(200);
    const { run, outcome } = await callsBeside(gateway, generator, LOAD, () => jumps(softphone));
    softphone.close();
    const { registrations, seconds } = outcome;
    // Each is refreshed in half of its grant, and is challenged each time.
    const usual = (2 * CONNECTIONS * seconds) / (GRANTED_SECONDS / 2);
    console.log(
      `R6: ${registrations.length} REGISTERs in ${seconds.toFixed(0)} s, usual ${usual.toFixed(0)}`,
    );
    expect(registrations.length).toBeLessThanOrEqual(2 * usual);
    areHeard("R6", run, CALLS, 0.02);
    await registered();
  },
  90_000,
);

withFaketime(
  "R6: records of calls that saw the clock jump are in order and last as long as they did",
  async () => {
    await gateway.untilFree();
    await gateway.newestRecord(CALLS);
    const records = await gateway.api<{ started: number; ended: number }[]>(
      "GET",
      "/call-records?limit=500",
    );
    expect(records).toHaveLength(CALLS);
    for (const { started, ended } of records) {
      expect(ended).toBeGreaterThanOrEqual(started);
      expect(ended - started).toBeLessThan(120_000);
    }
  },
  60_000,
);
