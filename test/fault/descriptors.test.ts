/**
 * D7: the gateway may open nothing more (`prlimit`): the call it has is heard on, what needs a new
 * descriptor is refused in the protocol's own words, and all is well again when it may, without a restart.
 */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { GatewayRig } from "../rigs/gateway.ts";
import { type HeardCall, heardCall } from "../rigs/heard-call.ts";

const canLimit = process.platform === "linux" && Bun.which("prlimit") !== null;
const USUAL = 4_096;

function limit(pid: number, descriptors: number): void {
  const { success, stderr } = Bun.spawnSync(
    ["prlimit", "--pid", String(pid), `--nofile=${descriptors}:${USUAL}`],
    { stderr: "pipe" },
  );
  if (!success) throw new Error(stderr.toString());
}

/** A new descriptor gets the lowest number that is free. */
function lowestFree(pid: number): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let lowest = 0;
  while (open.has(lowest)) lowest += 1;
  return lowest;
}

test.skipIf(!canLimit)(
  "D7: without a descriptor to open new calls are refused, the one that is up goes on, and it is over by itself",
  async () => {
    const gateway = await GatewayRig.start({ rtpPorts: "36100-36199" });
    let talk: HeardCall | undefined;
    try {
      limit(gateway.pid, USUAL);
      await gateway.api("POST", "/users", { name: "alice", password: "long enough" });
      talk = await heardCall(gateway, "alice", "long enough");
      const [before] = (await gateway.status()).calls;
      limit(gateway.pid, lowestFree(gateway.pid));
      const refusal = await talk.softphone.call("250").then(
        () => undefined,
        (error: { status?: number }) => error.status,
      );
      expect(refusal).toBe(503);
      expect(await talk.softphone.register()).toBe(200);
      await talk.isHeard();
      limit(gateway.pid, USUAL);
      const { calls, draining } = await gateway.status();
      expect([calls.map(({ id }) => id), draining]).toEqual([[before?.id ?? ""], false]);
      const second = await talk.softphone.call("250");
      await second.dialog?.hangUp();
      await talk.isHeard();
      await talk.call.dialog?.hangUp();
      await gateway.untilFree();
      expect((await gateway.newestRecord(3))?.status).toBe(200);
    } finally {
      talk?.close();
      expect(await gateway.stop()).toBe(0);
    }
  },
  60_000,
);
