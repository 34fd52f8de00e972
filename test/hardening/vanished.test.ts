/**
 * Peers that are not what they seem, in real time: one whose answers nobody sees (S3), one that says
 * nothing any more and one that is gone from one moment to the next (R13). Each call ends by
 * itself, with its cause in the record, and its place is free.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { browserSdp, silentSoftphone } from "../rigs/signalling.ts";
import { SippProcess } from "../rigs/sipp-process.ts";
import { canSpoof, Spoofer } from "../rigs/spoofed.ts";

const hasSipp = Bun.which("sipp") !== null;
const withSipp = test.skipIf(!hasSipp);
const ACK_WAIT_MS = 32_000;
const SPOOFED_CALLS = 20;
const SPOOFED_PLACES = 3;
const PBX_SDP = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=-",
  "c=IN IP4 127.0.0.1",
  "t=0 0",
  "m=audio 26790 RTP/AVP 8",
  "",
].join("\r\n");

let directory = "";
let gateway: GatewayRig;
const closing: (() => void)[] = [];
let users = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "vanished-"));
  gateway = await GatewayRig.start({ rtpPorts: "35000-35399" });
});

afterAll(async () => {
  for (const close of closing) close();
  await gateway?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A user with a softphone, and a PBX at an address of its own that rings it. */
async function place(): Promise<{ phone: VirtualSoftphone; site: Site }> {
  users += 1;
  const index = users;
  const name = `user${index}`;
  const { phone, id } = await silentSoftphone(gateway, name);
  closing.push(() => phone.close());
  const site = {
    name,
    number: String(600 + index),
    address: `127.13.0.${index}`,
    port: 26_700 + index,
  };
  await gateway.api("POST", "/connections", {
    name: `PBX of ${name}`,
    type: "outbound-trunk",
    host: site.address,
    port: site.port,
    patterns: [{ pattern: `^${site.number}$` }],
    allow: [site.address],
    codecs: ["PCMA"],
    inboundUser: id,
  });
  return { phone, site };
}

interface Site {
  name: string;
  number: string;
  address: string;
  port: number;
}

function sippAt({ name, address, port }: Site, scenario: string, calls: boolean) {
  const target = calls ? { target: `127.0.0.1:${gateway.sipPort}`, service: name } : {};
  return SippProcess.start({
    ...{ directory, scenario, address, port, timeoutSeconds: 80 },
    ...target,
  });
}

/** The record of the user's call, once it is over. */
async function recordOf({ name, number }: Site, withinMs: number): Promise<CallRecord> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const records = await gateway.api<CallRecord[]>("GET", "/call-records?limit=500");
    const record = records.find(
      ({ caller, callee }) => caller === name || callee === name || callee === number,
    );
    if (record) return record;
    if (performance.now() > deadline) throw new Error(`the call of ${name} never ended`);
    await Bun.sleep(250);
  }
}

/** How many places of its connection a user's PBX holds. */
async function placesHeld({ name }: Site): Promise<number | undefined> {
  const { connections } = await gateway.status();
  return connections.find((it) => it.name === `PBX of ${name}`)?.callsNow;
}

/** An INVITE whose answers nobody sees: the 200 is repeated for 32 s, then comes the BYE. */
async function unacknowledged(): Promise<void> {
  const { phone, site } = await place();
  const answered = Promise.withResolvers<void>();
  phone.answerAll(browserSdp("active"), (dialog) => {
    answered.resolve();
    void dialog.ended.then((why) => reasons.push(why));
  });
  const reasons: string[] = [];
  const sipp = await sippAt(site, "uac-unacknowledged", true);
  await answered.promise;
  const answeredAt = performance.now();
  expect(await placesHeld(site)).toBe(1);
  await sipp.passed();
  const waitedMs = performance.now() - answeredAt;
  expect(waitedMs).toBeGreaterThan(ACK_WAIT_MS - 1_500);
  expect(waitedMs).toBeLessThan(ACK_WAIT_MS + 3_000);
  const record = await recordOf(site, 5_000);
  // Whoever sees no answers sends no audio either; which of the two is noticed first does not matter.
  expect(record.reason).toMatch(/never acknowledged|no audio/);
  expect(reasons).toHaveLength(1);
  expect(await placesHeld(site)).toBe(0);
}

/**
 * INVITEs with the source of an allowed PBX that did not send them: a raw socket's. They get no more
 * places than the connection has, and give them back though nobody ever hangs up.
 */
