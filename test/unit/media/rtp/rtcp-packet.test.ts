import { expect, test } from "bun:test";
import { writeExtendedReport } from "../../../../gateway/media/rtp/extended-report.ts";
import { readRtcp } from "../../../../gateway/media/rtp/rtcp-packet.ts";
import {
  writeBye,
  writeReceiverReport,
  writeSenderReport,
  writeSourceDescription,
} from "../../../../gateway/media/rtp/rtcp-writer.ts";
import { mutate, mutations, runSeed, seededChance } from "../chance.ts";

const block = {
  ssrc: 0x89abcdef,
  fractionLost: 64,
  cumulativeLost: -3,
  highestSequence: 0xfedcba98,
  jitter: 17,
  lastSenderReport: 0x9abc1234,
  delaySinceLastSenderReport: 65_536,
};
const sender = {
  ntpSeconds: 0xe9304c75,
  ntpFraction: 0x6e61dead,
  rtpTimestamp: 0xfffffff0,
  packetCount: 1_000,
  octetCount: 160_000,
};
const extended = {
  ssrc: 0xcafebabe,
  referenceTime: { ntpSeconds: 0xe9304c75, ntpFraction: 0x6e61dead },
  echoes: [{ ssrc: 5, lastSenderReport: 0x9abc1234, delaySinceLastSenderReport: 65_536 }],
  voip: [
    {
      ssrc: 0x89abcdef,
      lossShare: 0.25,
      discardShare: 0.5,
      burstDensity: 0.75,
      gapDensity: 0.125,
      burstMs: 180,
      gapMs: 9_000,
      roundTripMs: 42,
      endSystemDelayMs: 60,
      conversationalMos: 3.9,
    },
  ],
};

function compound(): Uint8Array {
  const buffer = new Uint8Array(400);
  let end = writeSenderReport(buffer, 0, 0xcafebabe, sender, [block, { ...block, ssrc: 5 }]);
  end = writeSourceDescription(buffer, end, 0xcafebabe, "user@host");
  end = writeExtendedReport(buffer, end, extended);
  end = writeBye(buffer, end, 0xcafebabe);
  return buffer.slice(0, end);
}

test("a compound is read as written", () => {
  expect(readRtcp(compound(), compound().length)).toEqual([
    { type: "sender-report", ssrc: 0xcafebabe, sender, reports: [block, { ...block, ssrc: 5 }] },
    { type: "source-description", chunks: [{ ssrc: 0xcafebabe, cname: "user@host" }] },
    { type: "extended-report", ...extended },
    { type: "bye", ssrcs: [0xcafebabe] },
  ]);
});

test("a receiver report with and without blocks, appended at an offset", () => {
  const buffer = new Uint8Array(100).fill(0xee);
  const end = writeReceiverReport(buffer, 0, 7, [{ ...block, cumulativeLost: 0x7fffff }]);
  expect(writeReceiverReport(buffer, end, 8, [])).toBe(40);
  expect(readRtcp(buffer, 40)).toEqual([
    { type: "receiver-report", ssrc: 7, reports: [{ ...block, cumulativeLost: 0x7fffff }] },
    { type: "receiver-report", ssrc: 8, reports: [] },
  ]);
});

test("the CNAME is closed by one to four zeros, whatever its length", () => {
  for (let length = 0; length <= 255; length++) {
    const buffer = new Uint8Array(300).fill(0xee);
    const cname = "c".repeat(length);
    const end = writeSourceDescription(buffer, 0, 7, cname);
    expect(end).toBe(8 + 4 * Math.floor((2 + length) / 4 + 1));
    expect(buffer[end]).toBe(0xee);
    expect(readRtcp(buffer, end)).toEqual([
      { type: "source-description", chunks: [{ ssrc: 7, cname }] },
    ]);
  }
});

