/**
 * SRTP on the PBX's side of a call with an implementation that is not ours: baresip, its keys in
 * the SDP. Each side listens for the other's tone, and nothing in the clear is taken where the connection
 * wants none.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tone } from "../../bench/audio/signal.ts";
import { readWav, writeWav } from "../../bench/audio/wav.ts";
import { type SoftphoneCall, VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { Baresip, type BaresipOptions } from "../rigs/baresip.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { recordingEar, untilHeard } from "../rigs/listening.ts";
import { hasOpenssl, makeCertificate } from "../rigs/openssl.ts";

const hasBaresip = Bun.which("baresip") !== null;
const SIP_PORT = 25_410;
const SOFTPHONE_HZ = 440;
const PBX_HZ = 1_000;

let directory = "";
let gateway: GatewayRig;
let softphone: VirtualSoftphone;

const hum = (frequencyHz: number, sampleRate: number, durationMs: number) =>
  tone(frequencyHz, { sampleRate, durationMs, levelDbov: -16 });

const earOf = ({ heard }: SoftphoneCall) =>
  recordingEar(() => ({ pcm: heard.samples(), sampleRate: heard.rate }));

const earAt = (phone: Baresip) =>
  recordingEar(
    () => readWav(readFileSync(phone.heard())) ?? { pcm: new Int16Array(0), sampleRate: 16_000 },
  );

beforeAll(async () => {
  if (!hasBaresip) return;
  directory = mkdtempSync(join(tmpdir(), "srtp-"));
  for (const rate of [8_000, 16_000]) {
    await Bun.write(join(directory, `pbx-${rate}.wav`), writeWav(hum(PBX_HZ, rate, 60_000)));
  }
  gateway = await GatewayRig.start();
  const user = await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
  softphone = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: "alice",
    password: "alice-password",
    plays: hum(SOFTPHONE_HZ, 48_000, 1_000).pcm,
  });
  expect(await softphone.register()).toBe(200);
  await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: SIP_PORT,
    patterns: [{ pattern: "^2" }],
    allow: ["127.0.0.1"],
    codecs: ["G722"],
    inboundUser: user["id"],
  });
});

afterAll(async () => {
  if (!hasBaresip) return;
  softphone.close();
  await gateway.stop();
  rmSync(directory, { recursive: true });
});

async function connection(settings: object): Promise<void> {
  const [existing] = await gateway.api<{ id: number }[]>("GET", "/connections");
  await gateway.api("PATCH", `/connections/${existing?.id}`, settings);
}

let phones = 0;

function baresip(more: Partial<BaresipOptions>): Promise<Baresip> {
  phones += 1;
  const { codec = "G722/16000/1" } = more;
  return Baresip.start({
    directory: join(directory, `phone-${phones}`),
    user: "250",
    sipPort: SIP_PORT,
    plays: join(directory, `pbx-${codec.split("/")[1]}.wav`),
    codec,
    answers: "auto",
    rtpPorts: { first: 26_400 + phones * 20, last: 26_419 + phones * 20 },
    ...more,
  });
}

/** Both directions of one call; ends it. */
async function expectBothHear(phone: Baresip, which: "out" | "in"): Promise<SoftphoneCall> {
  const answering = which === "in" ? softphone.answerNext(100) : undefined;
  if (answering) phone.dial(`sip:alice@127.0.0.1:${gateway.sipPort}`);
  const call = await (answering ?? softphone.call("250"));
  await untilHeard(earOf(call), PBX_HZ);
  await untilHeard(earAt(phone), SOFTPHONE_HZ);
  await call.dialog?.hangUp();
  await phone.event("CALL_CLOSED");
  return call;
}

