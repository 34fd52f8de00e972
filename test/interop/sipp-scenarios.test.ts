/**
 * What PBXs do beside plain calls, by sipp on the PBX's side: holds, session timers, redirects, empty
 * INVITEs; and what is refused, with its status and its words.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { fromUtf8 } from "../../gateway/bytes.ts";
import type { SipDialog } from "../../gateway/phone/sip-dialog.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { runSipp, type Step } from "../rigs/sipp.ts";

const hasSipp = Bun.which("sipp") !== null;
const withSipp = test.skipIf(!hasSipp);
const PORT = 26_180;

let directory = "";
let gateway: GatewayRig;
let softphone: VirtualSoftphone;

const FINGERPRINT = Array.from({ length: 32 }, () => "A5").join(":");
const browserSdp = (setup: string) =>
  [
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    `a=setup:${setup}`,
    "a=mid:0",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "",
  ].join("\r\n");

beforeAll(async () => {
  if (!hasSipp) return;
  directory = mkdtempSync(join(tmpdir(), "sipp-"));
  gateway = await GatewayRig.start({ rtpPorts: "33000-33399" });
  const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
  await gateway.api("POST", "/connections", {
    name: "sipp",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: PORT,
    patterns: [{ pattern: "^2\\d{2}$" }],
    allow: ["127.0.0.1"],
    codecs: ["PCMA"],
    inboundUser: user["id"],
    followRedirects: true,
  });
  softphone = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: "alice",
    password: "alice-password",
    plays: new Int16Array(480),
  });
  expect(await softphone.register()).toBe(200);
});

afterAll(async () => {
  if (!hasSipp) return;
  softphone.close();
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
});

// What sipp's messages are made of ---------------------------------------------------------------

const sdp = (direction = "sendrecv") => `v=0
o=pbx 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio 6000 RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=${direction}`;
const withSdp = (direction?: string) => `Content-Type: application/sdp
Content-Length: [len]

${sdp(direction)}`;
const EMPTY = "Content-Length: 0";

const answer = (status: string, rest: string) => `SIP/2.0 ${status}
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:pbx@[local_ip]:[local_port]>
${rest}`;

const request = (
  method: string,
  cseq: number,
  rest: string,
  toTag = "",
) => `${method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:pbx@[local_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>${toTag}
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Contact: <sip:pbx@[local_ip]:[local_port]>
Max-Forwards: 70
${rest}`;

const invited: Step = { receive: "INVITE", keepsRoute: true };
const hungUp: Step[] = [{ receive: "BYE" }, { send: answer("200 OK", EMPTY) }];

/** The softphone calls sipp, which follows `steps`; `talk` happens once the call is up. */
async function callee(
  steps: readonly Step[],
  talk: (dialog: SipDialog) => Promise<unknown> = (dialog) => dialog.hangUp(),
): Promise<void> {
  const running = runSipp({ directory, port: PORT, steps });
  await Bun.sleep(400);
  const dialog = await softphone.callWithoutMedia("250", browserSdp("actpass"));
  await Bun.sleep(200);
  await talk(dialog);
  await running;
  await gateway.until("free of calls", ({ calls }) => calls.length === 0);
}

/** sipp calls the softphone, which answers. */
async function caller(steps: readonly Step[]): Promise<void> {
  softphone.answerAll(browserSdp("active"), () => {});
  await runSipp({ directory, port: PORT, steps, target: `127.0.0.1:${gateway.sipPort}` });
  softphone.onCall = undefined;
  await gateway.until("free of calls", ({ calls }) => calls.length === 0);
}

withSipp("RFC 4028: 422 is answered with the interval it asks for", async () => {
  await callee([
    invited,
    { send: answer("422 Session Interval Too Small", `Min-SE: 3600\n${EMPTY}`) },
    { receive: "ACK" },
    invited,
    {
      send: answer("200 OK", `Session-Expires: 3600;refresher=uac\nRequire: timer\n${withSdp()}`),
      retransmits: true,
    },
    { receive: "ACK" },
    ...hungUp,
  ]);
});

withSipp("302 to the PBX's own host is followed", async () => {
  const contact = `Contact: <sip:277@127.0.0.1:${PORT}>`;
  const moved = answer("302 Moved Temporarily", EMPTY).replace(/Contact: .*/, contact);
  const first = runSipp({
    directory,
    port: PORT,
    steps: [invited, { send: moved }, { receive: "ACK" }],
  });
  await Bun.sleep(400);
  const calling = softphone.callWithoutMedia("250", browserSdp("actpass"));
  await first;
  const steps: Step[] = [
    invited,
    { send: answer("200 OK", withSdp()), retransmits: true },
    { receive: "ACK" },
    ...hungUp,
  ];
  const second = runSipp({ directory, port: PORT, steps });
  await (await calling).hangUp();
  await second;
});

withSipp("an INVITE without an offer gets ours in the 200 and answers it in its ACK", async () => {
  await caller([
    { send: request("INVITE", 1, EMPTY), retransmits: true },
    { expect: 100, optional: true },
    { expect: 180, optional: true },
    { expect: 200, keepsRoute: true },
    { send: request("ACK", 1, withSdp(), "[peer_tag_param]") },
    { pauseMs: 500 },
    { send: request("BYE", 2, EMPTY, "[peer_tag_param]"), retransmits: true },
    { expect: 200 },
  ]);
});

