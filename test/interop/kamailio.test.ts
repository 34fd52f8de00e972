/**
 * A real proxy between: Kamailio as registrar in front of two baresips, the gateway registered there
 * with a password, a WebRTC softphone behind it. Record-Route, digest by a proxy, and forking.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, matches } from "../../bench/audio/compare.ts";
import { repeated } from "../../bench/audio/signal.ts";
import { recordedSpeech } from "../../bench/audio/speech.ts";
import { type Audio, readWav, writeWav } from "../../bench/audio/wav.ts";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { Baresip, type BaresipOptions } from "../rigs/baresip.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { Kamailio } from "../rigs/kamailio.ts";

const canRun = Bun.which("kamailio") !== null && Bun.which("baresip") !== null;
const withBoth = test.skipIf(!canRun);
const PROXY_PORT = 25_310;
const TALK_MS = 5_000;

let directory = "";
// Undefined where an earlier one could not be started: what was started is ended all the same.
let kamailio: Kamailio | undefined;
let gateway: GatewayRig;
let softphone: VirtualSoftphone;
let desk: Baresip;
let lobby: Baresip;
const fromSoftphone = recordedSpeech("waiting", 48_000);
const fromPhones = recordedSpeech("ships", 16_000);

function phone(name: string, user: string, sipPort: number, answers: BaresipOptions["answers"]) {
  return Baresip.start({
    directory: join(directory, name),
    user,
    sipPort,
    registrarPort: PROXY_PORT,
    plays: join(directory, "phones.wav"),
    codec: "G722/16000/1",
    answers,
    rtpPorts: { first: sipPort + 1_000, last: sipPort + 1_050 },
  });
}

beforeAll(async () => {
  if (!canRun) return;
  directory = mkdtempSync(join(tmpdir(), "kamailio-"));
  await Bun.write(join(directory, "phones.wav"), writeWav(repeated(fromPhones, 20)));
  const account = { user: "gateway", password: "proxy-password" };
  kamailio = await Kamailio.start({
    directory: join(directory, "proxy"),
    port: PROXY_PORT,
    account,
  });
  desk = await phone("desk", "250", 25_320, "auto");
  lobby = await phone("lobby", "251", 25_330, "manual");
  await Promise.all([desk.registered(), lobby.registered()]);
  gateway = await GatewayRig.start();
  const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
  await gateway.api("POST", "/connections", {
    name: "Proxy",
    type: "outbound-registration",
    host: "127.0.0.1",
    port: PROXY_PORT,
    username: account.user,
    password: account.password,
    patterns: [{ pattern: "^2\\d{2}$" }],
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
    "registered at the proxy",
    ({ connections }) => connections[0]?.registration === "registered",
  );
});

afterAll(async () => {
  if (!canRun) return;
  softphone?.close();
  await gateway?.stop();
  await Promise.all([desk?.stop(), lobby?.stop()]);
  await kamailio?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function expectHeard(what: string, sent: Audio, heard: Audio): void {
  const { levelDifferenceDb, snrDb, correlation } = compare(sent, heard);
  console.log(
    `${what}: level ${levelDifferenceDb.toFixed(2)} dB, SNR ${snrDb.toFixed(1)} dB, correlation ${correlation.toFixed(3)}`,
  );
  expect(matches(sent, heard)).toBe(true);
}

const free = () => gateway.until("free of calls", ({ calls }) => calls.length === 0);

withBoth(
  "out through the proxy: digest of the INVITE, speech both ways, BYE along the route",
  async () => {
    const call = await softphone.call("250");
    await Bun.sleep(TALK_MS);
    await call.dialog?.hangUp();
    await desk.event("CALL_CLOSED");
    const heard = readWav(readFileSync(desk.heard()));
    if (!heard) throw new Error("baresip recorded no WAV file");
    expectHeard("softphone → phone", fromSoftphone, heard);
    const { rate: sampleRate } = call.heard;
    expectHeard("phone → softphone", fromPhones, { pcm: call.heard.samples(), sampleRate });
    await free();
  },
);

withBoth("in through the proxy: the phone calls the account, and hangs up itself", async () => {
  const answering = softphone.answerNext(100);
  lobby.dial(`sip:gateway@127.0.0.1:${PROXY_PORT}`);
  const call = await answering;
  await Bun.sleep(TALK_MS);
  const { rate: sampleRate } = call.heard;
  expectHeard("phone → softphone", fromPhones, { pcm: call.heard.samples(), sampleRate });
  lobby.hangUp();
  expect(await call.dialog?.ended).toBeDefined();
  await free();
});

withBoth(
  "forked by the proxy: two phones of one number ring, one answers, the other stops",
  async () => {
    const first = await phone("first", "299", 25_340, "manual");
    const second = await phone("second", "299", 25_350, "manual");
    try {
      await Promise.all([first.registered(), second.registered()]);
      const calling = softphone.call("299");
      await Promise.all([first.event("CALL_INCOMING"), second.event("CALL_INCOMING")]);
      second.accept();
      const call = await calling;
      await first.event("CALL_CLOSED");
      await Bun.sleep(1_500);
      expect(call.heard.seconds).toBeGreaterThan(1);
      second.hangUp();
      expect(await call.dialog?.ended).toBeDefined();
      await free();
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  },
);

withBoth("what the proxy refuses reaches the softphone as it is", async () => {
  await expect(softphone.call("298")).rejects.toThrow("404");
});

withBoth(
  "nothing is left of all these calls",
  async () => {
    const { alive } = await gateway.untilIdle();
    expect(alive).toMatchObject({ calls: 0, legs: 0, dialogs: 0, callTransactions: 0 });
  },
  60_000,
);
