import { expect, test } from "bun:test";
import type { DtmfFormat } from "../../../gateway/media/protocol.ts";
import { RtpHeader, readHeader } from "../../../gateway/media/rtp/rtp-packet.ts";
import { Sender } from "../../../gateway/media/sender.ts";
import { TelephoneEventRelay } from "../../../gateway/media/telephone-events.ts";
import { seededRandom } from "./seeded-random.ts";

const browser: DtmfFormat = { payloadType: 110, clockRate: 48_000 };
const trunk: DtmfFormat = { payloadType: 101, clockRate: 8_000 };

interface Sent {
  payloadType: number;
  marker: boolean;
  timestamp: number;
  event: number;
  end: boolean;
  duration: number;
}

function relay(input: DtmfFormat, output: DtmfFormat | undefined) {
  const sent: Sent[] = [];
  const header = new RtpHeader();
  const sender = new Sender(
    1,
    {
      transmit: (packet, length) => {
        readHeader(packet, length, header);
        const { payloadType, marker, timestamp } = header;
        sent.push({
          payloadType,
          marker,
          timestamp,
          event: packet[12] ?? -1,
          end: (packet[13] ?? 0) >= 0x80,
          duration: ((packet[14] ?? 0) << 8) | (packet[15] ?? 0),
        });
      },
    },
    seededRandom(1),
  );
  sender.enabled = true;
  const digits: string[] = [];
  const made = new TelephoneEventRelay(sender, output, {
    digit: (digit, durationMs) => digits.push(`${digit} ${durationMs}`),
  });
  const feed = (
    packet: { event: number; timestamp: number; duration: number; end?: boolean },
    start: number,
    now: number,
  ) => {
    const buffer = new Uint8Array(16);
    buffer[12] = packet.event;
    buffer[13] = (packet.end ? 0x80 : 0) | 10;
    buffer[14] = packet.duration >> 8;
    buffer[15] = packet.duration;
    const incoming = Object.assign(new RtpHeader(), {
      timestamp: packet.timestamp,
      ssrc: 5,
      payloadLength: 4,
    });
    made.receive(buffer, incoming, input, start, now);
  };
  return { sent, made, feed, digits };
}

test("DTM-02: an event of Opus's clock is re-timed to 8000 and lasts as long", () => {
  const { sent, made, feed } = relay(browser, trunk);
  for (let step = 1; step <= 5; step++) {
    feed({ event: 5, timestamp: 96_000, duration: 960 * step }, 777, 20 * step);
    expect(made.running(20 * step)).toBe(true);
  }
  feed({ event: 5, timestamp: 96_000, duration: 4_800, end: true }, 999, 120);
  expect(made.running(120)).toBe(false);
  expect(sent.map(({ duration }) => duration)).toEqual([160, 320, 480, 640, 800, 800, 800, 800]);
  expect(sent.map(({ end }) => end)).toEqual([...Array(5).fill(false), true, true, true]);
  expect(sent.every(({ timestamp }) => timestamp === 777)).toBe(true);
  expect(sent.every(({ payloadType, event }) => payloadType === 101 && event === 5)).toBe(true);
  expect(sent.map(({ marker }) => marker)).toEqual([true, ...Array(7).fill(false)]);
});

test("the end's repetitions are not a second digit, the same digit pressed again is", () => {
  const { sent, feed } = relay(trunk, browser);
  for (let copy = 0; copy < 3; copy++) {
    feed({ event: 1, timestamp: 800, duration: 800, end: true }, 10, copy);
  }
  expect(sent.length).toBe(3);
  expect(sent[0]?.duration).toBe(4_800);
  feed({ event: 1, timestamp: 4_000, duration: 160 }, 20, 400);
  expect(sent.length).toBe(4);
  expect(sent[3]).toMatchObject({ marker: true, timestamp: 20, end: false });
});

test("an event whose end is lost ends by itself", () => {
  const { sent, made, feed } = relay(trunk, trunk);
  feed({ event: 9, timestamp: 0, duration: 160 }, 0, 0);
  expect(made.running(249)).toBe(true);
  expect(made.running(250)).toBe(false);
  expect(sent.filter(({ end }) => end).length).toBe(3);
});

test("a digit whose predecessor has no end closes that first", () => {
  const { sent, feed } = relay(trunk, trunk);
  feed({ event: 1, timestamp: 0, duration: 160 }, 0, 0);
  feed({ event: 2, timestamp: 1_600, duration: 160 }, 1_600, 200);
  expect(sent.map(({ event, end }) => `${event}${end ? "E" : ""}`)).toEqual([
    "1",
    "1E",
    "1E",
    "1E",
    "2",
  ]);
});

test("RFC 4733 §2.5.1.3: three seconds of a key are segments on a 48 kHz clock", () => {
  const { sent, feed } = relay(trunk, browser);
  for (let duration = 400; duration <= 24_000; duration += 400) {
    feed({ event: 3, timestamp: 0, duration }, 100, duration / 8);
  }
  feed({ event: 3, timestamp: 0, duration: 24_000, end: true }, 100, 3_000);
  const starts = [...new Set(sent.map(({ timestamp }) => timestamp))];
  expect(starts).toEqual([100, 100 + 65_535, 100 + 2 * 65_535]);
  const last = sent.at(-1);
  expect(last?.end).toBe(true);
  expect((last?.timestamp ?? 0) - 100 + (last?.duration ?? 0)).toBe(144_000);
  expect(sent.filter(({ marker }) => marker).length).toBe(1);
});

test("libwebrtc's segments begin with its next packet: the key is one and as long all the same", () => {
  const { sent, feed, digits } = relay(browser, undefined);
  let start = 0;
  for (let at = 960; at <= 288_000; at += 960) {
    if (at - start > 0xffff) {
      feed({ event: 8, timestamp: start, duration: 0xffff }, 0, at / 48);
      feed({ event: 8, timestamp: at, duration: at - start - 0xffff }, 0, at / 48);
      start = at;
    } else feed({ event: 8, timestamp: start, duration: at - start }, 0, at / 48);
  }
  feed({ event: 8, timestamp: start, duration: 288_000 - start, end: true }, 0, 6_000);
  expect(digits).toEqual(["8 6000"]);
  expect(sent).toEqual([]);
});

test("fax and line events, short payloads, and a peer without events: nothing is sent", () => {
  const { sent, feed } = relay(trunk, trunk);
  feed({ event: 32, timestamp: 0, duration: 160 }, 0, 0);
  expect(sent).toEqual([]);
  const mute = relay(trunk, undefined);
  mute.feed({ event: 1, timestamp: 0, duration: 160 }, 0, 0);
  expect(mute.made.running(0)).toBe(true);
  expect(mute.sent).toEqual([]);
});

test("DTM-03: where the other leg takes no events, each digit is told once, with its length", () => {
  const { sent, feed, digits } = relay(browser, undefined);
  for (let step = 1; step <= 5; step++) {
    feed({ event: 11, timestamp: 96_000, duration: 960 * step }, 0, 20 * step);
  }
  for (let copy = 0; copy < 3; copy++) {
    feed({ event: 11, timestamp: 96_000, duration: 4_800, end: true }, 0, 120);
  }
  expect(digits).toEqual(["# 100"]);
  expect(sent).toEqual([]);
});
