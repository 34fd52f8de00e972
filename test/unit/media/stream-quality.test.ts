import { expect, test } from "bun:test";
import type { LegQuality } from "../../../gateway/media/protocol.ts";
import { ntpMiddle } from "../../../gateway/media/rtp/ntp-time.ts";
import { writeReceiverReport, writeSenderReport } from "../../../gateway/media/rtp/rtcp-writer.ts";
import {
  AMPLITUDE,
  call,
  encodeTone,
  type Made,
  opus,
  playBrowser,
  playPbx,
  trunkCodecs,
} from "../../sim/media-call.ts";

const DURATION_MS = 26_000;

/** What was told last of each leg. */
function qualities({ world }: Made): Record<string, LegQuality> {
  const told = world.notices.flatMap((notice) => (notice.type === "quality" ? notice.legs : []));
  return Object.fromEntries(told.map((leg) => [leg.leg, leg]));
}

function talk(made: Made): void {
  playBrowser(made, opus, encodeTone(opus, 440, DURATION_MS, AMPLITUDE));
  const { G722 } = trunkCodecs;
  playPbx(made, G722, encodeTone(G722, 1_000, DURATION_MS, AMPLITUDE));
}

/** The softphone's receiver reports: what it got of ours, and when our last report came. */
function reportLoss(made: Made, fractionLost: number): void {
  const { browser, world, webrtc } = made;
  let cumulativeLost = 0;
  let packetsBefore = 0;
  world.every(5_000, 5, () => {
    const sequence = browser.received.at(-1)?.header.sequence;
    if (sequence === undefined) return;
    const packets = browser.received.length;
    cumulativeLost += Math.round((packets - packetsBefore) * fractionLost);
    packetsBefore = packets;
    const report = browser.control.findLast((it) => it.type === "sender-report");
    const lastSenderReport =
      report?.type === "sender-report"
        ? ((report.sender.ntpSeconds << 16) | (report.sender.ntpFraction >>> 16)) >>> 0
        : 0;
    const heldMs = world.now - 5 - Number(report ? lastSenderReport / 65.536 : 0);
    const block = {
      ssrc: webrtc.ssrc,
      fractionLost: Math.round(fractionLost * 256),
      cumulativeLost,
      highestSequence: sequence,
      jitter: 480,
      lastSenderReport,
      delaySinceLastSenderReport: ntpMiddle(Math.max(0, heldMs)),
    };
    const buffer = new Uint8Array(100);
    browser.sendRtcp(buffer.slice(0, writeReceiverReport(buffer, 0, browser.ssrc, [block])));
  });
}

test("X4: four directions of a clean call, with RTCP from the softphone and none from the PBX", () => {
  const made = call();
  talk(made);
  reportLoss(made, 0);
  made.world.run(DURATION_MS);
  const { phone, pbx } = qualities(made);
  expect(phone).toMatchObject({ kind: "webrtc", codec: "opus" });
  expect(phone?.received).toMatchObject({ basis: "measured", loss: 0, lossNow: 0, burstRatio: 1 });
  expect(phone?.sent).toMatchObject({ basis: "reported", loss: 0, jitterMs: 10 });
  // Five milliseconds there and five back.
  expect(phone?.roundTripMs).toBeGreaterThanOrEqual(8);
  expect(phone?.roundTripMs).toBeLessThanOrEqual(12);
  expect(pbx?.received).toMatchObject({ basis: "measured", loss: 0 });
  expect(pbx?.sent).toMatchObject({ basis: "estimated", loss: 0 });
  for (const leg of [phone, pbx]) expect(leg?.received?.mos).toBeGreaterThan(4.1);
});

test("X4: each direction's loss is its own, and what is silent is estimated by the way back", () => {
  const made = call();
  let count = 0;
  // One packet in twenty from the PBX is lost, in fives.
  made.world.lose = (source) => source.port === 30_000 && count++ % 100 < 5;
  talk(made);
  reportLoss(made, 0.25);
  made.world.run(DURATION_MS);
  const { phone, pbx } = qualities(made);
  expect(pbx?.received?.loss).toBeCloseTo(0.05, 2);
  expect(pbx?.received?.burstRatio).toBeGreaterThan(3);
  expect(pbx?.sent).toMatchObject({ basis: "estimated" });
  expect(pbx?.sent?.loss).toBeCloseTo(0.05, 2);
  expect(phone?.received).toMatchObject({ loss: 0 });
  expect(phone?.sent?.basis).toBe("reported");
  expect(phone?.sent?.loss).toBeCloseTo(0.25, 1);
  const scores = [phone?.received, pbx?.received, phone?.sent].map((it) => it?.mos ?? 0);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  expect(scores[2]).toBeLessThan(3);
});

test("a call that ends says how it was before it says that it is closed", () => {
  const made = call();
  talk(made);
  made.world.run(2_000);
  made.world.close("call");
  made.world.run(100);
  const types = made.world.notices.map(({ type }) => type);
  expect(types.slice(types.indexOf("quality"))).toEqual([
    "quality",
    "facts",
    "quality",
    "facts",
    "closed",
  ]);
  expect(qualities(made)["phone"]?.received?.mos).toBeGreaterThan(4);
  made.world.close("call");
  made.world.run(100);
  expect(made.world.notices.at(-1)).toEqual({ type: "closed", session: "call" as never });
});

test("RFC 3611: a PBX that asks for VoIP metrics and round trips gets them", () => {
  const made = call();
  const { world, pbx } = made;
  const remote = pbx.remote({ codec: trunkCodecs.G722 });
  const extendedReports = { voip: true, roundTrip: true };
  world.connect("call", "pbx", { ...remote, extendedReports });
  let count = 0;
  world.lose = (source) => source.port === 30_000 && count++ % 100 < 4;
  talk(made);
  world.every(5_000, 4, () => {
    const buffer = new Uint8Array(200);
    const sender = {
      ntpSeconds: 7,
      ntpFraction: 0,
      rtpTimestamp: 0,
      packetCount: 1,
      octetCount: 1,
    };
    pbx.sendRtcp(buffer.slice(0, writeSenderReport(buffer, 0, pbx.ssrc, sender, [])));
  });
  world.run(20_000);
  const reports = pbx.control.flatMap((it) => (it.type === "extended-report" ? it.voip : []));
  const voip = reports.at(-1);
  expect(voip?.ssrc).toBe(pbx.ssrc);
  expect(voip?.lossShare).toBeCloseTo(0.04, 1);
  // Four packets of 20 ms in a row, every two seconds.
  expect(voip?.burstMs).toBeGreaterThan(60);
  expect(voip?.burstMs).toBeLessThan(120);
  expect(voip?.conversationalMos).toBeGreaterThan(2);
  expect(voip?.conversationalMos).toBeLessThan(4.2);
});
