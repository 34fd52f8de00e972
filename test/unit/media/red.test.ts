/** RED (RFC 2198): what browsers send is taken apart, losses are filled from it, and it is sent. */
import { describe, expect, test } from "bun:test";
import { RedReader, RedWriter } from "../../../gateway/media/red.ts";
import { RedPolicy } from "../../../gateway/media/red-policy.ts";
import { writeReceiverReport } from "../../../gateway/media/rtp/rtcp-writer.ts";
import { RtpHeader } from "../../../gateway/media/rtp/rtp-packet.ts";
import {
  AMPLITUDE,
  BROWSER,
  call,
  decodeAll,
  encodeTone,
  opus,
  playPbx,
  trunkCodecs,
} from "../../sim/media-call.ts";
import { decibels, levelOf } from "./tone.ts";

const RED = 63;

/** RFC 2198 §3 by hand: a block for each earlier payload, with its age in ticks. */
function redPayload(
  own: Uint8Array,
  earlier: { payload: Uint8Array; age: number; payloadType?: number }[],
): Uint8Array {
  const bytes: number[] = [];
  for (const { payload, age, payloadType } of earlier) {
    bytes.push(0x80 | (payloadType ?? opus.payloadType));
    bytes.push(age >> 6, ((age & 0x3f) << 2) | (payload.length >> 8), payload.length & 0xff);
  }
  bytes.push(opus.payloadType);
  for (const { payload } of earlier) bytes.push(...payload);
  return Uint8Array.from([...bytes, ...own]);
}

function headerOf(payload: Uint8Array): RtpHeader {
  return Object.assign(new RtpHeader(), {
    payloadType: RED,
    sequence: 3,
    timestamp: 100,
    ssrc: 9,
    marker: true,
    payloadOffset: 0,
    payloadLength: payload.length,
  });
}

/** Payloads handed on when `lost` packets are missing; undefined where the packet is malformed. */
function unwrapped(payload: Uint8Array, lost: number) {
  const reader = new RedReader();
  const header = headerOf(payload);
  if (!reader.read(payload, header, opus.payloadType)) return undefined;
  const delivered: { hex: string; sequence: number; timestamp: number; lost: number }[] = [];
  const sink = {
    packet: (buffer: Uint8Array, it: RtpHeader, lostBefore: number) => {
      const end = it.payloadOffset + it.payloadLength;
      const hex = buffer.subarray(it.payloadOffset, end).toHex();
      const { sequence, timestamp } = it;
      delivered.push({ hex, sequence, timestamp, lost: lostBefore });
    },
  };
  reader.deliver(sink, payload, header, opus.payloadType, lost, 0);
  return delivered;
}

describe("reading", () => {
  const packet = redPayload(Uint8Array.of(3, 3), [
    { payload: Uint8Array.of(1), age: 1_920 },
    { payload: Uint8Array.of(2, 2, 2), age: 960 },
  ]);

  test("what was lost is handed on before the packet's own audio, and nothing twice", () => {
    const own = { hex: "0303", sequence: 3, timestamp: 100, lost: 0 };
    const before = { hex: "020202", sequence: 2, timestamp: (100 - 960) >>> 0, lost: 0 };
    const first = { hex: "01", sequence: 1, timestamp: (100 - 1_920) >>> 0, lost: 0 };
    expect(unwrapped(packet, 0)).toEqual([own]);
    expect(unwrapped(packet, 1)).toEqual([before, own]);
    expect(unwrapped(packet, 2)).toEqual([first, before, own]);
    expect(unwrapped(packet, 5)).toEqual([{ ...first, lost: 3 }, before, own]);
  });

  test("an empty block, and one of another codec, fill nothing beyond them", () => {
    for (const hole of [
      { payload: Uint8Array.of(), age: 960 },
      { payload: Uint8Array.of(2), age: 960, payloadType: 13 },
    ]) {
      const made = redPayload(Uint8Array.of(3), [{ payload: Uint8Array.of(1), age: 1_920 }, hole]);
      expect(unwrapped(made, 2)).toMatchObject([{ hex: "03", lost: 2 }]);
    }
  });

  test("what runs past its end, or has too many blocks, is malformed; any cut is", () => {
    for (let length = 0; length < packet.length; length++) {
      const cut = unwrapped(packet.slice(0, length), 0);
      // Only the own block has no length of its own: cut, it is shorter.
      if (length < 13) expect(cut).toBeUndefined();
      else expect(cut).toHaveLength(1);
    }
    const many = Array(5).fill({ payload: Uint8Array.of(1), age: 960 });
    expect(unwrapped(redPayload(Uint8Array.of(3), many), 0)).toBeUndefined();
    const other = redPayload(Uint8Array.of(3), []);
    other[0] = 9;
    expect(unwrapped(other, 0)).toBeUndefined();
  });

  test("what is written is read again", () => {
    const writer = new RedWriter();
    const packetBytes = new Uint8Array(400);
    const payloads = [10, 200, 0, 90, 150].map((length, index) =>
      Uint8Array.from({ length }, () => index + 1),
    );
    const written = payloads.map((payload, index) => {
      const at = 7;
      const length = writer.write(packetBytes, at, payload, opus.payloadType, 960 * index, 300);
      return packetBytes.slice(at, at + length);
    });
    expect(written.map((it) => unwrapped(it, 1)?.map(({ hex }) => hex))).toEqual([
      [payloads[0]?.toHex()],
      [payloads[0]?.toHex(), payloads[1]?.toHex()],
      [payloads[1]?.toHex(), ""],
      [payloads[3]?.toHex()],
      [payloads[3]?.toHex(), payloads[4]?.toHex()],
    ] as string[][]);
  });
});