async function spoofed(): Promise<void> {
  const { phone, site } = await place();
  const { connections } = await gateway.status();
  const { id } = connections.find((it) => it.name === `PBX of ${site.name}`) ?? {};
  await gateway.api("PATCH", `/connections/${id}`, { maxInbound: SPOOFED_PLACES });
  // The PBX itself: it gets what answers there are, and has no idea.
  const heard: string[] = [];
  const pbx = await Bun.udpSocket({
    hostname: site.address,
    port: site.port,
    socket: { data: (_socket, data) => void heard.push(data.toString()) },
  });
  const spoofer = new Spoofer();
  closing.push(() => pbx.close());
  phone.answerAll(browserSdp("active"), () => {});
  for (let index = 0; index < SPOOFED_CALLS; index++) {
    spoofer.send(
      inviteOf(site, index),
      { address: site.address, port: site.port },
      { address: "127.0.0.1", port: gateway.sipPort },
    );
    await Bun.sleep(20);
  }
  spoofer.close();
  const until = performance.now() + 60_000;
  while ((await placesHeld(site)) !== SPOOFED_PLACES) await Bun.sleep(20);
  while ((await placesHeld(site)) !== 0 && performance.now() < until) await Bun.sleep(250);
  expect(await placesHeld(site)).toBe(0);
  const callsOf = (pattern: RegExp) =>
    new Set(heard.filter((it) => pattern.test(it)).map((it) => /^Call-ID: (\S+)/im.exec(it)?.[1]));
  expect(callsOf(/^SIP\/2.0 503 /).size).toBe(SPOOFED_CALLS - SPOOFED_PLACES);
  expect(callsOf(/^BYE /).size).toBe(SPOOFED_PLACES);
}

const inviteOf = ({ name, address, port }: Site, index: number): string =>
  [
    `INVITE sip:${name}@127.0.0.1 SIP/2.0`,
    `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bKspoofed${index}`,
    `From: <sip:thief@${address}>;tag=${index}`,
    `To: <sip:${name}@127.0.0.1>`,
    `Call-ID: spoofed-${index}`,
    "CSeq: 1 INVITE",
    `Contact: <sip:thief@${address}:${port}>`,
    "Max-Forwards: 70",
    "Content-Type: application/sdp",
    `Content-Length: ${PBX_SDP.length}`,
    "",
    PBX_SDP,
  ].join("\r\n");

/** The peer answers SIP, but no audio comes from it. */
async function silent(): Promise<void> {
  const { phone, site } = await place();
  const sipp = await sippAt(site, "uas-stays-silent", false);
  const dialog = await phone.callWithoutMedia(site.number, browserSdp("actpass"));
  expect(await dialog.ended).toContain("no audio");
  await sipp.passed();
  expect(await recordOf(site, 5_000)).toMatchObject({ endedBy: "gateway" });
  expect(await placesHeld(site)).toBe(0);
}

/** The peer is gone: its port is closed, the BYE to it leads nowhere. */
async function vanished(): Promise<void> {
  const { phone, site } = await place();
  const sipp = await sippAt(site, "uas-vanishes", false);
  const dialog = await phone.callWithoutMedia(site.number, browserSdp("actpass"));
  await sipp.passed();
  expect(await dialog.ended).toContain("no audio");
  expect((await recordOf(site, 50_000)).reason).toContain("no audio");
}

// They wait for the same half minute, so they wait together.
const waiting: Record<string, Promise<void>> = {};
const SIPP_CALLS = { unacknowledged, silent, vanished };
test("calls are up", async () => {
  if (hasSipp) for (const [name, play] of Object.entries(SIPP_CALLS)) waiting[name] = play();
  if (canSpoof) waiting["spoofed"] = spoofed();
  for (const it of Object.values(waiting)) it.catch(() => {});
  const expected = (hasSipp ? Object.keys(SIPP_CALLS).length : 0) + (canSpoof ? SPOOFED_PLACES : 0);
  await gateway.until(`in ${expected} calls`, ({ calls }) => calls.length === expected);
});

withSipp(
  "S3 an INVITE whose answers are unseen: BYE after 32 s, and its place is free",
  async () => waiting["unacknowledged"],
  60_000,
);
test.skipIf(!canSpoof)(
  "S3 INVITEs with a source that isn't theirs, by a raw socket: no more than the connection's places, all free again",
  async () => waiting["spoofed"],
  90_000,
);
withSipp(
  "R13 a peer without audio: BYE both ways, the cause is recorded",
  async () => waiting["silent"],
  60_000,
);
withSipp(
  "R13 a peer that is gone: the call ends all the same",
  async () => waiting["vanished"],
  90_000,
);
test("nothing is left of them", async () => {
  const { alive } = await gateway.untilIdle();
  expect(alive).toMatchObject({ calls: 0, dialogs: 0, legs: 0, callTransactions: 0 });
}, 60_000);
