/**
 * S12: ends that cross. The PBX answers while the softphone cancels, and hangs up while the
 * softphone does, thousands of times about the same moment; whatever crosses, no leg is left.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { CallRefused, type OutgoingCall } from "../../gateway/phone/sip-dialog.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { RacingPbx } from "../rigs/racing-pbx.ts";
import { scaled } from "../rigs/scale.ts";
import { browserSdp, silentSoftphone } from "../rigs/signalling.ts";

const RACES = 10_000;
const SHARE = 0.08;
/** The PBX's moment after its ringing or the ACK; the softphone's is before, at or after it. */
const MOMENT_MS = 10;
const PER_SECOND = 50;
/** Several, as each may send only so much (S4). */
const PHONES = 8;

let gateway: GatewayRig;
let pbx: RacingPbx;
const phones: VirtualSoftphone[] = [];

beforeAll(async () => {
  gateway = await GatewayRig.start({ rtpPorts: "34200-34999" });
  pbx = await RacingPbx.start();
  for (let index = 0; index < PHONES; index++) {
    phones.push((await silentSoftphone(gateway, `user${index}`)).phone);
  }
  await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    patterns: [{ pattern: "^501$" }],
    codecs: ["PCMA"],
    allowInbound: false,
  });
});

afterAll(async () => {
  for (const phone of phones) phone.close();
  pbx.stop();
  await gateway.stop();
});

type End = (phone: VirtualSoftphone, call: OutgoingCall) => Promise<string>;

/** Makes `races` calls, each ended by `end`; returns how often each outcome came. */
async function run(races: number, end: End): Promise<Record<string, number>> {
  const outcomes: Promise<string>[] = [];
  const startedAt = performance.now();
  for (let index = 0; index < races; index++) {
    const phone = phones[index % PHONES] as VirtualSoftphone;
    const call = phone.invite("501", browserSdp("actpass"));
    outcomes.push(end(phone, call).catch((error: Error) => error.message));
    const nextAt = startedAt + ((index + 1) * 1_000) / PER_SECOND;
    await Bun.sleep(Math.max(0, nextAt - performance.now()));
  }
  const counts: Record<string, number> = {};
  for (const outcome of await Promise.all(outcomes)) counts[outcome] = (counts[outcome] ?? 0) + 1;
  console.log(counts);
  return counts;
}

let step = 0;
/** Moments from 0 to twice the PBX's, spread evenly: nothing is left to luck. */
function moment(): number {
  step = (step + 7) % 31;
  return (step * 2 * MOMENT_MS) / 30;
}

async function cancelsAtOnce(phone: VirtualSoftphone, call: OutgoingCall): Promise<string> {
  const over = call.answered.then(
    () => true,
    () => true,
  );
  while (!call.progress.some(({ status }) => status === 180)) {
    if (await Promise.race([over, Bun.sleep(1)])) break;
  }
  await Bun.sleep(moment());
  call.cancel();
  try {
    const { dialog } = await call.answered;
    phone.track(dialog);
    await dialog.hangUp();
    return "answered";
  } catch (error) {
    if (error instanceof CallRefused && error.status === 487) return "cancelled";
    throw error;
  }
}

async function hangsUpAtOnce(phone: VirtualSoftphone, call: OutgoingCall): Promise<string> {
  const { dialog } = await call.answered;
  phone.track(dialog);
  await Bun.sleep(moment());
  await dialog.hangUp();
  return (await dialog.ended) === "hung up here" ? "by the softphone" : "by the PBX";
}

test("S12 the answer races the CANCEL: every call ends whole", async () => {
  pbx.moments = { answers: () => MOMENT_MS };
  const races = scaled("S12 CANCEL and 200", RACES / 2, SHARE);
  const { answered = 0, cancelled = 0, ...others } = await run(races, cancelsAtOnce);
  expect(others).toEqual({});
  // Both won now and then: it was a race.
  expect(Math.min(answered, cancelled)).toBeGreaterThan(races / 20);
}, 600_000);

test("S12 both hang up: every call ends once", async () => {
  pbx.moments = { answers: () => 0, hangsUp: () => MOMENT_MS };
  const races = scaled("S12 BYE and BYE", RACES / 2, SHARE);
  const counts = await run(races, hangsUpAtOnce);
  const { "by the PBX": byPbx = 0, "by the softphone": bySoftphone = 0, ...others } = counts;
  expect(others).toEqual({});
  expect(Math.min(byPbx, bySoftphone)).toBeGreaterThan(races / 20);
}, 600_000);

test("S12 no leg is stuck", async () => {
  const { alive } = await gateway.untilIdle();
  expect(alive).toMatchObject({ calls: 0, dialogs: 0, legs: 0, callTransactions: 0 });
  expect(pbx.dialogs).toBe(0);
  expect(phones.map((phone) => phone.alive)).toEqual(phones.map(() => 0));
}, 60_000);
