/**
 * The evidence of a real call in a gateway's own process: real media facts of both legs, while it
 * runs and afterwards, by the API; and that no secret is in any of its forms (X2, W11).
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { tone } from "../../bench/audio/signal.ts";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import type { CallReport } from "../../gateway/b2bua/call-trace.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const PASSWORD = "alice-password-canary";

let gateway: GatewayRig;
let pbx: VirtualPbx;
let softphone: VirtualSoftphone;

beforeAll(async () => {
  gateway = await GatewayRig.start();
  const signal = { durationMs: 2_000, levelDbov: -16 };
  pbx = await VirtualPbx.start({
    codec: "G722",
    plays: tone(1_000, { ...signal, sampleRate: 16_000 }).pcm,
  });
  await gateway.api("POST", "/users", { name: "alice", password: PASSWORD });
  await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    patterns: [{ pattern: "^2" }],
    allow: ["127.0.0.1"],
  });
  softphone = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: "alice",
    password: PASSWORD,
    plays: tone(440, { ...signal, sampleRate: 48_000 }).pcm,
  });
  expect(await softphone.register()).toBe(200);
}, 60_000);
afterAll(async () => {
  softphone?.close();
  await pbx?.stop();
  await gateway?.stop();
});

/** Waits until the report is as wanted. */
async function reportWhere(
  id: string,
  isWanted: (report: CallReport) => boolean,
): Promise<CallReport> {
  for (;;) {
    const report = await gateway.api<CallReport>("GET", `/calls/${id}`);
    if (isWanted(report)) return report;
    await Bun.sleep(200);
  }
}

test("X2, W11: a call's media are told while it runs and when it is over, and no secret with them", async () => {
  await softphone.call("250");
  const [live] = await gateway.api<{ id: string }[]>("GET", "/calls");
  const id = live?.id ?? "";
  const measured = ({ trace }: CallReport) =>
    trace?.parties.every(({ media }) => (media?.packetsReceived ?? 0) > 0) === true;
  const running = await reportWhere(id, measured);
  expect(running.status?.state).toBe("connected");
  const [phone, trunk] = running.trace?.parties ?? [];
  expect(phone?.media).toMatchObject({
    kind: "webrtc",
    codec: "opus",
    dtls: "keyed",
    ice: { isNominated: true },
  });
  expect(trunk?.media).toMatchObject({
    kind: "trunk",
    codec: "G722",
    signalled: { address: "127.0.0.1" },
  });
  await gateway.api("DELETE", `/calls/${id}`);
  const over = await reportWhere(id, ({ record }) => record !== undefined);
  expect(over.findings[0]?.cause).toBe("by-administrator");
  expect(over.trace?.decisions.some(({ text }) => text.includes("audio arrives from PBX"))).toBe(
    true,
  );
  for (const form of ["", "/ladder", "/text", "/pcap"]) {
    const response = await fetch(`${gateway.url}/api/v1/calls/${id}${form}`, {
      headers: { Authorization: `Bearer ${gateway.token}` },
    });
    const text = await response.text();
    expect([form, response.status, text.length > 500]).toEqual([form, 200, true]);
    expect([form, /response="(?!\(masked\))|ice-pwd:(?!\(masked\))|canary/.test(text)]).toEqual([
      form,
      false,
    ]);
  }
}, 60_000);
