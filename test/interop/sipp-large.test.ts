/**
 * RFC 3261 §18.1.1 with sipp (Debian) as a PBX: an INVITE too large for a datagram comes over TCP to
 * the port UDP is on, with the whole dialog; where nobody takes TCP there it comes over UDP.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { browserSdp } from "../rigs/signalling.ts";
import { SippProcess } from "../rigs/sipp-process.ts";

const hasSipp = Bun.which("sipp") !== null;
const withSipp = test.skipIf(!hasSipp);
const DATAGRAM_BYTES_MAX = 1_300;
const PORT = 26_700;

let directory = "";
let gateway: GatewayRig;
let alice: VirtualSoftphone;

beforeAll(async () => {
  if (!hasSipp) return;
  directory = mkdtempSync(join(tmpdir(), "sipp-large-"));
  gateway = await GatewayRig.start({ rtpPorts: "33800-33899" });
  const account = { name: "alice", password: "alice-password" };
  // Three headers carry the name.
  await gateway.api("POST", "/users", { ...account, displayName: "Alice ".repeat(40).trim() });
  alice = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: account.name,
    password: account.password,
    plays: new Int16Array(480),
  });
  expect(await alice.register()).toBe(200);
});

afterAll(async () => {
  if (!hasSipp) return;
  alice.close();
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function connectionTo(address: string, number: string): Promise<void> {
  await gateway.api("POST", "/connections", {
    name: `PBX ${number}`,
    type: "outbound-trunk",
    host: address,
    port: PORT,
    patterns: [{ pattern: `^${number}$` }],
    allow: [address],
    codecs: ["PCMA"],
    sendIdentity: "both",
  });
}

const at = (address: string) => ({ directory, scenario: "uas-answer", address, port: PORT });

/** The first message sipp wrote down: its transport in the Via, and its length. */
function firstInvite(sipp: SippProcess): { via: string; length: number } {
  const [text = ""] = /INVITE sip:[\s\S]*?(?=\n-{10}|$)/.exec(sipp.messages()) ?? [];
  return { via: /Via: SIP\/2\.0\/(\S+)/.exec(text)?.[1] ?? "", length: text.length };
}

withSipp("over TCP where it is taken, from INVITE to BYE; nothing comes by UDP", async () => {
  const address = "127.12.0.1";
  await connectionTo(address, "701");
  const udp = await SippProcess.start({ ...at(address), transport: "udp" });
  const tcp = await SippProcess.start({ ...at(address), transport: "tcp" });
  const dialog = await alice.callWithoutMedia("701", browserSdp("actpass"));
  await dialog.hangUp();
  await tcp.passed();
  const invite = firstInvite(tcp);
  expect(invite.via).toBe("TCP");
  expect(invite.length).toBeGreaterThan(DATAGRAM_BYTES_MAX);
  expect(udp.messages()).toBe("");
  await udp.kill();
  await gateway.untilFree();
});

withSipp("over UDP where TCP is refused", async () => {
  const address = "127.12.0.2";
  await connectionTo(address, "702");
  const udp = await SippProcess.start({ ...at(address), transport: "udp" });
  const dialog = await alice.callWithoutMedia("702", browserSdp("actpass"));
  await dialog.hangUp();
  await udp.passed();
  const invite = firstInvite(udp);
  expect(invite.via).toBe("UDP");
  expect(invite.length).toBeGreaterThan(DATAGRAM_BYTES_MAX);
  await gateway.untilFree();
});
