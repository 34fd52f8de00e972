/**
 * D1: the gateway is killed at random moments while its configuration is written by the API. The next
 * start has what was acknowledged, and is registered again.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { scaled } from "../rigs/scale.ts";
import { seededRandom } from "../sim/random.ts";

/** So many are under way at once, so that a kill falls into some. */
const WRITERS = 4;
const LIFE_MS = { least: 30, most: 400 };
const SEED = Number(process.env["JACKFIELD_SEED"] ?? 5);

test("D1: what the API acknowledged before a SIGKILL is there after it, and registrations resume", async () => {
  const random = seededRandom(SEED);
  const directory = mkdtempSync(join(tmpdir(), "killed-gateway-"));
  const start = () => GatewayRig.start({ directory, keepsDirectory: true });
  const account = { username: "jack", password: "jack-password" };
  const pbx = await VirtualPbx.start({ codec: "PCMA", plays: new Int16Array(160), account });
  let gateway = await start();
  await gateway.api("POST", "/connections", {
    ...{ name: "PBX", type: "outbound-registration", host: "127.0.0.1", port: pbx.port },
    ...{ ...account, allowInbound: false, patterns: [] },
  });
  const writes = scaled("D1 writes by the API", 1_000, 0.15);
  const acknowledged: string[] = [];
  let sent = 0;
  const write = async () => {
    for (;;) {
      const name = `user-${sent++}`;
      const saved = gateway.api("POST", "/users", { name, password: "password-of-nobody" });
      if (!(await saved.then(() => true).catch(() => false))) return;
      acknowledged.push(name);
    }
  };
  for (let kills = 0; acknowledged.length < writes; kills++) {
    const writing = Array.from({ length: WRITERS }, write);
    await Bun.sleep(LIFE_MS.least + random.below(LIFE_MS.most - LIFE_MS.least));
    await gateway.kill();
    await Promise.all(writing);
    gateway = await start();
    const what = `JACKFIELD_SEED=${SEED}, after kill ${kills}`;
    const users = await gateway.api<{ name: string }[]>("GET", "/users");
    const names = new Set(users.map(({ name }) => name));
    expect(
      acknowledged.filter((name) => !names.has(name)),
      what,
    ).toEqual([]);
    // What was under way may be there or not; nothing else is.
    expect(names.size - acknowledged.length, what).toBeLessThanOrEqual((kills + 1) * WRITERS);
    await gateway.until("registered", ({ connections }) =>
      connections.every(({ registration }) => registration === "registered"),
    );
  }
  expect(await gateway.stop()).toBe(0);
  pbx.stop();
  rmSync(directory, { recursive: true });
}, 1_800_000);
