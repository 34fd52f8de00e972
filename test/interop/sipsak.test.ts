/** sipsak (Debian), the administrators' probe: is the gateway there, what does it say to whom. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { sdpIn } from "../../gateway/phone/sip-dialog.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { silentSoftphone } from "../rigs/signalling.ts";
import { sipsak } from "../rigs/sipsak.ts";

const hasSipsak = Bun.which("sipsak") !== null;
const withSipsak = test.skipIf(!hasSipsak);

let gateway: GatewayRig;
let alice: VirtualSoftphone;
let aliceId = 0;
const uri = (user?: string) =>
  `sip:${user === undefined ? "" : `${user}@`}127.0.0.1:${gateway.sipPort}`;

beforeAll(async () => {
  if (!hasSipsak) return;
  gateway = await GatewayRig.start({ rtpPorts: "35600-35699" });
  const { phone, id } = await silentSoftphone(gateway, "alice");
  alice = phone;
  aliceId = id;
});

afterAll(async () => {
  if (!hasSipsak) return;
  alice.close();
  await gateway.stop();
});

/** sipsak writes the Via itself. */
function textMessage(target: string, text: string): string {
  return [
    `MESSAGE ${target} SIP/2.0`,
    "From: <sip:porter@127.0.0.1>;tag=porter",
    `To: <${target}>`,
    `Call-ID: ${crypto.randomUUID()}`,
    "CSeq: 1 MESSAGE",
    "Max-Forwards: 70",
    "Content-Type: text/plain",
    `Content-Length: ${text.length}`,
    "",
    text,
  ].join("\r\n");
}

withSipsak("a stranger's OPTIONS: 403, and the log says who it was", async () => {
  const { exitCode, output } = await sipsak("-s", uri());
  expect(exitCode).not.toBe(0);
  expect(output).toContain("SIP/2.0 403 ");
  await gateway.line(/trunk-refused remote=127\.0\.0\.1 method=OPTIONS/);
});

withSipsak("OPTIONS of an address on an allow list: 200 with what the gateway takes", async () => {
  await gateway.api("POST", "/connections", {
    name: "probe",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: 26_850,
    allow: ["127.0.0.1"],
    inboundUser: aliceId,
  });
  const { exitCode, output } = await sipsak("-q", "Accept: application/sdp", "-s", uri());
  expect(exitCode).toBe(0);
  expect(output).toMatch(/Allow: .*INVITE.*BYE/);
});

withSipsak("a traceroute ends at the gateway", async () => {
  const { exitCode, output } = await sipsak("-T", "-s", uri("alice"));
  expect(exitCode).toBe(0);
  expect(output).toContain("SIP/2.0 200 ");
});

withSipsak("nobody registers over UDP: 405, and nothing is bound", async () => {
  const contact = "sip:intruder@127.0.0.1:26851";
  const { exitCode, output } = await sipsak("-U", "-C", contact, "-x", "60", "-s", uri("alice"));
  expect(exitCode).not.toBe(0);
  expect(output).toContain("SIP/2.0 405 ");
  const { bindings } = await gateway.status();
  expect(bindings).toHaveLength(1);
});

withSipsak("a text message reaches the softphone", async () => {
  const arrived = new Promise<string>((resolve) => {
    alice.onMessage = (served) => {
      served.respond(200);
      resolve(sdpIn(served.request));
    };
  });
  const file = join(mkdtempSync(join(tmpdir(), "sipsak-")), "message");
  await Bun.write(file, textMessage(uri("alice"), "the door is open"));
  const { exitCode, output } = await sipsak("-f", file, "-s", uri("alice"));
  rmSync(dirname(file), { recursive: true });
  expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
  expect(await arrived).toBe("the door is open");
});

withSipsak(
  "nothing is left behind",
  async () => {
    const { alive } = await gateway.untilFree();
    expect(alive).toMatchObject({ calls: 0, dialogs: 0, messages: 0 });
  },
  60_000,
);
