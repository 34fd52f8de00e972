/** How digits go to a peer: what the connection says, what the peer takes, one after the other. */
import { expect, test } from "bun:test";
import type { LegState } from "../../../gateway/b2bua/leg-contract.ts";
import { LegDigits } from "../../../gateway/b2bua/leg-digits.ts";
import type { DtmfMode, LegKind, RemoteLeg } from "../../../gateway/media/protocol.ts";

const events = [{ payloadType: 101, clockRate: 8_000 }] as const;
const endpoint = { address: "192.0.2.1", port: 4_000 };
const codec = { name: "PCMA", payloadType: 8, clockRate: 8_000, ptimeMs: 20 } as const;
const plain: RemoteLeg = {
  kind: "trunk",
  rtp: endpoint,
  rtcp: endpoint,
  codec,
  receive: [codec],
  direction: "sendrecv",
};
const withEvents: RemoteLeg = { ...plain, dtmf: [...events] };

function digitsOf(
  wanted: DtmfMode,
  {
    remote = plain,
    allowsInfo = true,
    state = "confirmed" as LegState,
    kind = "trunk" as LegKind,
  } = {},
) {
  const sent: string[] = [];
  const peer = { kind, negotiation: { remote }, state, isParked: false };
  const digits = new LegDigits(wanted, peer, ({ digit }) => sent.push(digit));
  digits.allowsInfo = allowsInfo;
  return { digits, sent, peer };
}

test("DTM-01: what the connection says goes, whatever the PBX's SDP and Allow are", () => {
  for (const remote of [plain, withEvents]) {
    for (const allowsInfo of [true, false]) {
      const info = digitsOf("info", { remote, allowsInfo }).digits;
      expect([info.mode, info.notice, info.ways]).toEqual([
        "info",
        undefined,
        { dtmfMode: "info" },
      ]);
      const tones = digitsOf("inband", { remote, allowsInfo }).digits;
      expect([tones.mode, tones.notice]).toEqual(["inband", undefined]);
      expect(tones.ways).toEqual({ dtmfMode: "inband", detectDtmf: true });
    }
  }
  const usual = digitsOf("rfc2833", { remote: withEvents }).digits;
  expect([usual.mode, usual.notice, usual.ways]).toEqual(["rfc2833", undefined, {}]);
});

test("DTM-03: without telephone-event by INFO if that is allowed, else as tones, and it is noted", () => {
  const byInfo = digitsOf("rfc2833").digits;
  expect(byInfo.mode).toBe("info");
  expect(byInfo.notice).toBe("the PBX takes no telephone-event: keys go to it by INFO");
  const asTones = digitsOf("rfc2833", { allowsInfo: false }).digits;
  expect(asTones.mode).toBe("inband");
  expect(asTones.ways.detectDtmf).toBe(true);
  expect(asTones.notice).toBe(
    "the PBX takes no telephone-event and no INFO: keys go to it as tones",
  );
});

test("a softphone's audio is not listened to for keys, and nothing is noted of it", () => {
  const { digits } = digitsOf("rfc2833", { allowsInfo: false, kind: "webrtc" });
  expect([digits.ways, digits.notice]).toEqual([{ dtmfMode: "inband" }, undefined]);
});

test("keys by INFO wait for the answer to the one before", () => {
  const { digits, sent } = digitsOf("info");
  for (const digit of "123") expect(digits.send({ digit, durationMs: 100 })).toBe(true);
  expect(sent).toEqual(["1"]);
  expect(digits.answered(200)).toBe(false);
  expect(sent).toEqual(["1", "2"]);
  // A server error is no reason to hold the rest back.
  digits.answered(500);
  digits.answered(200);
  expect(sent).toEqual(["1", "2", "3"]);
  digits.send({ digit: "4", durationMs: 100 });
  expect(sent).toEqual(["1", "2", "3", "4"]);
});

test("a PBX that refuses INFO gets tones from then on", () => {
  for (const status of [405, 415, 469, 501]) {
    const { digits, sent } = digitsOf("info");
    digits.send({ digit: "1", durationMs: 100 });
    expect(digits.answered(status)).toBe(true);
    expect(digits.send({ digit: "2", durationMs: 100 })).toBe(false);
    expect([digits.mode, digits.notice]).toEqual([
      "inband",
      "the PBX refuses INFO: keys go to it as tones",
    ]);
    expect(sent).toEqual(["1"]);
  }
});

test("before the answer and while its connection is away nothing goes by INFO, nor is it kept", () => {
  const { digits, sent, peer } = digitsOf("info", { state: "inviting" });
  expect(digits.send({ digit: "1", durationMs: 100 })).toBe(false);
  peer.state = "confirmed";
  digits.send({ digit: "2", durationMs: 100 });
  digits.send({ digit: "3", durationMs: 100 });
  digits.clear();
  digits.send({ digit: "4", durationMs: 100 });
  expect(sent).toEqual(["2", "4"]);
});
