/**
 * A media worker dies in the middle of calls: another one takes them over, the peers are offered the
 * new addresses, and both hear each other again. Calls of the other worker notice nothing (R1).
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { tone, toneIn } from "../../bench/audio/signal.ts";
import type { Recording } from "../../bench/endpoints/audio.ts";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { type SoftphoneCall, VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { digestHa1 } from "../../gateway/sip/digest.ts";
import type { ConnectionId, UserId } from "../../schema/config.ts";
import { InsideGateway } from "../rigs/inside-gateway.ts";

const CALLS = 4;
const SOFTPHONE_HZ = 440;
const PBX_HZ = 1_000;
const LOUD_DBOV = -26;

let gateway: InsideGateway;
let pbx: VirtualPbx;
const softphones: VirtualSoftphone[] = [];
const calls: SoftphoneCall[] = [];

beforeAll(async () => {
  gateway = await InsideGateway.start(2);
  const signal = { durationMs: 2_000, levelDbov: -16 };
  const fromPbx = tone(PBX_HZ, { ...signal, sampleRate: 16_000 });
  const fromSoftphone = tone(SOFTPHONE_HZ, { ...signal, sampleRate: 48_000 });
  pbx = await VirtualPbx.start({ codec: "G722", plays: fromPbx.pcm });
  const names = Array.from({ length: CALLS }, (_, index) => `user-${index}`);
  gateway.configure({
    revision: 1,
    realm: "jackfield",
    users: names.map((name, index) => ({
      id: (index + 1) as UserId,
      name,
      displayName: name,
      enabled: true,
      ha1: {
        md5: digestHa1("MD5", name, "jackfield", "password"),
        sha256: digestHa1("SHA-256", name, "jackfield", "password"),
      },
    })),
    connections: [
      {
        id: 1 as ConnectionId,
        name: "PBX",
        type: "outbound-trunk",
        enabled: true,
        host: "127.0.0.1",
        port: pbx.port,
        transport: "udp",
        realm: "*",
        registrationExpires: 300,
        weight: 100,
        patterns: [{ pattern: "^2", strip: 0, prepend: "" }],
        allow: ["127.0.0.1/32"],
        codecs: ["G722"],
        allowInbound: true,
        allowOutbound: true,
      },
    ],
  });
  for (const user of names) {
    const server = gateway.socketUrl;
    const options = { server, user, password: "password", plays: fromSoftphone.pcm };
    const softphone = await VirtualSoftphone.connect(options);
    softphones.push(softphone);
    expect(await softphone.register()).toBe(200);
    calls.push(await softphone.call("250"));
  }
});

afterAll(async () => {
  for (const softphone of softphones) softphone.close();
  pbx.stop();
  await gateway.stop();
});

/** The level of a tone in the last second that was heard, in dBov. */
function levelOf(heard: Recording, hertz: number): number {
  const pcm = heard.samples().slice(-heard.rate);
  return toneIn({ pcm, sampleRate: heard.rate }, hertz).levelDbov;
}

/** Resolves once every call is heard at both ends; says who is not. */
async function allHeard(withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const before = [...calls, ...pbx.calls].map((call) => call.heard.seconds);
    await Bun.sleep(1_100);
    const silent: string[] = [];
    calls.forEach((call, index) => {
      const grew = call.heard.seconds > (before[index] ?? 0);
      if (!grew || levelOf(call.heard, PBX_HZ) < LOUD_DBOV) silent.push(`softphone ${index}`);
    });
    pbx.calls.forEach((call, index) => {
      const grew = call.heard.seconds > (before[CALLS + index] ?? 0) + 0.5;
      if (!grew || levelOf(call.heard, SOFTPHONE_HZ) < LOUD_DBOV) silent.push(`PBX call ${index}`);
    });
    if (silent.length === 0) return;
    if (performance.now() > deadline) throw new Error(`not heard: ${silent.join(", ")}`);
  }
}

test("R1: a media worker's calls go on in another one, audio and all", async () => {
  await allHeard(10_000);
  expect(pbx.calls.length).toBe(CALLS);
  gateway.killWorker(0);
  // Longer than anything heard before could still be in the last second's recording.
  await Bun.sleep(2_000);
  await allHeard(15_000);
  expect(gateway.records).toEqual([]);
  expect(gateway.log.filter((line) => line.includes("media-worker-lost")).length).toBe(1);
  // Hung up as always: nothing is left of the calls.
  for (const call of calls) await call.dialog?.hangUp();
  for (const call of pbx.calls) await call.dialog?.ended;
  for (let tries = 0; gateway.records.length < CALLS && tries < 50; tries++) await Bun.sleep(20);
  expect(gateway.records.map(({ status, endedBy }) => `${status} ${endedBy}`)).toEqual(
    calls.map(() => "200 caller"),
  );
});
