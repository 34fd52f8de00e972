/**
 * First calls through the gateway as a process of its own, with real WebRTC (libwebrtc) on one side
 * and RTP over real sockets on the other; what each side hears is compared with what was said.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { compare, matches } from "../../bench/audio/compare.ts";
import { recordedSpeech } from "../../bench/audio/speech.ts";
import type { Audio } from "../../bench/audio/wav.ts";
import { type PbxCodec, VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { SoftphoneCall, VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { CallRefused } from "../../gateway/phone/sip-dialog.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const SECONDS = 5;

const rateOf = (codec: PbxCodec) => (codec === "G722" ? 16_000 : 8_000);

/** Right speech, at the right level; prints what a person would want to know. */
function expectHeard(what: string, sent: Audio, recorded: Audio): void {
  const result = compare(sent, recorded);
  const { delayMs, levelDifferenceDb, snrDb, correlation } = result;
  const figures = `delay ${delayMs.toFixed(0)} ms, level ${levelDifferenceDb.toFixed(2)} dB, SNR ${snrDb.toFixed(1)} dB, correlation ${correlation.toFixed(3)}`;
  console.log(`${what}: ${figures}`);
  expect(matches(sent, recorded)).toBe(true);
  expect(Math.abs(levelDifferenceDb)).toBeLessThan(2);
}

describe.each([
  { codec: "G722", transport: "udp" },
  { codec: "PCMA", transport: "tcp" },
  { codec: "PCMU", transport: "udp" },
] as const)("with $codec on the trunk, registered over $transport", ({ codec, transport }) => {
  let gateway: GatewayRig;
  let pbx: VirtualPbx;
  let softphone: VirtualSoftphone;
  const fromSoftphone = recordedSpeech("waiting", 48_000);
  const fromPbx = recordedSpeech("ships", rateOf(codec));

  beforeAll(async () => {
    gateway = await GatewayRig.start();
    const account = { username: "gateway", password: "pbx-password" };
    pbx = await VirtualPbx.start({ codec, transport, plays: fromPbx.pcm, account });
    const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
    await gateway.api("POST", "/connections", {
      name: "Office",
      type: "outbound-registration",
      host: "127.0.0.1",
      port: pbx.port,
      transport,
      ...account,
      patterns: [{ pattern: "^2\\d{2}$" }],
      codecs: [codec],
      inboundUser: user["id"],
    });
    softphone = await VirtualSoftphone.connect({
      server: gateway.socketUrl,
      user: "alice",
      password: "alice-password",
      plays: fromSoftphone.pcm,
    });
    expect(await softphone.register()).toBe(200);
    await gateway.until(
      "registered",
      (status) => status.connections[0]?.registration === "registered",
    );
  });

  afterAll(async () => {
    softphone.close();
    expect(await gateway.stop()).toBe(0);
    // RFC 3261 §10.2.2: the registration is withdrawn when the gateway stops.
    expect(pbx.registered).toEqual([]);
    pbx.stop();
  });

  test("the softphone calls the PBX and both hear each other", async () => {
    const call = await softphone.call("250");
    await Bun.sleep(SECONDS * 1_000);
    const [pbxCall] = pbx.calls.slice(-1);
    if (!pbxCall) throw new Error("the PBX got no call");
    expectHeard(`softphone → PBX (${codec})`, fromSoftphone, {
      pcm: pbxCall.heard.samples(),
      sampleRate: pbxCall.heard.rate,
    });
    expectHeard(`PBX → softphone (${codec})`, fromPbx, {
      pcm: call.heard.samples(),
      sampleRate: call.heard.rate,
    });
    await call.dialog?.hangUp();
    await pbxCall.dialog?.ended;
    const record = await gateway.newestRecord(1);
    expect(record).toMatchObject({
      status: 200,
      endedBy: "caller",
      codecs: { webrtc: "opus", trunk: codec },
    });
    // X4: four directions, each with a score that says the network was good.
    const ways = record?.quality?.flatMap(({ received, sent }) => [received, sent]) ?? [];
    expect(record?.quality?.map(({ party, kind }) => `${party} ${kind}`).sort()).toEqual([
      "callee trunk",
      "caller webrtc",
    ]);
    expect(ways.map((way) => (way?.mos ?? 0) > 3.9)).toEqual([true, true, true, true]);
  });

  test("the PBX calls the softphone, both hear each other, and the PBX hangs up", async () => {
    const answering = softphone.answerNext(100);
    const pbxCall = await pbx.call({ address: "127.0.0.1", port: gateway.sipPort }, "alice");
    const call = await answering;
    await Bun.sleep(SECONDS * 1_000);
    expectHeard(`PBX → softphone (${codec})`, fromPbx, {
      pcm: call.heard.samples(),
      sampleRate: call.heard.rate,
    });
    expectHeard(`softphone → PBX (${codec})`, fromSoftphone, {
      pcm: pbxCall.heard.samples(),
      sampleRate: pbxCall.heard.rate,
    });
    await pbxCall.dialog?.hangUp();
    expect(await call.dialog?.ended).toBeDefined();
  });

  test("nothing is left behind", async () => {
    const { alive } = await gateway.untilIdle();
    expect(alive).toMatchObject({
      calls: 0,
      dialogs: 0,
      clientTransactions: 0,
      serverTransactions: 0,
    });
  }, 60_000);
});

