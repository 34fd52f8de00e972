/**
 * sipp (Debian) on the PBX side, as caller and as callee: a hundred calls at ten a second, none
 * lost, and nothing left behind. The softphone's side speaks SIP alone; no audio is sent.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const hasSipp = Bun.which("sipp") !== null;
const CALLS = 100;
const PER_SECOND = 10;
const TALK_MS = 1_500;

/** As a browser would write it; nobody answers its ICE checks. */
function browserSdp(setup: "actpass" | "active"): string {
  const fingerprint = Array.from({ length: 32 }, () => "A5").join(":");
  return [
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    `a=fingerprint:sha-256 ${fingerprint}`,
    `a=setup:${setup}`,
    "a=mid:0",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "",
  ].join("\r\n");
}

describe.each(["udp", "tcp"] as const)("over %s", (transport) => {
  let gateway: GatewayRig;
  let softphone: VirtualSoftphone;
  let directory: string;
  const sippPort = transport === "udp" ? 26_060 : 26_070;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "sipp-"));
    gateway = await GatewayRig.start({ rtpPorts: "32000-32399" });
    const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
    await gateway.api("POST", "/connections", {
      name: "sipp",
      type: "outbound-trunk",
      host: "127.0.0.1",
      port: sippPort,
      transport,
      patterns: [{ pattern: "^2\\d{2}$" }],
      allow: ["127.0.0.1"],
      codecs: ["PCMA", "PCMU"],
      inboundUser: user["id"],
    });
    const server = gateway.socketUrl;
    const plays = new Int16Array(480);
    softphone = await VirtualSoftphone.connect({
      server,
      user: "alice",
      password: "alice-password",
      plays,
    });
    expect(await softphone.register()).toBe(200);
  });

  afterAll(async () => {
    softphone.close();
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  function sipp(args: string[]): Bun.Subprocess {
    const common = [
      "-i",
      "127.0.0.1",
      "-p",
      String(sippPort),
      "-m",
      String(CALLS),
      "-nostdin",
      "-timeout",
      "60",
      "-t",
      transport === "udp" ? "u1" : "t1",
    ];
    return Bun.spawn(["sipp", ...args, ...common], {
      cwd: directory,
      stdio: ["ignore", "ignore", "ignore"],
    });
  }

  test.skipIf(!hasSipp)(
    "sipp calls the softphone a hundred times, none is lost",
    async () => {
      let answered = 0;
      softphone.answerAll(browserSdp("active"), () => {
        answered += 1;
      });
      const target = `127.0.0.1:${gateway.sipPort}`;
      const caller = sipp([
        "-sn",
        "uac",
        target,
        "-s",
        "alice",
        "-r",
        String(PER_SECOND),
        "-d",
        String(TALK_MS),
      ]);
      // sipp ends with 0 only when every call went as its scenario says.
      expect(await caller.exited).toBe(0);
      expect(answered).toBe(CALLS);
      softphone.onCall = undefined;
    },
    90_000,
  );

  test.skipIf(!hasSipp)(
    "the softphone calls sipp a hundred times, none is lost",
    async () => {
      const callee = sipp(["-sn", "uas"]);
      await Bun.sleep(500);
      const calls: Promise<string>[] = [];
      for (let call = 0; call < CALLS; call++) {
        calls.push(
          softphone.callWithoutMedia("250", browserSdp("actpass")).then(async (dialog) => {
            await Bun.sleep(TALK_MS);
            await dialog.hangUp();
            return dialog.ended;
          }),
        );
        await Bun.sleep(1_000 / PER_SECOND);
      }
      const outcomes = await Promise.allSettled(calls);
      expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
      expect(await callee.exited).toBe(0);
    },
    90_000,
  );

  test.skipIf(!hasSipp)(
    "no leg, port, timer or worker session is left behind",
    async () => {
      const { alive } = await gateway.untilIdle();
      expect(alive).toMatchObject({ calls: 0, dialogs: 0, callTransactions: 0, mediaCommands: 0 });
      expect(softphone.alive).toBe(0);
      const records = await gateway.api<{ status: number }[]>("GET", "/call-records?limit=500");
      expect(records.length).toBe(2 * CALLS);
      expect(records.every(({ status }) => status === 200)).toBe(true);
    },
    60_000,
  );
});
