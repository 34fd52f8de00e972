/**
 * D7: the disk fails, or may only be read from now on. What can't be saved is told as such (507), what
 * was said to be saved is there, calls are heard on and new ones come about, and it is over when the
 * disk works again, without a restart. The kernel answers the database's writes so, by strace.
 */
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { GatewayRig } from "../rigs/gateway.ts";
import { type HeardCall, heardCall } from "../rigs/heard-call.ts";

/** It is installed, and may watch a program that runs already. */
const canInject = (() => {
  if (Bun.which("strace") === null) return false;
  const idle = Bun.spawn(["sleep", "5"]);
  const { stderr } = Bun.spawnSync(["strace", "-p", String(idle.pid), "-o", "/dev/null"], {
    timeout: 500,
    killSignal: "SIGINT",
  });
  idle.kill();
  return /attached/.test(stderr.toString());
})();

/** From then on the system calls that reach the disk fail so, until the returned is called. */
async function failing(pid: number, error: "EIO" | "EROFS"): Promise<() => Promise<void>> {
  const calls = "pwrite64,fsync,fdatasync,ftruncate";
  const strace = Bun.spawn(
    [
      ...["strace", "-f", "-p", String(pid), "-o", "/dev/null", "-e", `trace=${calls}`],
      ...["-e", `inject=${calls}:error=${error}`],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const reader = strace.stderr.getReader();
  const said = new TextDecoder();
  for (let text = ""; !/attached/.test(text); ) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`strace did not attach: ${text}`);
    text += said.decode(value);
  }
  return async () => {
    strace.kill("SIGINT");
    await strace.exited;
  };
}

test.skipIf(!canInject).each(["EIO", "EROFS"] as const)(
  "D7: a disk that answers %s is 507, calls nobody off, and is over when it works again",
  async (error) => {
    const gateway = await GatewayRig.start({ keepsDirectory: true });
    const add = async (name: string) => {
      const response = await fetch(`${gateway.url}/api/v1/users`, {
        method: "POST",
        headers: { Authorization: `Bearer ${gateway.token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ name, password: "long enough" }),
      });
      return response.status;
    };
    let talk: HeardCall | undefined;
    let mend: (() => Promise<void>) | undefined;
    try {
      expect(await add("before")).toBe(201);
      talk = await heardCall(gateway, "before", "long enough");
      mend = await failing(gateway.pid, error);
      for (let index = 0; index < 3; index++) {
        expect([index, await add(`during-${index}`)]).toEqual([index, 507]);
      }
      const users = () => gateway.api<{ name: string }[]>("GET", "/users");
      expect((await users()).map(({ name }) => name)).toEqual(["before"]);
      await talk.isHeard();
      await talk.call.dialog?.hangUp();
      await (await talk.softphone.call("250")).dialog?.hangUp();
      await gateway.until("free of calls", (status) => status.calls.length === 0);
      await mend();
      mend = undefined;
      expect(await add("after")).toBe(201);
      expect((await users()).map(({ name }) => name)).toEqual(["before", "after"]);
      expect(await gateway.newestRecord(2, 20_000)).toMatchObject({ status: 200 });
    } finally {
      await mend?.();
      talk?.close();
      await gateway.stop().catch(() => {});
    }
    // And it is on the disk, not only in memory.
    const { directory } = gateway;
    const again = await GatewayRig.start({ directory });
    try {
      const users = await again.api<{ name: string }[]>("GET", "/users");
      expect(users.map(({ name }) => name)).toEqual(["before", "after"]);
    } finally {
      await again.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);
