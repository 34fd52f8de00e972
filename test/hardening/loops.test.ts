/**
 * S12: loops and repetitions. A forward that leads back through Kamailio comes to its end, a request
 * without hops goes no further, and one INVITE sent five hundred times is one call.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { fromUtf8 } from "../../gateway/bytes.ts";
import { CallRefused } from "../../gateway/phone/sip-dialog.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { Kamailio } from "../rigs/kamailio.ts";
import { browserSdp, silentSoftphone } from "../rigs/signalling.ts";
import { sipsak } from "../rigs/sipsak.ts";

const canLoop = Bun.which("kamailio") !== null && Bun.which("sipsak") !== null;
const PROXY_PORT = 25_360;
const RETRANSMITS = 500;
/** RFC 3261 §8.1.1.6; the proxy and the gateway take one each, so a circle costs two or more. */
const MAX_FORWARDS = 70;

let directory = "";
let kamailio: Kamailio | undefined;
let gateway: GatewayRig;
let alice: VirtualSoftphone;
let aliceId = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "loops-"));
  gateway = await GatewayRig.start({ rtpPorts: "35700-35999" });
  const { phone, id } = await silentSoftphone(gateway, "alice");
  alice = phone;
  aliceId = id;
  const account = { user: "gateway", password: "proxy-password" };
  if (canLoop) {
    kamailio = await Kamailio.start({
      directory: join(directory, "proxy"),
      port: PROXY_PORT,
      account,
    });
  }
  await gateway.api("POST", "/connections", {
    name: "Proxy",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: PROXY_PORT,
    username: account.user,
    password: account.password,
    patterns: [{ pattern: "^2\\d{2}$" }],
    allow: ["127.0.0.1"],
    codecs: ["PCMA"],
    inboundUser: id,
  });
});

afterAll(async () => {
  alice.close();
  await gateway.stop();
  await kamailio?.stop();
  rmSync(directory, { recursive: true, force: true });
});

test.skipIf(!canLoop)(
  "S12 a forward that leads back through the PBX ends, and the caller hears of it",
  async () => {
    const back = `sip:loop@127.0.0.1:${gateway.sipPort}`;
    const at = `sip:297@127.0.0.1:${PROXY_PORT}`;
    const { exitCode, output } = await sipsak("-U", "-C", back, "-x", "300", "-s", at);
    if (exitCode !== 0) throw new Error(output);
    await gateway.api("PATCH", `/users/${aliceId}`, { forward: { always: "297" } });
    const refused = alice.invite("297", browserSdp("actpass")).answered;
    const error = await refused.catch((thrown: unknown) => thrown);
    if (!(error instanceof CallRefused)) throw new Error(`not refused: ${error}`);
    expect([482, 483]).toContain(error.status);
    await gateway.untilFree();
    const records = await gateway.api<CallRecord[]>("GET", "/call-records?limit=500");
    console.log(`the circle was closed ${records.length - 1} times, then ${error.status}`);
    expect(records.length).toBeGreaterThan(1);
    expect(records.length).toBeLessThanOrEqual(MAX_FORWARDS / 2);
    await gateway.api("PATCH", `/users/${aliceId}`, { forward: null });
  },
  30_000,
);

/** A raw INVITE of the PBX's, and what is answered to it. */
async function raw(maxForwards: number) {
  let heard = "";
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data: (_socket, data) => {
        heard += fromUtf8(data);
      },
      error: () => {},
    },
  });
  const id = crypto.randomUUID();
  const body = [
    "v=0",
    "o=pbx 1 1 IN IP4 127.0.0.1",
    "s=-",
    "c=IN IP4 127.0.0.1",
    "t=0 0",
    "m=audio 6000 RTP/AVP 8",
    "a=rtpmap:8 PCMA/8000",
    "",
  ].join("\r\n");
  const of = (method: string, content: string, toTag = "") =>
    [
      `${method} sip:alice@127.0.0.1:${gateway.sipPort} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${socket.port};branch=z9hG4bK${id}`,
      "From: <sip:pbx@127.0.0.1>;tag=1",
      `To: <sip:alice@127.0.0.1>${toTag}`,
      `Call-ID: ${id}`,
      `CSeq: 1 ${method}`,
      `Contact: <sip:pbx@127.0.0.1:${socket.port}>`,
      `Max-Forwards: ${maxForwards}`,
      ...(content ? ["Content-Type: application/sdp"] : []),
      `Content-Length: ${content.length}`,
      "",
      content,
    ].join("\r\n");
  return {
    invite: () => void socket.send(of("INVITE", body), gateway.sipPort, "127.0.0.1"),
    cancel: () => void socket.send(of("CANCEL", ""), gateway.sipPort, "127.0.0.1"),
    acknowledge: () => {
      const toTag = /To: .*(;tag=[^\r\n]+)/.exec(heard.slice(heard.indexOf("SIP/2.0 4")))?.[1];
      socket.send(of("ACK", "", toTag), gateway.sipPort, "127.0.0.1");
    },
    answered: async (status: number) => {
      for (let tries = 0; tries < 250 && !heard.includes(`SIP/2.0 ${status} `); tries++) {
        await Bun.sleep(20);
      }
      expect(heard).toContain(`SIP/2.0 ${status} `);
    },
    close: () => socket.close(),
  };
}

test.each([
  { maxForwards: 0, rings: 0, status: 483 },
  { maxForwards: 1, rings: 1, status: 180 },
])("S12 an INVITE with Max-Forwards $maxForwards: $status", async (wanted) => {
  let rings = 0;
  alice.onCall = (served) => {
    rings += 1;
    expect(served.request.headers.get("Max-Forwards")).toBe("0");
    served.respond(180, { toTag: "ringing" });
    void served.cancelled.then(() => served.respond(487, { toTag: "ringing" }));
  };
  const caller = await raw(wanted.maxForwards);
  caller.invite();
  await caller.answered(wanted.status);
  expect(rings).toBe(wanted.rings);
  if (wanted.status < 200) {
    caller.cancel();
    await caller.answered(487);
  }
  caller.acknowledge();
  await gateway.untilFree();
  caller.close();
});

test(`S12 an INVITE sent ${RETRANSMITS} times is one call`, async () => {
  let rings = 0;
  alice.onCall = (served) => {
    rings += 1;
    served.respond(180, { toTag: "ringing" });
    void served.cancelled.then(() => served.respond(487, { toTag: "ringing" }));
  };
  const caller = await raw(70);
  for (let index = 0; index < RETRANSMITS; index++) {
    caller.invite();
    if (index % 50 === 0) await Bun.sleep(5);
  }
  await caller.answered(180);
  await Bun.sleep(200);
  expect(rings).toBe(1);
  expect((await gateway.status()).calls).toHaveLength(1);
  caller.cancel();
  await caller.answered(487);
  caller.acknowledge();
  await gateway.untilFree();
  caller.close();
});

test("S12 nothing of it is left", async () => {
  const { alive } = await gateway.untilFree();
  expect(alive).toMatchObject({ calls: 0, dialogs: 0, legs: 0, callTransactions: 0 });
}, 60_000);