test("the SR of RFC 7714 §17", () => {
  const hex =
    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
  // Its length says 14 words but it has 13: RFC 7714 leaves the last one out.
  const bytes = Uint8Array.fromHex(hex);
  expect(readRtcp(bytes, bytes.length)).toBeUndefined();
  bytes[3] = 12;
  expect(readRtcp(bytes, bytes.length)).toMatchObject([
    { type: "sender-report", ssrc: 0x4d617273, sender: { packetCount: 1_066, octetCount: 59_696 } },
  ]);
});

test("APP, feedback and broken XR are skipped; other SDES items and a reason for BYE are read over", () => {
  const hex = [
    "80c9000100000001",
    "80cc0003000000014a4b4c4d01020304",
    "81ce00020000000100000002",
    "80cf000200000001ffffffff",
    "81ca0004000000010203616263010278790000",
    "81cb00020000000103627965",
  ];
  hex[4] = "81ca000400000001020361626301027879000000";
  const bytes = Uint8Array.fromHex(hex.join(""));
  expect(readRtcp(bytes, bytes.length)).toEqual([
    { type: "receiver-report", ssrc: 1, reports: [] },
    { type: "source-description", chunks: [{ ssrc: 1, cname: "xy" }] },
    { type: "bye", ssrcs: [1], reason: "bye" },
  ]);
});

test("P6 1 to 8 octets, wrong version, counts and lengths that run past the end", () => {
  for (let length = 0; length < 8; length++) {
    expect(readRtcp(Uint8Array.fromHex("80c9000100000001"), length)).toBeUndefined();
  }
  for (const wrong of [
    "40c9000100000001",
    "80c9000200000001",
    "81c9000100000001",
    "9fc8000600000001000000000000000000000000000000000000000000",
    "80c900010000000180c9",
    "80c80001000000010000000000000000",
    "81ca000200000001010a6162",
    "81ca00010000000101",
    "82cb000100000001",
    "81cb000200000001ff627965",
    "80c90000",
  ]) {
    const bytes = Uint8Array.fromHex(wrong);
    expect([wrong, readRtcp(bytes, bytes.length)]).toEqual([wrong, undefined]);
  }
});

test("P6 padding belongs on the last packet, in whole words, inside it", () => {
  const padded = (padding: number) => {
    const bytes = Uint8Array.fromHex("80c9000100000001a0c900020000000200000000");
    bytes[19] = padding;
    return readRtcp(bytes, bytes.length);
  };
  expect(padded(4)).toMatchObject([{ ssrc: 1 }, { ssrc: 2 }]);
  for (const padding of [0, 3, 8, 12, 255]) expect(padded(padding)).toBeUndefined();
  const first = Uint8Array.fromHex("a0c90002000000010000000480c9000100000002");
  expect(readRtcp(first, first.length)).toBeUndefined();
});

test("P6 a datagram of many packets is bounded", () => {
  const many = Uint8Array.fromHex("80c9000100000001".repeat(65));
  expect(readRtcp(many, 64 * 8)?.length).toBe(64);
  expect(readRtcp(many, 65 * 8)).toBeUndefined();
});

test("P6 length sweep: a compound is read at its packets' ends alone", () => {
  const bytes = compound();
  const long = new Uint8Array(1_501);
  long.set(bytes);
  const readable: number[] = [];
  for (let length = 0; length <= 1_500; length++) if (readRtcp(long, length)) readable.push(length);
  expect(readable).toEqual([76, 96, 168, 176]);
});

test("P6 mutated compounds never throw", () => {
  const seed = runSeed("P6 RTCP");
  const chance = seededChance(seed);
  const original = compound();
  let read = 0;
  for (let count = mutations(100_000); count > 0; count--) {
    const bytes = mutate(original, chance);
    try {
      if (readRtcp(bytes, bytes.length)) read += 1;
    } catch (error) {
      expect([seed, bytes.toHex(), String(error)]).toEqual([seed, "", ""]);
    }
  }
  expect(read).toBeGreaterThan(0);
});