test("a softphone's RED: single and double losses change no octet at the PBX, and delay nothing", () => {
  const heard = [true, false].map((isLossy) => {
    const made = call({ red: RED, seed: 3 });
    let count = 0;
    made.world.lose = (source) => {
      if (source.port !== BROWSER.port) return false;
      count += 1;
      return isLossy && (count % 10 === 4 || count % 20 === 5);
    };
    const payloads = encodeTone(opus, 440, 2_000, AMPLITUDE);
    const start = made.world.now;
    made.world.every(20, payloads.length, (index) => {
      const own = payloads[index] ?? Uint8Array.of();
      const earlier = [2, 1].flatMap((back) => {
        const payload = payloads[index - back];
        return payload ? [{ payload, age: 960 * back }] : [];
      });
      const header = { payloadType: RED, sequence: 100 + index, timestamp: 960 * index };
      made.browser.sendRtp(header, redPayload(own, earlier));
    });
    made.world.run(2_100);
    const { received } = made.pbx;
    received.forEach(({ at }, index) => {
      const lateMs = at - start - 20 * index - 10;
      // What was lost comes with the packet after it, at most two packets late.
      expect(lateMs === 0 || (isLossy && (lateMs === 20 || lateMs === 40))).toBe(true);
    });
    return received.map(({ payload }) => payload.toHex());
  });
  expect(heard[0]).toHaveLength(100);
  expect(heard[0]).toEqual(heard[1] ?? []);
});

describe("sending", () => {
  /** A tone to a softphone that reports `loss` of 256 at 1 s, and from 8 s on nothing lost. */
  function toSoftphone(loss: number, seconds: number) {
    const made = call({ red: RED, browserCodec: { ...opus, fec: true } });
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 1_000 * seconds, AMPLITUDE));
    const reports = [
      1,
      ...Array.from({ length: Math.max(0, seconds - 8) }, (_, index) => 8 + index),
    ];
    for (const [report, second] of reports.entries()) {
      made.world.at(made.world.now + 1_000 * second, () => {
        const buffer = new Uint8Array(64);
        const length = writeReceiverReport(buffer, 0, made.browser.ssrc, [
          {
            ssrc: made.webrtc.ssrc,
            fractionLost: report === 0 ? loss : 0,
            cumulativeLost: 5,
            highestSequence: 50 + report,
            jitter: 0,
            lastSenderReport: 0,
            delaySinceLastSenderReport: 0,
          },
        ]);
        made.browser.sendRtcp(buffer.slice(0, length));
      });
    }
    made.world.run(1_000 * seconds + 100);
    return made.browser.received;
  }

  test("20 % lost: each packet carries the one before; any lost one is there in the next", () => {
    const received = toSoftphone(51, 8);
    const red = received.filter(({ header }) => header.payloadType === RED);
    expect(red.length).toBeGreaterThan(50);
    const [first] = received;
    received.forEach(({ header }, index) => {
      expect((header.sequence - (first?.header.sequence ?? 0)) & 0xffff).toBe(index);
      expect((header.timestamp - (first?.header.timestamp ?? 0)) >>> 0).toBe(960 * index);
    });
    // A receiver that loses every second packet and fills it from the next hears it all.
    const payloads = red.slice(1).flatMap(({ payload }, index) => {
      if (index % 2 === 0) return [];
      const blocks = unwrapped(payload, 1) ?? [];
      return blocks.map(({ hex }) => Uint8Array.fromHex(hex));
    });
    expect(payloads.length).toBe(2 * Math.floor((red.length - 1) / 2));
    const pcm = decodeAll(opus, payloads);
    expect(Math.abs(decibels(levelOf(pcm, 440, 16_000), AMPLITUDE))).toBeLessThan(1);
  });

  test("4 % lost is FEC's business: no RED; and better reports end it", () => {
    expect(toSoftphone(10, 8).some(({ header }) => header.payloadType === RED)).toBe(false);
    const received = toSoftphone(51, 60);
    expect(received.some(({ header }) => header.payloadType === RED)).toBe(true);
    expect(received.at(-1)?.header.payloadType).toBe(opus.payloadType);
  });

  test("the policy starts at once and ends late; without FEC it starts sooner", () => {
    const policy = new RedPolicy();
    policy.reported(0.05, true);
    expect(policy.active).toBe(false);
    policy.reported(0.05, false);
    expect(policy.active).toBe(true);
    for (let report = 0; report < 5; report++) policy.reported(0, true);
    expect(policy.active).toBe(true);
    policy.reported(0.05, true);
    for (let report = 0; report < 6; report++) policy.reported(0, true);
    expect(policy.active).toBe(false);
  });
});