describe("what is refused, and how", () => {
  let gateway: GatewayRig;
  let pbx: VirtualPbx;
  let softphone: VirtualSoftphone;
  const silence = new Int16Array(48_000);
  const connect = (password: string) =>
    VirtualSoftphone.connect({
      server: gateway.socketUrl,
      user: "alice",
      password,
      plays: silence,
    });
  const refusal = async (call: Promise<unknown>) => {
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof CallRefused)) throw new Error(`not refused: ${error}`);
    return error;
  };

  beforeAll(async () => {
    gateway = await GatewayRig.start();
    pbx = await VirtualPbx.start({ codec: "PCMA", plays: new Int16Array(8_000) });
    const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
    await gateway.api("POST", "/connections", {
      name: "Trunk",
      type: "outbound-trunk",
      host: "127.0.0.1",
      port: pbx.port,
      patterns: [{ pattern: "^2" }],
      allow: ["127.0.0.1"],
      inboundUser: user["id"],
    });
    softphone = await connect("alice-password");
  });

  afterAll(async () => {
    softphone.close();
    pbx.stop();
    await gateway.stop();
  });

  test("a PBX's call when no softphone is online: 480", async () => {
    const error = await refusal(pbx.call({ address: "127.0.0.1", port: gateway.sipPort }, "alice"));
    expect(error.status).toBe(480);
    expect(error.message).toContain("alice has no softphone online");
  });

  test("a wrong password: 403; no registration comes of it", async () => {
    const intruder = await connect("not-the-password");
    expect(await intruder.register()).toBe(403);
    expect((await gateway.status()).bindings).toEqual([]);
    intruder.close();
  });

  test("a number no pattern matches: 404, with the reason", async () => {
    expect(await softphone.register()).toBe(200);
    const error = await refusal(softphone.call("999"));
    expect(error.status).toBe(404);
    expect(error.message).toContain("no connection has a pattern for 999");
  });

  test("a PBX that is busy: its 486 reaches the softphone", async () => {
    pbx.onCall = (served) => served.respond(486, { toTag: "busy" });
    expect((await refusal(softphone.call("250"))).status).toBe(486);
    pbx.onCall = undefined;
  });

  test("CANCEL while it rings: 487 to the softphone, and the PBX stops ringing", async () => {
    const rang = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    pbx.onCall = (served) => {
      served.respond(180, { toTag: "ringing" });
      rang.resolve();
      void served.cancelled.then(() => {
        served.respond(487, { toTag: "ringing" });
        stopped.resolve();
      });
    };
    const call = SoftphoneCall.open(silence);
    const outgoing = softphone.invite("250", await call.offer());
    const answered = refusal(outgoing.answered);
    await rang.promise;
    outgoing.cancel();
    await stopped.promise;
    expect((await answered).status).toBe(487);
    call.close();
    pbx.onCall = undefined;
  });

  test("early media: a 183 with the same description as the 200 after it", async () => {
    const call = SoftphoneCall.open(silence);
    pbx.onCall = (served, it) => {
      void it.answer(served, 400, { early: true });
    };
    const outgoing = softphone.invite("250", await call.offer());
    const { dialog, sdp } = await outgoing.answered;
    const early = outgoing.progress.find(({ status }) => status === 183);
    expect(early?.sdp).toBe(sdp);
    await dialog.hangUp();
    call.close();
    pbx.onCall = undefined;
  });

  test("an SDP without a fingerprint: 488 that says so", async () => {
    const call = SoftphoneCall.open(silence);
    const sdp = (await call.offer()).replace(/a=fingerprint:.*\r\n/g, "");
    const error = await refusal(softphone.invite("250", sdp).answered);
    expect(error.status).toBe(488);
    expect(error.message).toContain("fingerprint");
    call.close();
  });

  test("a PBX that falls silent: the call ends after 30 s, and says why", async () => {
    const before = await gateway.api<unknown[]>("GET", "/call-records?limit=500");
    const call = await softphone.call("250");
    const [pbxCall] = pbx.calls.slice(-1);
    await Bun.sleep(500);
    pbxCall?.mute();
    const mutedAt = performance.now();
    expect(await call.dialog?.ended).toContain("no audio from the callee");
    const seconds = (performance.now() - mutedAt) / 1_000;
    expect(seconds).toBeGreaterThan(28);
    expect(seconds).toBeLessThan(34);
    await gateway.until("free of calls", ({ calls }) => calls.length === 0);
    const record = await gateway.newestRecord(before.length + 1);
    expect(record).toMatchObject({
      endedBy: "gateway",
      reason: expect.stringContaining("no audio from the callee for 30 s"),
    });
  }, 60_000);

  test("nothing is left behind", async () => {
    await gateway.untilIdle();
  }, 60_000);
});

