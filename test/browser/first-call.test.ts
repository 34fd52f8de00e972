/**
 * The main job, as its users see it: JsSIP and SIP.js, unmodified, in Chromium on one side, baresip
 * as the PBX's phone on the other, real speech both ways, compared with what was said.
 */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, matches } from "../../bench/audio/compare.ts";
import { repeated } from "../../bench/audio/signal.ts";
import { recordedSpeech } from "../../bench/audio/speech.ts";
import { type Audio, readWav, writeWav } from "../../bench/audio/wav.ts";
import { Baresip } from "../rigs/baresip.ts";
import { BrowserPhone, type Library } from "../rigs/chromium.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const canRun = Bun.which("chromium") !== null && Bun.which("baresip") !== null;
const TALK_MS = 8_000;
const PAGE_PORT = 28_137;
const PBX_PORT = 25_160;

interface Variant {
  library: Library;
  codec: "G722/16000/1" | "PCMA/8000/1";
  direction: "out" | "in";
}

const variants: Variant[] = [
  { library: "jssip", codec: "G722/16000/1", direction: "out" },
  { library: "jssip", codec: "G722/16000/1", direction: "in" },
  { library: "sipjs", codec: "G722/16000/1", direction: "out" },
  { library: "jssip", codec: "PCMA/8000/1", direction: "out" },
  { library: "sipjs", codec: "PCMA/8000/1", direction: "in" },
];

/** The same words again and again: baresip hangs up at the end of its file. */
function expectHeard(what: string, sent: Audio, recorded: Audio): void {
  const { delayMs, levelDifferenceDb, snrDb, correlation } = compare(sent, recorded);
  const figures = `offset ${delayMs.toFixed(0)} ms, level ${levelDifferenceDb.toFixed(2)} dB, SNR ${snrDb.toFixed(1)} dB, correlation ${correlation.toFixed(3)}`;
  console.log(`${what}: ${figures}`);
  expect(matches(sent, recorded)).toBe(true);
  expect(Math.abs(levelDifferenceDb)).toBeLessThan(2);
}

describe.each(variants)("$library, $codec, $direction", ({ library, codec, direction }) => {
  test.skipIf(!canRun)(
    "right speech in both directions",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "browser-"));
      const rate = codec.startsWith("G722") ? 16_000 : 8_000;
      const fromBrowser = recordedSpeech("waiting", 48_000);
      const fromPbx = recordedSpeech("ships", rate);
      const microphone = join(directory, "microphone.wav");
      const plays = join(directory, "pbx.wav");
      await Bun.write(microphone, writeWav(repeated(fromBrowser, 2)));
      await Bun.write(plays, writeWav(repeated(fromPbx, 20)));

      const gateway = await GatewayRig.start({ origins: [`http://127.0.0.1:${PAGE_PORT}`] });
      const user = await gateway.api("POST", "/users", {
        name: "alice",
        password: "alice-password",
      });
      await gateway.api("POST", "/connections", {
        name: "PBX",
        type: "outbound-trunk",
        host: "127.0.0.1",
        port: PBX_PORT,
        patterns: [{ pattern: "^2\\d{2}$" }],
        allow: ["127.0.0.1"],
        inboundUser: user["id"],
      });
      const pbx = await Baresip.start({
        directory: join(directory, "baresip"),
        user: "250",
        sipPort: PBX_PORT,
        plays,
        codec,
        answers: "auto",
        rtpPorts: { first: 26_200, last: 26_300 },
      });
      const options = {
        library,
        server: gateway.socketUrl,
        user: "alice",
        password: "alice-password",
        microphone,
      };
      const phone = await BrowserPhone.open(options, PAGE_PORT);
      try {
        await phone.register(options);
        if (direction === "out") await phone.call("250");
        else {
          await phone.answerNext();
          pbx.dial(`sip:alice@127.0.0.1:${gateway.sipPort}`);
        }
        await phone.untilCall("connected");
        await phone.startRecording();
        await Bun.sleep(TALK_MS);
        const [call] = (await gateway.status()).calls;
        expect(call).toMatchObject({
          state: "connected",
          codecs: { webrtc: "opus", trunk: codec.split("/")[0] },
        });
        const { rate: recordedRate, samples } = await phone.recorded();
        // The side that did not call hangs up, so that both ways of ending are seen.
        if (direction === "out") pbx.hangUp();
        else await phone.hangUp();
        await phone.untilCall("ended");
        await pbx.event("CALL_CLOSED");
        const heardByPbx = readWav(readFileSync(pbx.heard()));
        if (!heardByPbx) throw new Error("baresip's recording is no WAV file");
        expectHeard(`PBX → ${library}`, fromPbx, { pcm: samples, sampleRate: recordedRate });
        expectHeard(`${library} → PBX`, fromBrowser, heardByPbx);
        await gateway.until("free of calls", ({ calls }) => calls.length === 0);
      } finally {
        await phone.close();
        await pbx.stop();
        await gateway.stop();
        rmSync(directory, { recursive: true, force: true });
      }
    },
    90_000,
  );
});