withSipp("hold and resume by the PBX, with a session timer of its own", async () => {
  const timer = "Supported: timer\nSession-Expires: 1800;refresher=uac";
  await caller([
    { send: request("INVITE", 1, `${timer}\n${withSdp()}`), retransmits: true },
    { expect: 100, optional: true },
    { expect: 180, optional: true },
    { expect: 200, keepsRoute: true },
    { send: request("ACK", 1, EMPTY, "[peer_tag_param]") },
    { pauseMs: 300 },
    {
      send: request("INVITE", 2, `${timer}\n${withSdp("sendonly")}`, "[peer_tag_param]"),
      retransmits: true,
    },
    { expect: 100, optional: true },
    { expect: 200 },
    { send: request("ACK", 2, EMPTY, "[peer_tag_param]") },
    { pauseMs: 300 },
    { send: request("UPDATE", 3, `${timer}\n${EMPTY}`, "[peer_tag_param]"), retransmits: true },
    { expect: 200 },
    {
      send: request("INVITE", 4, `${timer}\n${withSdp("sendrecv")}`, "[peer_tag_param]"),
      retransmits: true,
    },
    { expect: 100, optional: true },
    { expect: 200 },
    { send: request("ACK", 4, EMPTY, "[peer_tag_param]") },
    { send: request("BYE", 5, EMPTY, "[peer_tag_param]"), retransmits: true },
    { expect: 200 },
  ]);
});

// Refusals -----------------------------------------------------------------------------------------

interface Refusal {
  what: string;
  method?: string;
  headers?: string[];
  body?: string;
  toTag?: string;
  uri?: string;
  status: number;
  says: RegExp;
}

const refusals: Refusal[] = [
  {
    what: "an extension nobody knows",
    headers: ["Require: teleport"],
    status: 420,
    says: /Unsupported: teleport/,
  },
  { what: "an unknown method", method: "TELEPORT", status: 405, says: /Allow: INVITE/ },
  {
    what: "a body that can't be read",
    headers: ["Content-Type: text/html"],
    body: "<p>",
    status: 415,
    says: /Accept: application\/sdp/,
  },
  { what: "too many hops", headers: ["Max-Forwards: 0"], status: 483, says: /Warning: 399 .*hops/ },
  {
    what: "an INVITE in a dialog nobody has",
    toTag: ";tag=nobody",
    status: 481,
    says: /Reason: SIP;cause=481/,
  },
  {
    what: "a BYE in a dialog nobody has",
    method: "BYE",
    toTag: ";tag=nobody",
    status: 481,
    says: /481/,
  },
  { what: "a CANCEL of nothing", method: "CANCEL", status: 481, says: /481/ },
  {
    what: "an address of another scheme",
    uri: "tel:+49301",
    status: 416,
    says: /Warning: 399 .*tel/,
  },
  {
    what: "a Replaces of nothing",
    headers: ["Replaces: x;to-tag=a;from-tag=b"],
    status: 481,
    says: /Warning/,
  },
  {
    what: "a malformed Replaces",
    headers: ["Replaces: x"],
    status: 400,
    says: /Warning: 399 .*Replaces/,
  },
  {
    what: "a session that must be refreshed too often",
    headers: ["Supported: timer", "Session-Expires: 20"],
    status: 422,
    says: /Min-SE: 90/,
  },
  {
    what: "an SDP without a codec of ours",
    headers: ["Content-Type: application/sdp"],
    body: sdp()
      .replaceAll("[local_ip_type]", "4")
      .replaceAll("[media_ip_type]", "4")
      .replaceAll("[local_ip]", "127.0.0.1")
      .replaceAll("[media_ip]", "127.0.0.1")
      .replace("AVP 8", "AVP 18")
      .replace("8 PCMA", "18 G729")
      .replaceAll("\n", "\r\n"),
    status: 488,
    says: /Warning: 399 .*G729/,
  },
];

test.skipIf(!hasSipp).each(refusals)("$what: $status, in words", async (refusal) => {
  const { method = "INVITE", headers = [], body = "", toTag = "", status, says } = refusal;
  const { uri = `sip:alice@127.0.0.1:${gateway.sipPort}` } = refusal;
  softphone.answerAll(browserSdp("active"), () => {});
  let heard = "";
  const hear = (data: Uint8Array) => {
    heard += fromUtf8(data);
  };
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: { data: (_socket, data) => hear(data), error: () => {} },
  });
  const id = crypto.randomUUID();
  const hops = headers.some((it) => it.startsWith("Max-Forwards")) ? [] : ["Max-Forwards: 70"];
  const text = [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${socket.port};branch=z9hG4bK${id}`,
    "From: <sip:pbx@127.0.0.1>;tag=1",
    `To: <sip:alice@127.0.0.1>${toTag}`,
    `Call-ID: ${id}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:pbx@127.0.0.1:${socket.port}>`,
    ...hops,
    ...headers,
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
  const isFinal = () => new RegExp(`SIP/2\\.0 ${status} `).test(heard);
  for (let tries = 0; tries < 40 && !isFinal(); tries++) {
    if (tries % 10 === 0) socket.send(text, gateway.sipPort, "127.0.0.1");
    await Bun.sleep(25);
  }
  socket.close();
  softphone.onCall = undefined;
  expect(heard).toContain(`SIP/2.0 ${status} `);
  expect(heard).toMatch(says);
});

withSipp(
  "nothing is left behind",
  async () => {
    const { alive } = await gateway.untilIdle();
    expect(alive).toMatchObject({ calls: 0, legs: 0, dialogs: 0, callTransactions: 0 });
  },
  120_000,
);
