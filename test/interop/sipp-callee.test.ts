/**
 * sipp (Debian) as a PBX that is called: it asks for passwords, speaks before it answers, forks,
 * redirects, is overloaded, and hangs up or is cancelled at the worst moment. Each scenario is a
 * connection of its own with an address of its own.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { CallRefused, type OutgoingCall } from "../../gateway/phone/sip-dialog.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { browserSdp, silentSoftphone } from "../rigs/signalling.ts";
import { SippProcess } from "../rigs/sipp-process.ts";

const hasSipp = Bun.which("sipp") !== null;
const withSipp = test.skipIf(!hasSipp);

let directory = "";
let gateway: GatewayRig;
let alice: VirtualSoftphone;
let sites = 0;

beforeAll(async () => {
  if (!hasSipp) return;
  directory = mkdtempSync(join(tmpdir(), "sipp-callee-"));
  gateway = await GatewayRig.start({ rtpPorts: "33400-33799" });
  alice = (await silentSoftphone(gateway, "alice")).phone;
});

afterAll(async () => {
  if (!hasSipp) return;
  alice.close();
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A PBX that follows the scenario, and the number that leads there. */
async function pbx(
  scenario: string,
  more: object = {},
): Promise<{ sipp: SippProcess; number: string }> {
  sites += 1;
  const address = `127.11.0.${sites}`;
  const port = 26_400 + sites;
  const number = String(700 + sites);
  await gateway.api("POST", "/connections", {
    name: `${scenario} ${number}`,
    type: "outbound-trunk",
    host: address,
    port,
    patterns: [{ pattern: `^${number}$` }],
    allow: [address],
    codecs: ["PCMA"],
    ...more,
  });
  return { sipp: await SippProcess.start({ directory, scenario, address, port }), number };
}

const offer = () => browserSdp("actpass");

async function refusalOf(call: OutgoingCall): Promise<CallRefused> {
  const error = await call.answered.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CallRefused)) throw new Error(`not refused: ${error}`);
  return error;
}

/** Resolves when the call has seen that provisional status. */
async function progressed(call: OutgoingCall, status: number): Promise<void> {
  for (let tries = 0; tries < 250; tries++) {
    if (call.progress.some((it) => it.status === status)) return;
    await Bun.sleep(20);
  }
  throw new Error(`no ${status} came`);
}

const free = () => gateway.untilFree();

withSipp("401, the same INVITE with the password, then 180, 183 and 200", async () => {
  const account = { username: "gateway", password: "sipp-password" };
  const { sipp, number } = await pbx("uas-challenge", account);
  const dialog = await alice.callWithoutMedia(number, offer());
  await dialog.hangUp();
  await sipp.passed();
  await free();
});

withSipp("a wrong password: the PBX's refusal ends the call, it isn't tried again", async () => {
  const account = { username: "gateway", password: "not-the-password" };
  const { sipp, number } = await pbx("uas-challenge", account);
  expect((await refusalOf(alice.invite(number, offer()))).status).toBe(403);
  await sipp.passed();
  await free();
});

withSipp(
  "early media: 183 with a description, 180 after it, one description to the end",
  async () => {
    const { sipp, number } = await pbx("uas-early-media");
    const call = alice.invite(number, offer());
    const { dialog, sdp } = await call.answered;
    alice.track(dialog);
    const early = call.progress.find(({ status }) => status === 183);
    expect(early?.sdp).toBe(sdp);
    await dialog.hangUp();
    await sipp.passed();
    await free();
  },
);

withSipp(
  "S12 forked: a dialog for each tag, the second answer is acknowledged and ended",
  async () => {
    const { sipp, number } = await pbx("uas-forked");
    const dialog = await alice.callWithoutMedia(number, offer());
    let isOver = false;
    void dialog.ended.then(() => {
      isOver = true;
    });
    await Bun.sleep(500);
    // The loser's BYE is the loser's: the call goes on.
    expect(isOver).toBe(false);
    await dialog.hangUp();
    await sipp.passed();
    await free();
  },
);

withSipp("302 to a foreign host is not followed", async () => {
  const { sipp, number } = await pbx("uas-redirect-abroad", { followRedirects: true });
  const refusal = await refusalOf(alice.invite(number, offer()));
  expect(refusal.status).toBe(502);
  expect(refusal.message).toContain("foreign host");
  await sipp.passed();
  await free();
});

withSipp("503: there is no other way, so the softphone gets it", async () => {
  const { sipp, number } = await pbx("uas-unavailable");
  expect((await refusalOf(alice.invite(number, offer()))).status).toBe(503);
  await sipp.passed();
  await free();
});

withSipp("cancelled while it rings", async () => {
  const { sipp, number } = await pbx("uas-cancelled");
  const call = alice.invite(number, offer());
  await progressed(call, 180);
  call.cancel();
  expect((await refusalOf(call)).status).toBe(487);
  await sipp.passed();
  await free();
});

withSipp("S12 the 200 crosses the CANCEL: acknowledged, then ended by BYE", async () => {
  const { sipp, number } = await pbx("uas-cancel-crossed");
  const call = alice.invite(number, offer());
  await progressed(call, 180);
  call.cancel();
  expect((await refusalOf(call)).status).toBe(487);
  await sipp.passed();
  await free();
});

withSipp("S12 both hang up at once", async () => {
  const { sipp, number } = await pbx("uas-bye-crossed");
  const dialog = await alice.callWithoutMedia(number, offer());
  await dialog.hangUp();
  await sipp.passed();
  await free();
});

withSipp("the PBX hangs up with the ACK still warm", async () => {
  const { sipp, number } = await pbx("uas-hangs-up-at-once");
  const dialog = await alice.callWithoutMedia(number, offer());
  await dialog.ended;
  await sipp.passed();
  await free();
});

withSipp(
  "nothing is left behind",
  async () => {
    const { alive } = await gateway.untilFree();
    expect(alive).toMatchObject({ calls: 0, dialogs: 0, legs: 0, callTransactions: 0 });
  },
  60_000,
);
