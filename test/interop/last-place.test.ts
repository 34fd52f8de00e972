/** TST-04 on a real gateway: where a PBX last answered is told after a restart and a change. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { freePort } from "../rigs/free-port.ts";
import { GatewayRig } from "../rigs/gateway.ts";

test("TST-04: who was reachable and is not is told apart from who moved, over a restart of the gateway", async () => {
  const directory = mkdtempSync(join(tmpdir(), "last-place-"));
  const options = { directory, keepsDirectory: true };
  const pbx = await VirtualPbx.start({ codec: "PCMA", plays: new Int16Array(160) });
  const before = await GatewayRig.start(options);
  const { id } = await before.api<{ id: number }>("POST", "/connections", {
    ...{ name: "PBX", type: "outbound-trunk", host: "localhost", port: pbx.port },
    ...{ allow: ["127.0.0.1"], optionsInterval: 10 },
  });
  const place = { host: "localhost", address: `127.0.0.1:${pbx.port}` };
  const { connections } = await before.until("reached", (status) =>
    status.connections.some(({ reachability }) => reachability?.state === "ok"),
  );
  expect(connections[0]?.lastAnswered).toEqual(place);
  // It is written before the history, which tells the state.
  const history = () => before.api<unknown[]>("GET", `/connections/${id}/history`);
  while ((await history()).length === 0) await Bun.sleep(100);
  await before.kill();

  const after = await GatewayRig.start(options);
  const elsewhere = await freePort();
  await after.api("PATCH", `/connections/${id}`, { port: elsewhere });
  const silent = await after.until("silent", (status) =>
    status.connections.some(({ reachability }) => reachability?.state === "degraded"),
  );
  expect(silent.connections[0]?.reachability?.reason).toEndWith(
    `it last answered at ${place.address}, and localhost leads to 127.0.0.1:${elsewhere} now`,
  );
  expect(silent.connections[0]?.lastAnswered).toEqual(place);
  await after.stop();
  pbx.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);