describe.skipIf(!hasBaresip)("baresip", () => {
  test.each([
    ["srtp-mand", "sdes", "out"],
    ["srtp", "sdes", "in"],
    ["dtls_srtp", "dtls", "out"],
    ["dtls_srtp", "dtls", "in"],
  ] as const)("%s: both hear each other (%s, %s)", async (encryption, mediaEncryption, which) => {
    await connection({ mediaEncryption, keysInClear: true });
    const phone = await baresip({ encryption });
    try {
      await expectBothHear(phone, which);
    } finally {
      await phone.stop();
    }
  });

  test.each([
    ["sdes", undefined],
    ["dtls", "srtp-mand"],
  ] as const)("a connection that wants %s and a PBX with %p: 488, whoever calls", async (wanted, has) => {
    await connection({ mediaEncryption: wanted, keysInClear: true });
    const phone = await baresip(has ? { encryption: has } : {});
    try {
      phone.dial(`sip:alice@127.0.0.1:${gateway.sipPort}`);
      expect((await phone.event("CALL_CLOSED")).param).toContain("488");
      const refused = await softphone.call("250").then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refused).toMatchObject({ status: 488 });
    } finally {
      await phone.stop();
    }
  });

  const overTls = async (settings: object, more: Partial<BaresipOptions>) => {
    const certificate = join(directory, "whole.pem");
    if (!existsSync(certificate)) {
      await makeCertificate(directory, "pbx", ["pbx.test"]);
      const [cert, key] = ["pbx.pem", "pbx.key"].map((it) => readFileSync(join(directory, it)));
      writeFileSync(certificate, `${cert}${key}`);
    }
    await connection({
      ...{ transport: "tls", port: SIP_PORT + 1, tls: { verify: "off" } },
      ...{ keysInClear: null, transcoding: false, ...settings },
    });
    return baresip({ codec: "PCMA/8000/1", certificate, ...more });
  };
  const records = () => gateway.api<unknown[]>("GET", "/call-records?limit=500");

  test.skipIf(!hasOpenssl)(
    "MED-02: signalling by TLS, keys in it, nothing transcoded: the packets pass, and the record says so",
    async () => {
      const settings = { mediaEncryption: "sdes" };
      const phone = await overTls(settings, { encryption: "srtp-mand" });
      try {
        const before = await records();
        await expectBothHear(phone, "out");
        expect(await gateway.newestRecord(before.length + 1)).toMatchObject({
          codecs: { webrtc: "PCMA", trunk: "PCMA" },
          mode: "bridge",
          trunkEncryption: "sdes",
        });
      } finally {
        await phone.stop();
      }
    },
  );

  test.skipIf(!hasOpenssl).each(["out", "in"] as const)(
    "AMB-07, SEC-08: libwebrtc and baresip have their keys with each other, the gateway has none (%s)",
    async (which) => {
      const settings = { mediaEncryption: "dtls" };
      const phone = await overTls(settings, { encryption: "dtls_srtp", mux: true });
      try {
        const before = await records();
        const { remoteSdp } = await expectBothHear(phone, which);
        expect(await gateway.newestRecord(before.length + 1)).toMatchObject({
          codecs: { webrtc: "PCMA", trunk: "PCMA" },
          mode: "relay",
          trunkEncryption: "dtls",
        });
        // The certificate libwebrtc has checked is baresip's: what it is told of with keys of ours differs.
        const gateways = await gatewaysFingerprint();
        for (const fingerprint of [fingerprintIn(remoteSdp), gateways])
          expect(fingerprint).toMatch(/^SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
        expect(fingerprintIn(remoteSdp)).not.toBe(gateways);
      } finally {
        await phone.stop();
      }
    },
  );

  test.skipIf(!hasOpenssl)(
    "AMB-08: a PBX without keys of its own: 488 and why; where that is allowed keys are the gateway's, and the record says so",
    async () => {
      const settings = { mediaEncryption: "dtls", encryptionOptional: false };
      const phone = await overTls(settings, {});
      try {
        const refused = await softphone.call("250").then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(refused).toMatchObject({ status: 488 });
        await connection({ encryptionOptional: true });
        const before = await records();
        await expectBothHear(phone, "out");
        expect(await gateway.newestRecord(before.length + 1)).toMatchObject({
          mode: "bridge",
          trunkEncryption: "none",
          notices: [expect.stringContaining("holds this call's keys")],
        });
      } finally {
        await phone.stop();
      }
    },
  );
});

/** In one case, whatever each side writes. */
const fingerprintIn = (sdp: string) => /^a=fingerprint:(.*)\r$/m.exec(sdp)?.[1]?.toUpperCase();

/** What softphones are told of where their keys are agreed on with the gateway. */
async function gatewaysFingerprint(): Promise<string | undefined> {
  const answering = softphone.answerNext();
  const bob = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user: "alice",
    password: "alice-password",
    plays: hum(SOFTPHONE_HZ, 48_000, 1_000).pcm,
  });
  const call = await bob.call("alice");
  await answering;
  await call.dialog?.hangUp();
  bob.close();
  return fingerprintIn(call.remoteSdp);
}
