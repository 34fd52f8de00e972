/**
 * rtpengine as the other end of a trunk's media: plain RTP, SRTP with every suite we have keys for in
 * the SDP, and DTLS-SRTP. libwebrtc and a phone behind rtpengine each listen for the other's tone, and
 * rtpengine says itself what it received and how that was encrypted.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { tone } from "../../bench/audio/signal.ts";
import { type PbxCall, VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { type SoftphoneCall, VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { recordingEar, untilHeard } from "../rigs/listening.ts";
import { hasRtpengine, RtpengineProxy, type TrunkMedia } from "../rigs/rtpengine-proxy.ts";

const CONTROL_PORT = 25_460;
const RTP_PORT = 28_000;
const SOFTPHONE_HZ = 440;
const PBX_HZ = 1_000;

const SUITES = [
  "AEAD_AES_128_GCM",
  "AEAD_AES_256_GCM",
  "AES_CM_128_HMAC_SHA1_80",
  "AES_CM_128_HMAC_SHA1_32",
] as const;

let gateway: GatewayRig;
let softphone: VirtualSoftphone;
let proxy: RtpengineProxy;
let pbx: VirtualPbx;
let connectionPath = "";

const hum = (frequencyHz: number, sampleRate: number) =>
  tone(frequencyHz, { sampleRate, durationMs: 1_000, levelDbov: -16 }).pcm;

const earOf = ({ heard }: SoftphoneCall | PbxCall) =>
  recordingEar(() => ({ pcm: heard.samples(), sampleRate: heard.rate }));

beforeAll(async () => {
  if (!hasRtpengine) return;
  proxy = await RtpengineProxy.start(CONTROL_PORT, RTP_PORT);
  pbx = await VirtualPbx.start({ codec: "G722", plays: hum(PBX_HZ, 16_000), proxy });
  gateway = await GatewayRig.start();
  const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
  softphone = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: "alice",
    password: "alice-password",
    plays: hum(SOFTPHONE_HZ, 48_000),
  });
  expect(await softphone.register()).toBe(200);
  const { id } = await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    patterns: [{ pattern: "^2" }],
    allow: ["127.0.0.1"],
    codecs: ["G722"],
    inboundUser: user["id"],
  });
  connectionPath = `/connections/${id}`;
});

afterAll(async () => {
  if (!hasRtpengine) return;
  softphone?.close();
  pbx?.stop();
  await proxy?.stop();
  expect(await gateway?.stop()).toBe(0);
});

interface Way {
  name: string;
  encryption: "none" | "sdes" | "dtls";
  media: TrunkMedia;
}

const WAYS: Way[] = [
  { name: "plain RTP", encryption: "none", media: { protocol: "RTP/AVP" } },
  ...SUITES.map(
    (suite): Way => ({
      name: `SDES with ${suite}`,
      encryption: "sdes",
      media: { protocol: "RTP/SAVP", suite },
    }),
  ),
  {
    name: "DTLS-SRTP",
    encryption: "dtls",
    media: { protocol: "UDP/TLS/RTP/SAVP", suite: "AEAD_AES_128_GCM" },
  },
];

describe.skipIf(!hasRtpengine)("rtpengine", () => {
  test.each(
    WAYS.flatMap((way) => (["out", "in"] as const).map((which) => ({ ...way, which }))),
  )("CON-25, MED-04: $name ($which): both hear each other", async ({
    encryption,
    media,
    which,
  }) => {
    await gateway.api("PATCH", connectionPath, { mediaEncryption: encryption, keysInClear: true });
    proxy.media = media;
    const { length } = await gateway.api<unknown[]>("GET", "/call-records?limit=500");
    const answering = which === "in" ? softphone.answerNext() : undefined;
    if (answering) await pbx.call({ address: "127.0.0.1", port: gateway.sipPort }, "alice");
    const call = await (answering ?? softphone.call("250"));
    const phone = pbx.calls.at(-1);
    if (!phone) throw new Error("the PBX has no call");
    await untilHeard(earOf(call), PBX_HZ);
    await untilHeard(earOf(phone), SOFTPHONE_HZ);
    const { packetsReceived, errors, ...stream } = await proxy.stream();
    expect(stream).toEqual({ protocol: media.protocol, suite: media.suite });
    expect(packetsReceived).toBeGreaterThan(20);
    // Packets may overtake the end of a handshake; keys in the SDP are there before any packet.
    expect(errors).toBeLessThan(encryption === "dtls" ? packetsReceived / 2 : 1);
    await call.dialog?.hangUp();
    await phone.dialog?.ended;
    expect(await gateway.newestRecord(length + 1)).toMatchObject({ trunkEncryption: encryption });
  });
});
