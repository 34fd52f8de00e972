/**
 * Row M10: peers that send what no phone sends, as fast as they like, while another call runs in
 * the same worker. That one is heard out; and when the abuser behaves again, it is heard at once:
 * nothing has piled up.
 */
import { expect, test } from "bun:test";
import type { Codec, LegId, SessionId } from "../../gateway/media/protocol.ts";
import { longestGapMs, shareOf } from "../rigs/listening.ts";
import { scaled } from "../rigs/scale.ts";
import {
  AMPLITUDE,
  call,
  codecs,
  decodeAll,
  encodeTone,
  type Made,
  opus,
  rateOf,
  trunkCodecs,
} from "./media-call.ts";
import { TrunkPeer } from "./trunk-peer.ts";

const { G722, PCMA, PCMU } = trunkCodecs;
const HONEST_MS = 1_000;
const HONEST_HZ = 440;

/** Two PBXs that talk through the same worker; judged when all is over. */
function witness({ world }: Made, durationMs: number) {
  const peers = [6, 7].map((host) => {
    const at = (port: number) => ({ address: `203.0.113.${host}`, port });
    const peer = new TrunkPeer({
      rtp: at(30_000),
      rtcp: at(30_001),
      send: (datagram, source, destination) => world.send(datagram, source, destination),
    });
    world.listen(at(30_000), (datagram, _, now) => peer.receiveRtp(datagram, now));
    world.listen(at(30_001), (datagram, _, now) => peer.receiveRtcp(datagram, now));
    return peer;
  });
  const [speaker, listener] = peers;
  if (!speaker || !listener) throw new Error("two peers");
  speaker.destination = world.open("witness", "speaker", "trunk").rtp;
  listener.destination = world.open("witness", "listener", "trunk").rtp;
  world.connect("witness", "speaker", speaker.remote({ codec: G722 }));
  world.connect("witness", "listener", listener.remote({ codec: PCMA }));
  world.join("witness", "speaker", "listener");
  const payloads = encodeTone(G722, 1_000, durationMs, AMPLITUDE);
  world.every(20, payloads.length, (index) => {
    const payload = payloads[index] ?? new Uint8Array(0);
    speaker.sendRtp({ payloadType: 9, sequence: index, timestamp: 160 * index }, payload);
  });
  return () => {
    const { received } = listener;
    expect(received.length).toBe(payloads.length);
    const steps = received.slice(1).map(({ at }, index) => at - (received[index]?.at ?? 0));
    expect(steps.every((step) => Math.abs(step - 20) < 0.001)).toBe(true);
    const pcm = decodeAll(
      PCMA,
      received.map(({ payload }) => payload),
    );
    expect(longestGapMs({ pcm, sampleRate: 8_000 }, 1_000)).toBeLessThanOrEqual(50);
  };
}

/** A second of Opus as it should be: heard whole by the PBX, each packet when it came. */
function behave({ world, browser, pbx }: Made, sequence: number, timestamp: number) {
  const payloads = encodeTone(opus, HONEST_HZ, HONEST_MS, AMPLITUDE);
  const sentAt: number[] = [];
  world.every(20, payloads.length, (index) => {
    sentAt.push(world.now);
    const header = {
      payloadType: 111,
      sequence: (sequence + index) & 0xffff,
      timestamp: (timestamp + 960 * index) >>> 0,
    };
    browser.sendRtp(header, payloads[index] ?? new Uint8Array(0));
  });
  const startedAt = world.now;
  return () => {
    const received = pbx.received.filter(({ at }) => at >= startedAt + 100);
    // 5 ms to the gateway and 5 from it: nothing waits in a buffer.
    expect(received.length).toBeGreaterThan(40);
    const waits = received.map(({ at }) => Math.min(...sentAt.map((it) => Math.abs(at - it - 10))));
    expect(Math.max(...waits)).toBeLessThan(1);
    const pcm = decodeAll(
      G722,
      received.map(({ payload }) => payload),
    );
    expect(shareOf({ pcm, sampleRate: 16_000 }, HONEST_HZ)).toBeGreaterThan(0.95);
  };
}

/** What is sent for `durationMs`, then a second of good behaviour; the witness talks all the time. */
function abuse(durationMs: number, made: Made, each: (index: number) => void, intervalMs: number) {
  const judge = witness(made, durationMs + HONEST_MS + 500);
  made.world.every(intervalMs, Math.floor(durationMs / intervalMs), each);
  made.world.run(durationMs + 300);
  const outBefore = made.pbx.received.length;
  const heard = behave(made, 20_000, 0x4000_0000);
  made.world.run(HONEST_MS + 300);
  judge();
  heard();
  expect(made.world.notices.filter(({ type }) => type === "failed")).toEqual([]);
  return outBefore;
}

/** Of packets the leg brought those that were worked on, at most: a burst, then the rate. */
const admissible = (durationMs: number) => 100 + (200 * durationMs) / 1_000;

test("M10: Opus at a packet a millisecond", () => {
  const made = call();
  const [payload = new Uint8Array(0)] = encodeTone(opus, 2_000, 20, AMPLITUDE);
  const each = (index: number) => {
    made.browser.sendRtp({ payloadType: 111, sequence: index, timestamp: 960 * index }, payload);
  };
  const out = abuse(3_000, made, each, 1);
  // What was dropped is not made up for either: that would cost as much as to decode it.
  expect(out).toBeLessThanOrEqual(admissible(3_000));
  expect(made.world.dropped("call", "phone")["rate"]).toBeGreaterThan(2_000);
});

