/** sipp (Debian) over IPv6, by UDP and TCP: calls both ways, addresses written in brackets. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { browserSdp, silentSoftphone } from "../rigs/signalling.ts";
import { SippProcess } from "../rigs/sipp-process.ts";

const hasSipp = Bun.which("sipp") !== null;
const TRANSPORTS = [
  { transport: "udp", number: "261", port: 26_861 },
  { transport: "tcp", number: "262", port: 26_862 },
] as const;

let directory = "";
let gateway: GatewayRig;
let alice: VirtualSoftphone;

beforeAll(async () => {
  if (!hasSipp) return;
  directory = mkdtempSync(join(tmpdir(), "sipp-ipv6-"));
  gateway = await GatewayRig.start({ rtpPorts: "36000-36099", address: "::1" });
  const { phone, id } = await silentSoftphone(gateway, "alice");
  alice = phone;
  for (const { transport, number, port } of TRANSPORTS) {
    await gateway.api("POST", "/connections", {
      name: transport,
      type: "outbound-trunk",
      host: "::1",
      ...{ port, transport },
      patterns: [{ pattern: `^${number}$` }],
      codecs: ["PCMA"],
      // One of them takes the calls: an address on two lists belongs to nobody.
      ...(transport === "udp" ? { allow: ["::1"], inboundUser: id } : { allowInbound: false }),
    });
  }
});

afterAll(async () => {
  if (!hasSipp) return;
  alice.close();
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
});

test.skipIf(!hasSipp).each([...TRANSPORTS])(
  "the softphone calls a PBX at ::1 over $transport",
  async ({ transport, number, port }) => {
    const options = { directory, scenario: "uas-answer", address: "::1", port, transport };
    const sipp = await SippProcess.start(options);
    const dialog = await alice.callWithoutMedia(number, browserSdp("actpass"));
    await dialog.hangUp();
    await sipp.passed();
    const invite = sipp.messages();
    expect(invite).toContain(`INVITE sip:${number}@[::1]:${port}`);
    expect(invite).toMatch(/c=IN IP6 ::1\r?\n/);
    await gateway.untilFree();
  },
);

test.skipIf(!hasSipp).each([...TRANSPORTS])(
  "a PBX at ::1 calls the softphone over $transport",
  async ({ transport, port }) => {
    let calls = 0;
    alice.answerAll(browserSdp("active"), () => {
      calls += 1;
    });
    const target = `[::1]:${gateway.sipPort}`;
    const options = { directory, scenario: "uac-plain", address: "::1", transport, target };
    const sipp = await SippProcess.start({ ...options, port: port + 10 });
    await sipp.passed();
    expect(calls).toBe(1);
    expect(sipp.messages()).toMatch(/c=IN IP6 ::1\r?\n/);
    await gateway.untilFree();
  },
);

test.skipIf(!hasSipp)(
  "nothing is left behind",
  async () => {
    const { alive } = await gateway.untilFree();
    expect(alive).toMatchObject({ calls: 0, dialogs: 0, legs: 0, callTransactions: 0 });
  },
  60_000,
);
