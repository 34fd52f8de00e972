/**
 * The one binary, where there is nothing else: built, copied into an empty directory and run in a
 * mount namespace in which every node_modules of this checkout is empty, because a native addon
 * would silently be found in one nearby. It serves a call there.
 */
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { matches } from "../../bench/audio/compare.ts";
import { recordedSpeech } from "../../bench/audio/speech.ts";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const root = join(import.meta.dir, "..", "..");
const hide = `mount -t tmpfs none ${join(root, "node_modules")} && exec ./jackfield "$@"`;
const inNamespace = ["unshare", "--mount", "sh", "-c"];
const canHide =
  Bun.which("unshare") !== null &&
  Bun.spawnSync([...inNamespace, `mount -t tmpfs none ${join(root, "node_modules")}`]).exitCode ===
    0;

test.skipIf(!canHide)(
  "dist/jackfield serves a call without any node_modules",
  async () => {
    const built = Bun.spawnSync([process.execPath, "gateway/build.ts"], { cwd: root });
    expect(built.exitCode).toBe(0);
    const directory = mkdtempSync(join(tmpdir(), "binary-"));
    copyFileSync(join(root, "dist/jackfield"), join(directory, "jackfield"));
    chmodSync(join(directory, "jackfield"), 0o755);
    const hidden = Bun.spawnSync([
      ...inNamespace,
      `mount -t tmpfs none ${join(root, "node_modules")} && ls ${join(root, "node_modules")} | wc -l`,
    ]);
    expect(hidden.stdout.toString().trim()).toBe("0");

    const gateway = await GatewayRig.start({ command: [...inNamespace, hide, "sh"], directory });
    const fromSoftphone = recordedSpeech("waiting", 48_000);
    const fromPbx = recordedSpeech("ships", 16_000);
    const pbx = await VirtualPbx.start({ codec: "G722", plays: fromPbx.pcm });
    await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
    const { id } = await gateway.api("POST", "/connections", {
      name: "PBX",
      type: "outbound-trunk",
      host: "127.0.0.1",
      port: pbx.port,
      patterns: [{ pattern: "." }],
      allowInbound: false,
    });
    const server = gateway.socketUrl;
    const plays = fromSoftphone.pcm;
    const softphone = await VirtualSoftphone.connect({
      server,
      user: "alice",
      password: "alice-password",
      plays,
    });
    expect(await softphone.register()).toBe(200);
    const call = await softphone.call("250");
    await Bun.sleep(5_000);
    const [pbxCall] = pbx.calls;
    expect(matches(fromPbx, { pcm: call.heard.samples(), sampleRate: call.heard.rate })).toBe(true);
    expect(
      pbxCall && matches(fromSoftphone, { pcm: pbxCall.heard.samples(), sampleRate: 16_000 }),
    ).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(["data", "jackfield"]);
    await call.dialog?.hangUp();
    softphone.close();
    // The test call's thread is in it as well; this PBX says something, and sends nothing back.
    const tested = await fetch(`${gateway.url}/api/v1/connections/${id}/test-call`, {
      method: "POST",
      headers: { Authorization: `Bearer ${gateway.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ number: "251" }),
    });
    expect(await tested.text()).toContain('"verdict":"hears-other"');
    pbx.stop();
    expect(await gateway.stop()).toBe(0);
    rmSync(directory, { recursive: true, force: true });
  },
  120_000,
);
