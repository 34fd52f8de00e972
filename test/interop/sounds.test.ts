/**
 * What callers hear of the gateway itself, by listening: hold music and announcements from files of
 * the data directory, tones where there is no file. libwebrtc on one side, a PBX over UDP on the other.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tone } from "../../bench/audio/signal.ts";
import { writeWav } from "../../bench/audio/wav.ts";
import { PbxCall, VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { type SoftphoneCall, VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { sdpIn } from "../../gateway/phone/sip-dialog.ts";
import { loadCodecs } from "../../media-wasm/codec.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { type Ear, shareOf, untilGone, untilHeard } from "../rigs/listening.ts";

const SOFTPHONE_HZ = 440;
const PBX_HZ = 1_000;
const MUSIC_HZ = 700;
const SPOKEN_HZ = 1_270;
/** Busy where no file says it. */
const BUSY_HZ = 425;
/** Who is held without music. */
const HOLD_HZ = 425;

const directory = mkdtempSync(join(tmpdir(), "sounds-"));
let gateway: GatewayRig;
let pbx: VirtualPbx;
let softphone: VirtualSoftphone;
let connection = "";

const hum = (frequencyHz: number, sampleRate: number, durationMs = 1_000) =>
  tone(frequencyHz, { sampleRate, durationMs, levelDbov: -16 });

/** What comes from now on. */
function earOf({ heard }: SoftphoneCall | PbxCall): Ear {
  return {
    listen: async (forMs) => {
      const before = heard.samples().length;
      await Bun.sleep(forMs);
      return { pcm: heard.samples().subarray(before), sampleRate: heard.rate };
    },
  };
}

beforeAll(async () => {
  mkdirSync(join(directory, "data", "sounds"), { recursive: true });
  const file = (name: string) => join(directory, "data", "sounds", name);
  await Bun.write(file("waiting.wav"), writeWav(hum(MUSIC_HZ, 44_100, 2_000)));
  await Bun.write(file("unknown-number.wav"), writeWav(hum(SPOKEN_HZ, 8_000, 2_500)));
  gateway = await GatewayRig.start({ directory });
  pbx = await VirtualPbx.start({ codec: "PCMA", plays: hum(PBX_HZ, 8_000).pcm });
  const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
  const made = await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    patterns: [{ pattern: "^2" }],
    allow: ["127.0.0.1"],
    codecs: ["PCMA"],
    inboundUser: user["id"],
    holdMusic: "waiting.wav",
    announcements: "early",
  });
  connection = `/connections/${made["id"]}`;
  softphone = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: "alice",
    password: "alice-password",
    plays: hum(SOFTPHONE_HZ, 48_000).pcm,
  });
  expect(await softphone.register()).toBe(200);
});

afterAll(async () => {
  softphone.close();
  pbx.stop();
  await gateway.stop();
});

async function reoffer(call: SoftphoneCall, direction: string): Promise<void> {
  const sdp = (await call.offer()).replace("a=sendrecv", `a=${direction}`);
  const response = await call.dialog?.offer(sdp);
  if (response?.status !== 200) throw new Error(`the hold was refused: ${response?.status}`);
  await call.answered(sdpIn(response));
}

test("music on hold: the PBX hears the file instead of the softphone, and then the softphone again", async () => {
  const call = await softphone.call("250");
  const [line] = pbx.calls.slice(-1);
  if (!line) throw new Error("the PBX has no call");
  const ear = earOf(line);
  await untilHeard(ear, SOFTPHONE_HZ);
  await reoffer(call, "sendonly");
  await untilHeard(ear, MUSIC_HZ);
  await untilGone(ear, SOFTPHONE_HZ);
  await reoffer(call, "sendrecv");
  await untilHeard(ear, SOFTPHONE_HZ);
  await untilGone(ear, MUSIC_HZ);
  await call.dialog?.hangUp();
});

test("a user's own music goes before the connection's, and a file that isn't there is a soft tone", async () => {
  const [user] = await gateway.api<{ id: number }[]>("GET", "/users");
  await gateway.api("PATCH", `/users/${user?.id}`, { holdMusic: "gone.wav" });
  const call = await softphone.call("250");
  await reoffer(call, "inactive");
  await gateway.line(/sound-file-unplayable.*file=gone\.wav.*no such file/);
  const [line] = pbx.calls.slice(-1);
  if (!line) throw new Error("the PBX has no call");
  const ear = earOf(line);
  await untilGone(ear, SOFTPHONE_HZ);
  // Longer than its cadence: a beep of two, and six seconds to the next one.
  const heard = await ear.listen(7_000);
  expect(shareOf(heard, MUSIC_HZ)).toBe(0);
  const share = shareOf(heard, HOLD_HZ);
  expect(share).toBeGreaterThan(0.02);
  expect(share).toBeLessThan(0.15);
  // Far below the softphone's tone and the network's.
  const loudest = heard.pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  expect(loudest).toBeGreaterThan(1_000);
  expect(loudest).toBeLessThan(2_500);
  await call.dialog?.hangUp();
  await gateway.api("PATCH", `/users/${user?.id}`, { holdMusic: null });
});

test("MED-11 early: a PBX's caller hears busy before it is refused", async () => {
  const call = await PbxCall.open(await loadCodecs(), "PCMA", hum(PBX_HZ, 8_000).pcm);
  const outgoing = pbx.invite(
    { address: "127.0.0.1", port: gateway.sipPort },
    "alice",
    call.sdp(),
    "0301",
  );
  const refused = await outgoing.answered.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused).toMatchObject({ status: 486 });
  expect(outgoing.progress.some(({ status, sdp }) => status === 183 && sdp !== "")).toBe(true);
  const heard = { pcm: call.heard.samples(), sampleRate: call.heard.rate };
  expect(heard.pcm.length).toBeGreaterThan(3 * heard.sampleRate);
  // Half a second on, half a second off.
  const share = shareOf(heard, BUSY_HZ);
  expect(share).toBeGreaterThan(0.4);
  expect(share).toBeLessThan(0.6);
  call.close();
});

test("MED-11 answered: a softphone hears a file that says why, and then the call ends", async () => {
  await gateway.api("PATCH", connection, { announcements: "answered" });
  pbx.onCall = (served) => served.respond(404, { toTag: "unknown" });
  const call = await softphone.call("299");
  await untilHeard(earOf(call), SPOKEN_HZ);
  expect(await call.dialog?.ended).toContain("Q.850;cause=1");
  const [record] = await gateway.api<{ status: number }[]>("GET", "/call-records?limit=1");
  expect(record).toMatchObject({ status: 404 });
});

test("names that lead elsewhere are refused, and what is right is said", async () => {
  for (const holdMusic of ["../secret.wav", "a/b.wav", "song.mp3", ".wav"]) {
    const saved = await gateway.api("PATCH", connection, { holdMusic }).then(
      () => "saved",
      (error: unknown) => String(error),
    );
    expect(saved).toContain("the name of a WAV file");
  }
});
