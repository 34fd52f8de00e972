/**
 * D4: a full disk keeps no call from going on, is told as such (507), loses nothing that was said to
 * be saved, and is over when there is room again, without a restart. The data is on a small disk in
 * memory, mounted for the test alone; the call is listened to on both sides.
 */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayRig } from "../rigs/gateway.ts";
import { type HeardCall, heardCall } from "../rigs/heard-call.ts";

/** Undefined where nothing may be mounted. */
function mounted(): { directory: string; unmount: () => void } | undefined {
  if (Bun.which("mount") === null) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "full-disk-"));
  const data = join(directory, "data");
  mkdirSync(data);
  const { success } = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", data]);
  if (success) return { directory, unmount: () => void Bun.spawnSync(["umount", "-l", data]) };
  rmSync(directory, { recursive: true });
  return undefined;
}

/** Tried once, when the file is read: whether there can be a test at all. */
const canMount = (() => {
  const disk = mounted();
  disk?.unmount();
  if (disk) rmSync(disk.directory, { recursive: true, force: true });
  return disk !== undefined;
})();

test.skipIf(!canMount)(
  "D4: a full disk is 507, calls nobody off, and is over when there is room",
  async () => {
    const disk = mounted();
    if (!disk) throw new Error("no disk can be mounted any more");
    const gateway = await GatewayRig.start({ directory: disk.directory });
    const add = async (name: string) => {
      const response = await fetch(`${gateway.url}/api/v1/users`, {
        method: "POST",
        headers: { Authorization: `Bearer ${gateway.token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ name, displayName: "x".repeat(200), password: "long enough" }),
      });
      return response.status;
    };
    const acknowledged: string[] = [];
    const filler = join(disk.directory, "data", "filler");
    let talk: HeardCall | undefined;
    try {
      expect(await add("before")).toBe(201);
      acknowledged.push("before");
      talk = await heardCall(gateway, "before", "long enough");
      const [before] = (await gateway.status()).calls;
      expect(before?.state).toBe("connected");
      // Leaves next to nothing.
      for (let kilobytes = 2_048; kilobytes >= 4; kilobytes /= 2) {
        try {
          writeFileSync(filler, new Uint8Array(kilobytes * 1_024), { flag: "a" });
        } catch {
          // As much as fits.
        }
      }
      let refused = 0;
      for (let index = 0; index < 60 && refused < 3; index++) {
        const status = await add(`during-${index}`);
        if (status === 201) acknowledged.push(`during-${index}`);
        else {
          expect(status).toBe(507);
          refused++;
        }
      }
      expect(refused).toBe(3);
      // Looking goes on, from memory and from the disk.
      expect((await gateway.api<object[]>("GET", "/users")).length).toBe(acknowledged.length);
      const { draining, calls } = await gateway.status();
      expect(draining).toBe(false);
      expect(calls.map(({ id, state }) => [id, state])).toEqual([[before?.id ?? "", "connected"]]);
      await talk.isHeard();
      // It ends as any other, and a next one comes about, before there is room.
      await talk.call.dialog?.hangUp();
      await (await talk.softphone.call("250")).dialog?.hangUp();
      await gateway.until("free of calls", (status) => status.calls.length === 0);
      rmSync(filler);
      expect(await add("after")).toBe(201);
      const users = await gateway.api<{ name: string }[]>("GET", "/users");
      expect(users.map(({ name }) => name)).toEqual([...acknowledged, "after"]);
      // Both calls' records waited for the room.
      expect(await gateway.newestRecord(2, 20_000)).toMatchObject({ status: 200 });
      expect((await gateway.api<object[]>("GET", "/call-records")).length).toBe(2);
    } finally {
      talk?.close();
      await gateway.stop().catch(() => {});
      disk.unmount();
      rmSync(disk.directory, { recursive: true, force: true });
    }
  },
  60_000,
);
