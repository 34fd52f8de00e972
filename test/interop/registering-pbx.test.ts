/**
 * A PBX's phone that registers with the gateway, by an implementation that is not ours: baresip, with
 * the credentials the gateway made, over UDP and over TCP. Calls both ways are listened to.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, matches } from "../../bench/audio/compare.ts";
import { repeated } from "../../bench/audio/signal.ts";
import { recordedSpeech } from "../../bench/audio/speech.ts";
import { type Audio, readWav, writeWav } from "../../bench/audio/wav.ts";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { Baresip } from "../rigs/baresip.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const TALK_MS = 4_000;
const fromSoftphone = recordedSpeech("waiting", 48_000);
const fromPbx = recordedSpeech("ships", 16_000);

interface Made {
  id: number;
  credentials: { username: string; password: string };
}

describe.skipIf(Bun.which("baresip") === null).each([
  { transport: "udp", sipPort: 25_440 },
  { transport: "tcp", sipPort: 25_450 },
] as const)("CON-03, REG-08 over $transport", ({ transport, sipPort }) => {
  let directory = "";
  let gateway: GatewayRig;
  let softphone: VirtualSoftphone;
  let pbx: Baresip;
  let made: Made;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "registering-"));
    await Bun.write(join(directory, "pbx.wav"), writeWav(repeated(fromPbx, 20)));
    gateway = await GatewayRig.start();
    const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
    made = await gateway.api<Made>("POST", "/connections", {
      name: "Branch office",
      type: "inbound-registration",
      transport,
      inboundUser: user["id"],
    });
    const { username, password } = made.credentials;
    // baresip answers for its own name alone: a number is rewritten to it.
    await gateway.api("PATCH", `/connections/${made.id}`, {
      patterns: [{ pattern: "^700$", strip: 3, prepend: username }],
    });
    softphone = await VirtualSoftphone.connect({
      server: gateway.socketUrl,
      user: "alice",
      password: "alice-password",
      plays: fromSoftphone.pcm,
    });
    expect(await softphone.register()).toBe(200);
    pbx = await Baresip.start({
      directory: join(directory, "pbx"),
      user: username,
      sipPort,
      transport,
      registrarPort: gateway.sipPort,
      password,
      plays: join(directory, "pbx.wav"),
      codec: "G722/16000/1",
      answers: "auto",
      rtpPorts: { first: sipPort + 1_000, last: sipPort + 1_050 },
    });
    await pbx.registered();
  });

  afterAll(async () => {
    softphone?.close();
    await pbx?.stop();
    await gateway?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const free = () => gateway.until("free of calls", ({ calls }) => calls.length === 0);

  test("it is registered, and the status says from where", async () => {
    const status = await gateway.until(
      "registered",
      ({ connections }) => connections[0]?.registration === "registered",
    );
    const [binding] = status.connections[0]?.bindings ?? [];
    expect(binding?.remote).toStartWith(`${transport} 127.0.0.1:`);
    expect(binding?.userAgent).toContain("baresip");
  });

  test("a softphone calls it over the flow it came from, and both hear each other", async () => {
    const call = await softphone.call("700");
    await Bun.sleep(TALK_MS);
    const { rate: sampleRate } = call.heard;
    expectHeard("PBX → softphone", fromPbx, { pcm: call.heard.samples(), sampleRate });
    await call.dialog?.hangUp();
    await pbx.event("CALL_CLOSED");
    const heard = readWav(readFileSync(pbx.heard()));
    if (!heard) throw new Error("baresip recorded no WAV file");
    expectHeard("softphone → PBX", fromSoftphone, heard);
    await free();
  });

  test("REG-09: it calls a softphone with its password, and both hear each other", async () => {
    const answering = softphone.answerNext(100);
    // It adds the transport by itself.
    pbx.dial(`sip:alice@127.0.0.1:${gateway.sipPort}`);
    const call = await answering;
    await Bun.sleep(TALK_MS);
    const { rate: sampleRate } = call.heard;
    expectHeard("PBX → softphone", fromPbx, { pcm: call.heard.samples(), sampleRate });
    pbx.hangUp();
    expect(await call.dialog?.ended).toBeDefined();
    const heard = readWav(readFileSync(pbx.heard()));
    if (!heard) throw new Error("baresip recorded no WAV file");
    expectHeard("softphone → PBX", fromSoftphone, heard);
    await free();
    const record = await gateway.newestRecord(2);
    expect(record).toMatchObject({ direction: "inbound", connection: made.id, status: 200 });
  });

  test("R10: with another password it is registered no more", async () => {
    await gateway.api("POST", `/connections/${made.id}/credentials`);
    await gateway.until(
      "without its PBX",
      ({ connections }) => connections[0]?.registration === "awaited",
    );
    await expect(softphone.call("700")).rejects.toThrow("503");
  });
});

function expectHeard(what: string, sent: Audio, heard: Audio): void {
  const { levelDifferenceDb, snrDb, correlation } = compare(sent, heard);
  console.log(
    `${what}: level ${levelDifferenceDb.toFixed(2)} dB, SNR ${snrDb.toFixed(1)} dB, correlation ${correlation.toFixed(3)}`,
  );
  expect(matches(sent, heard)).toBe(true);
}
