/**
 * Keys pressed in a call, by JsSIP and SIP.js unmodified in Chromium, each in its own way: a PBX that
 * agreed to no telephone-event hears their two tones (DTM-02 to DTM-04).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tone, toneIn } from "../../bench/audio/signal.ts";
import { writeWav } from "../../bench/audio/wav.ts";
import { type PbxCall, VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { BrowserPhone } from "../rigs/chromium.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const canRun = Bun.which("chromium") !== null;
const BROWSER_HZ = 440;
const PBX_HZ = 1_000;
const LOUD_DBOV = -30;
const signal = { durationMs: 2_000, levelDbov: -16 };

describe.each(["jssip", "sipjs"] as const)("%s", (library) => {
  const pagePort = library === "jssip" ? 28_151 : 28_152;
  let directory = "";
  let gateway: GatewayRig;
  let pbx: VirtualPbx;
  let phone: BrowserPhone;
  let options: Parameters<typeof BrowserPhone.open>[0];

  beforeAll(async () => {
    if (!canRun) return;
    directory = mkdtempSync(join(tmpdir(), "control-"));
    const microphone = join(directory, "microphone.wav");
    await Bun.write(microphone, writeWav(tone(BROWSER_HZ, { ...signal, sampleRate: 48_000 })));
    gateway = await GatewayRig.start({ origins: [`http://127.0.0.1:${pagePort}`] });
    const plays = tone(PBX_HZ, { ...signal, sampleRate: 16_000 }).pcm;
    pbx = await VirtualPbx.start({ codec: "G722", plays, keys: "tones" });
    const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
    await gateway.api("POST", "/connections", {
      name: "PBX",
      type: "outbound-trunk",
      host: "127.0.0.1",
      port: pbx.port,
      patterns: [{ pattern: "^2\\d{2}$" }],
      allow: ["127.0.0.1"],
      inboundUser: user["id"],
    });
    const server = gateway.socketUrl;
    options = { library, server, user: "alice", password: "alice-password", microphone };
    phone = await BrowserPhone.open(options, pagePort);
    await phone.register(options);
  });

  afterAll(async () => {
    if (!canRun) return;
    await phone.close();
    pbx.stop();
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** The call as the PBX has it, once audio has come in. */
  async function callOut(number = "250"): Promise<PbxCall> {
    const before = pbx.calls.length;
    await phone.call(number);
    await phone.untilCall("connected");
    await until("the PBX has the call", () => pbx.calls.length > before);
    const call = pbx.calls.at(-1);
    if (!call) throw new Error("the PBX got no call");
    await heardAt(call, BROWSER_HZ);
    return call;
  }

  /** Waits until the PBX hears the tone, in what came in most recently. */
  async function heardAt(call: PbxCall, hertz: number): Promise<void> {
    await until(`the PBX hears ${hertz} Hz`, () => {
      const { rate } = call.heard;
      const pcm = call.heard.samples().slice(-rate / 2);
      return (
        pcm.length === rate / 2 && toneIn({ pcm, sampleRate: rate }, hertz).levelDbov > LOUD_DBOV
      );
    });
  }

  async function until(what: string, done: () => boolean, withinMs = 15_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!done()) {
      if (performance.now() > deadline) {
        const { log } = await phone.state();
        throw new Error(`never: ${what}\n${log.join("\n")}\n${phone.messages.join("\n")}`);
      }
      await Bun.sleep(50);
    }
  }

  const free = () => gateway.until("free of calls", ({ calls }) => calls.length === 0);

  test.skipIf(!canRun)("a key is heard at the PBX", async () => {
    const call = await callOut();
    await phone.digit("5");
    await Bun.sleep(500);
    // The virtual PBX agreed to no telephone-event: it hears the key's two tones.
    const { rate: sampleRate } = call.heard;
    const lately = call.heard.samples().slice(-sampleRate);
    const step = sampleRate / 20;
    const loudest = Array.from({ length: 20 }, (_, index) => {
      const pcm = lately.slice(index * step, (index + 1) * step);
      return Math.min(...[770, 1_336].map((hertz) => toneIn({ pcm, sampleRate }, hertz).levelDbov));
    });
    expect(Math.max(...loudest)).toBeGreaterThan(-25);
    await phone.hangUp();
    await call.dialog?.ended;
    await free();
  });
});