test("NAT-03: behind a NAT, a PBX and a softphone beside the gateway hear each other", async () => {
  const environment = { JACKFIELD_EXTERNAL_IP: "198.51.100.1" };
  const gateway = await GatewayRig.start({ environment });
  const fromSoftphone = recordedSpeech("waiting", 48_000);
  const fromPbx = recordedSpeech("ships", rateOf("PCMA"));
  const pbx = await VirtualPbx.start({ codec: "PCMA", plays: fromPbx.pcm });
  await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
  await gateway.api("POST", "/connections", {
    name: "Office",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    transport: "udp",
    patterns: [{ pattern: "^2\\d{2}$" }],
    codecs: ["PCMA"],
    allow: ["127.0.0.1/32"],
  });
  const softphone = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: "alice",
    password: "alice-password",
    plays: fromSoftphone.pcm,
  });
  expect(await softphone.register()).toBe(200);
  const call = await softphone.call("250");
  await Bun.sleep(SECONDS * 1_000);
  const heardAtPbx = pbx.calls[0]?.heard;
  if (!heardAtPbx) throw new Error("the PBX got no call");
  expectHeard("softphone → PBX", fromSoftphone, {
    pcm: heardAtPbx.samples(),
    sampleRate: heardAtPbx.rate,
  });
  const { heard } = call;
  expectHeard("PBX → softphone", fromPbx, { pcm: heard.samples(), sampleRate: heard.rate });
  await call.dialog?.hangUp();
  softphone.close();
  expect(await gateway.stop()).toBe(0);
  pbx.stop();
});