test("M10: packets of 120 ms are heard like any others", () => {
  const made = call();
  const encoder = codecs.encoder("opus", 16_000);
  const pcm = Int16Array.from({ length: 16_000 * 3 }, (_, index) =>
    Math.round(AMPLITUDE * Math.sin((2 * Math.PI * 700 * index) / 16_000)),
  );
  // RFC 6716 §3.2.5: six frames of 20 ms, each with its length but the last.
  const each = (index: number) => {
    const frames = Array.from({ length: 6 }, (_, frame) => {
      const start = (6 * index + frame) * 320;
      return encoder.encode(pcm.subarray(start, start + 320)).slice();
    });
    const toc = (frames[0]?.[0] ?? 0) | 3;
    const lengths = frames.slice(0, 5).map(({ length }) => length - 1);
    const payload = [toc, 0x80 | 6, ...lengths, ...frames.flatMap((it) => [...it.subarray(1)])];
    const header = { payloadType: 111, sequence: index, timestamp: 5_760 * index };
    made.browser.sendRtp(header, Uint8Array.from(payload));
  };
  abuse(2_880, made, each, 120);
  const early = made.pbx.received.slice(0, 140);
  const heard = decodeAll(
    G722,
    early.map(({ payload }) => payload),
  );
  expect(shareOf({ pcm: heard, sampleRate: 16_000 }, 700)).toBeGreaterThan(0.9);
});

test("M10: a second of audio in one packet, of whatever codec, is dropped", () => {
  const made = call({ trunk: PCMA });
  const judge = witness(made, 5_000);
  // As much as a datagram of ours holds, and more.
  for (const size of [961, 2_000, 2_100, 8_000]) {
    made.world.every(1_000, 4, (index) => {
      const header = { payloadType: 8, sequence: 4 * size + index, timestamp: size * index };
      made.pbx.sendRtp(header, new Uint8Array(size).fill(0x55));
    });
  }
  made.world.run(5_100);
  judge();
  expect(made.browser.received).toEqual([]);
});

test("M10: another codec in each packet", () => {
  const receive: Codec[] = [opus, G722, PCMA, PCMU];
  const made = call();
  made.world.connect("call", "phone", made.browser.remote({ codec: opus, receive }));
  const payloads = receive.map((codec) => encodeTone(codec, 600, 3_000, AMPLITUDE));
  const each = (index: number) => {
    const which = index % receive.length;
    const codec = receive[which] ?? opus;
    const { payloadType, clockRate } = codec;
    const timestamp = index * (clockRate / 50);
    const payload = payloads[which]?.[index] ?? new Uint8Array(0);
    made.browser.sendRtp({ payloadType, sequence: index, timestamp }, payload);
  };
  const out = abuse(3_000, made, each, 20);
  // No faster than they came, with room for what a change of codec makes up.
  expect(out).toBeLessThanOrEqual(150 * 1.5);
  expect(out).toBeGreaterThan(100);
  expect(rateOf(opus)).toBe(16_000);
});

test("M10: a flood of telephone-events", () => {
  const made = call();
  const each = (index: number) => {
    // A new key each millisecond, half of them ended at once.
    const event = Uint8Array.from([index % 16, index % 2 ? 0x8a : 0x0a, 0x03, 0xc0]);
    const header = { payloadType: 110, sequence: index, timestamp: 960 * index, marker: true };
    made.browser.sendRtp(header, event);
  };
  const out = abuse(3_000, made, each, 1);
  expect(made.world.dropped("call", "phone")["rate"]).toBeGreaterThan(2_000);
  // RFC 4733 §2.5.1.4: an event's end is sent three times.
  expect(out).toBeLessThanOrEqual(admissible(3_000) * 4);
  const digits = made.world.notices.filter(({ type }) => type === "dtmf");
  expect(digits.length).toBeLessThanOrEqual(admissible(3_000));
});

test("M10: silent all day: a packet of DTX now and then, and the clocks still agree", () => {
  const made = call();
  const { world, browser, pbx } = made;
  const [payload = new Uint8Array(0)] = encodeTone(opus, 300, 20, 0);
  const count = scaled("M10 DTX, packets 400 ms apart", 216_000, 0.02);
  const quietMs = 400 * count;
  for (let index = 0; index < count; index++) {
    // RFC 7587 §3.1.3: the clock goes on where nothing is sent. Checks keep consent alive.
    if (index % 10 === 0) browser.check();
    const header = { payloadType: 111, sequence: index, timestamp: 19_200 * index };
    browser.sendRtp(
      { ...header, sequence: index & 0xffff, timestamp: header.timestamp >>> 0 },
      payload,
    );
    world.run(400);
  }
  const first = pbx.received[0]?.header.timestamp ?? 0;
  const latest = pbx.received.at(-1);
  const elapsedMs = (((latest?.header.timestamp ?? 0) - first) >>> 0) / 8;
  expect(Math.abs(elapsedMs - (quietMs - 400))).toBeLessThanOrEqual(60);
  expect(pbx.received.length).toBeLessThanOrEqual(2 * count);
  const heard = behave(made, count, 19_200 * count);
  world.run(HONEST_MS + 300);
  heard();
  const session = "call" as SessionId;
  expect(
    world.notices.filter((it) => "leg" in it && it.leg === "phone" && it.type !== "flowing"),
  ).toEqual([]);
  expect(world.plane.handle({ type: "query", seq: 1, session }, world.now)).toMatchObject({
    legs: [{ leg: "phone" as LegId, packetsLost: 0 }, { leg: "pbx" as LegId }],
  });
});
