/**
 * Keys through the gateway as a process of its own, between libwebrtc and a PBX that takes and sends
 * them as telephone-events, by INFO or as tones: what is told and what is heard on each side.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { keyOrder, keysIn } from "../../bench/audio/keys.ts";
import { tone } from "../../bench/audio/signal.ts";
import { type KeyForm, type PbxCall, VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { type SoftphoneCall, VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { GatewayRig } from "../rigs/gateway.ts";

interface Office {
  name: string;
  /** What the PBX takes, and what the connection says. */
  keys: KeyForm;
  dtmfMode?: "rfc2833" | "info" | "inband";
  codec: "G722" | "PCMA" | "PCMU";
  notice?: string;
}

const OFFICES: readonly Office[] = [
  { name: "telephone-events", keys: "events", dtmfMode: "rfc2833", codec: "G722" },
  { name: "INFO", keys: "info", dtmfMode: "info", codec: "PCMU" },
  { name: "tones in G.722", keys: "tones", dtmfMode: "inband", codec: "G722" },
  {
    name: "INFO, for want of telephone-events",
    keys: "info",
    codec: "PCMA",
    notice: "the PBX takes no telephone-event: keys go to it by INFO",
  },
  {
    name: "tones, for want of anything else",
    keys: "tones",
    codec: "PCMA",
    notice: "the PBX takes no telephone-event and no INFO: keys go to it as tones",
  },
];

/** Something to hear, so that no stream falls silent, and too little to be taken for a key. */
const murmur = (sampleRate: number) =>
  tone(300, { sampleRate, durationMs: 1_000, levelDbov: -45 }).pcm;

let gateway: GatewayRig;
let softphone: VirtualSoftphone;
const pbxs: VirtualPbx[] = [];

beforeAll(async () => {
  gateway = await GatewayRig.start();
  await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
  for (const [index, { name, keys, dtmfMode, codec }] of OFFICES.entries()) {
    const plays = murmur(codec === "G722" ? 16_000 : 8_000);
    const pbx = await VirtualPbx.start({ codec, plays, keys });
    pbxs.push(pbx);
    await gateway.api("POST", "/connections", {
      name,
      type: "outbound-trunk",
      host: "127.0.0.1",
      port: pbx.port,
      allow: ["127.0.0.1"],
      patterns: [{ pattern: `^${index}$` }],
      codecs: [codec],
      ...(dtmfMode ? { dtmfMode } : {}),
    });
  }
  softphone = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: "alice",
    password: "alice-password",
    plays: murmur(48_000),
  });
  expect(await softphone.register()).toBe(200);
});

afterAll(async () => {
  softphone?.close();
  for (const pbx of pbxs) pbx.stop();
  expect(await gateway?.stop()).toBe(0);
});

/** Waits until as many keys were taken or heard as were pressed. */
async function untilKeys(heard: () => string, count: number): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (heard().length < count && performance.now() < deadline) await Bun.sleep(50);
  // What would come twice has time to.
  await Bun.sleep(600);
}

const told = (keys: readonly { digit: string }[]) => keys.map(({ digit }) => digit).join("");

/** Where a voice sets in again G.722 clicks: that is no key and none that was spoilt is missed. */
const soundsIn = (call: PbxCall | SoftphoneCall) =>
  keysIn({ pcm: call.heard.samples(), sampleRate: call.heard.rate }).filter(
    ({ key }) => key !== "?",
  );

describe.each(OFFICES.map((office, index) => ({ ...office, index })))("DTM-02: a PBX with $name", ({
  keys,
  index,
  notice,
}) => {
  test("the softphone's INFO in both its forms, and the PBX's keys", async () => {
    const call = await softphone.call(String(index));
    const pbxCall = pbxs[index]?.calls.at(-1);
    if (!pbxCall) throw new Error("the PBX has no call");
    const byPbx = () =>
      keys === "tones"
        ? soundsIn(pbxCall)
            .map(({ key }) => key)
            .join("")
        : told(pbxCall.keys);
    for (const [type, text] of [
      ["application/dtmf-relay", "Signal=1\r\nDuration=240\r\n"],
      ["application/dtmf", "#"],
      ["application/dtmf-relay", "Signal= 1\r\nDuration= 120\r\n"],
    ] as const) {
      expect((await call.dialog?.inform(type, text))?.status).toBe(200);
    }
    await untilKeys(byPbx, 3);
    expect(byPbx()).toBe("1#1");
    const sounds = keys === "tones" ? soundsIn(pbxCall) : pbxCall.keys;
    [240, 160, 120].forEach((durationMs, at) => {
      expect(Math.abs((sounds[at]?.durationMs ?? 0) - durationMs)).toBeLessThanOrEqual(20);
    });
    expect(pbxCall.packetsReceived).toBeGreaterThan(0);

    // The softphone negotiated telephone-events: libwebrtc plays each as its two tones.
    const bySoftphone = () => keyOrder({ pcm: call.heard.samples(), sampleRate: call.heard.rate });
    for (const key of "59*") pbxCall.press(key, 160);
    await untilKeys(bySoftphone, 3);
    expect(bySoftphone()).toBe("59*");
    expect(call.keys).toEqual([]);

    const before = await gateway.api<CallRecord[]>("GET", "/call-records?limit=500");
    await call.dialog?.hangUp();
    const record = await gateway.newestRecord(before.length + 1);
    expect(record?.notices).toEqual(notice === undefined ? undefined : [notice]);
  });
});
