/**
 * Rows P5 to P9 at the worker's own door: mutated STUN, DTLS, SRTP, RTP, RTCP and Opus, into a media
 * plane with a live call. Nothing throws, no leg fails, memory stays flat, and the call goes on.
 * Ten million of each take hours:
 * `JACKFIELD_SCALE=1 bun test --timeout=86400000 test/hardening/media-mutations.test.ts`
 */
import { expect, test } from "bun:test";
import { createCertificate } from "../../gateway/media/dtls/certificate.ts";
import { classify } from "../../gateway/media/ice/demultiplex.ts";
import type { Endpoint } from "../../gateway/media/protocol.ts";
import {
  writeReceiverReport,
  writeSenderReport,
  writeSourceDescription,
} from "../../gateway/media/rtp/rtcp-writer.ts";
import { writeHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import { scaled } from "../rigs/scale.ts";
import { BrowserPeer } from "../sim/browser-peer.ts";
import {
  AMPLITUDE,
  BROWSER,
  call,
  decodeAll,
  encodeTone,
  type Made,
  opus,
  PBX,
  PBX_CONTROL,
  playPbx,
  trunkCodecs,
} from "../sim/media-call.ts";
import { GATEWAY, WEBRTC_PORT } from "../sim/media-world.ts";
import { mutate, repairedStun, runSeed, seededChance } from "../unit/media/chance.ts";
import { decibels, levelOf } from "../unit/media/tone.ts";

const FULL = 10_000_000;
const SHARE = 0.0006;
const RED = 63;
const CN = 13;
/** Between two looks at memory nothing of the test's own is kept. */
const ROUND = 1_000;
const HEAP_GROWTH_BYTES_MAX = 5_000_000;
const DOOR: Endpoint = { address: GATEWAY, port: WEBRTC_PORT };

type Feed = (made: Made, chance: () => number, index: number) => void;

/** Feeds `count` inputs to a live call, then listens whether it still works. */
function run(name: string, feed: Feed): void {
  const count = scaled(name, FULL, SHARE);
  const chance = seededChance(runSeed(name));
  const made = call({ trunk: trunkCodecs.G722, red: RED, trunkNoise: CN });
  const { world, browser, pbx } = made;
  const failed: unknown[] = [];
  const heaps: number[] = [];
  const look = ROUND * Math.max(2, Math.round(count / ROUND / 20));
  for (let index = 0; index < count; index++) {
    feed(made, chance, index);
    world.run(10);
    if (index % ROUND !== 0) continue;
    browser.check();
    world.run(20);
    failed.push(...world.notices.filter(({ type }) => type === "failed"));
    world.notices.length = 0;
    for (const kept of [browser.received, browser.control, browser.sent]) kept.length = 0;
    for (const kept of [pbx.received, pbx.control]) kept.length = 0;
    if (index % look === 0 || index + ROUND >= count) {
      Bun.gc(true);
      heaps.push(process.memoryUsage().heapUsed);
    }
  }
  expect(failed).toEqual([]);
  // The first look is before everything is warm.
  const [, second = 0] = heaps;
  if (heaps.length > 2) expect((heaps.at(-1) ?? 0) - second).toBeLessThan(HEAP_GROWTH_BYTES_MAX);
  expect(world.plane.sessionCount).toBe(1);
  listen(made, count);
}

/** Tones both ways; the browser's sequence goes on from `last`, for SRTP counts with it. */
function listen(made: Made, last: number): void {
  const { world, browser, pbx } = made;
  browser.check();
  world.run(500);
  browser.received.length = 0;
  pbx.received.length = 0;
  const payloads = encodeTone(opus, 440, 1_000, AMPLITUDE);
  world.every(20, payloads.length, (index) => {
    const sequence = (last + 100 + index) & 0xffff;
    const timestamp = (960 * (last + 100 + index)) >>> 0;
    const payload = payloads[index] ?? new Uint8Array(0);
    browser.sendRtp({ payloadType: opus.payloadType, sequence, timestamp }, payload);
  });
  playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 1_000, 1_000, AMPLITUDE));
  world.run(1_200);
  const heard = (received: typeof pbx.received, payloadType: number) =>
    received.filter(({ header }) => header.payloadType === payloadType).map((it) => it.payload);
  const atPbx = decodeAll(trunkCodecs.G722, heard(pbx.received, 9).slice(-40));
  const atBrowser = decodeAll(opus, heard(browser.received, 111).slice(-40));
  expect(Math.abs(decibels(levelOf(atPbx, 440, 16_000), AMPLITUDE))).toBeLessThan(2);
  expect(Math.abs(decibels(levelOf(atBrowser, 1_000, 16_000), AMPLITUDE))).toBeLessThan(2);
}

function pick<Item>(items: readonly Item[], chance: () => number): Item {
  const item = items[Math.floor(chance() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

/** What `act` makes the browser send, as it would leave. */
function captured({ world }: Made, act: () => void): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  const { send } = world;
  world.send = (datagram) => {
    datagrams.push(datagram.slice());
  };
  act();
  world.send = send;
  return datagrams;
}

test("P5: mutated STUN, from the peer's address and from others", () => {
  let checks: Uint8Array[] = [];
  run("P5 STUN at the worker", (made, chance, index) => {
    if (index === 0) checks = captured(made, () => made.browser.check());
    const mutated = mutate(pick(checks, chance), chance);
    const datagram = chance() < 0.5 ? repairedStun(mutated) : mutated;
    const stranger = { address: "198.51.100.77", port: 1_024 + Math.floor(chance() * 60_000) };
    made.world.deliver(datagram, chance() < 0.5 ? BROWSER : stranger, DOOR);
  });
});

test("P6: mutated RTP into the plain leg: audio, comfort noise, events, of any length", () => {
  const payloads = encodeTone(trunkCodecs.G722, 440, 400, AMPLITUDE);
  const write = (payloadType: number, payload: Uint8Array, index: number) => {
    const packet = new Uint8Array(12 + payload.length);
    const [sequence, timestamp] = [index & 0xffff, (160 * index) >>> 0];
    writeHeader(packet, { payloadType, sequence, timestamp, marker: false, ssrc: 0x7777 });
    packet.set(payload, 12);
    return packet;
  };
  run("P6 RTP at the worker", (made, chance, index) => {
    const kind = chance();
    const packet =
      kind < 0.7
        ? write(9, pick(payloads, chance), index)
        : kind < 0.85
          ? write(CN, Uint8Array.of(40, 120, 130), index)
          : write(101, Uint8Array.of(5, 10, index >> 8, index), index);
    made.world.deliver(chance() < 0.2 ? packet : mutate(packet, chance), PBX, made.trunk.rtp);
  });
});

test("P6: mutated RTCP into the plain leg", () => {
  run("P6 RTCP at the worker", (made, chance) => {
    const { trunk, pbx, world } = made;
    const buffer = new Uint8Array(300);
    const block = {
      ssrc: trunk.ssrc,
      fractionLost: Math.floor(chance() * 256),
      cumulativeLost: 3,
      highestSequence: 9,
      jitter: 7,
      lastSenderReport: Math.floor(chance() * 2 ** 32),
      delaySinceLastSenderReport: 5,
    };
    const sender = {
      ntpSeconds: 1,
      ntpFraction: 2,
      rtpTimestamp: 3,
      packetCount: 4,
      octetCount: 5,
    };
    let length =
      chance() < 0.5
        ? writeReceiverReport(buffer, 0, pbx.ssrc, [block])
        : writeSenderReport(buffer, 0, pbx.ssrc, sender, [block]);
    length = writeSourceDescription(buffer, length, pbx.ssrc, "pbx@example");
    world.deliver(mutate(buffer.subarray(0, length), chance), PBX_CONTROL, trunk.rtcp);
  });
});

test("P7: mutated SRTP and SRTCP", () => {
  let packets: Uint8Array[] = [];
  const payloads = encodeTone(opus, 440, 400, AMPLITUDE);
  run("P7 SRTP at the worker", (made, chance, index) => {
    if (index % 5_000 === 0) {
      packets = captured(made, () => {
        payloads.forEach((payload, at) => {
          const sequence = (index + at) & 0xffff;
          made.browser.sendRtp({ payloadType: 111, sequence, timestamp: 960 * at }, payload);
        });
        const report = new Uint8Array(64);
        const length = writeReceiverReport(report, 0, made.browser.ssrc, []);
        made.browser.sendRtcp(report.slice(0, length));
      });
    }
    made.world.deliver(mutate(pick(packets, chance), chance), BROWSER, DOOR);
  });
});

test("P8: mutated DTLS, beside handshakes and into a connected leg", () => {
  const certificate = createCertificate({ bytes: (length) => new Uint8Array(length).fill(7) });
  let fed = 0;
  const count = scaled("P8 DTLS at the worker", FULL, SHARE);
  const chance = seededChance(runSeed("P8 DTLS at the worker"));
  const made = call();
  const { world } = made;
  const seen: Uint8Array[] = [];
  let handshakes = 0;
  while (fed < count) {
    handshakes += 1;
    const name = `h${handshakes}`;
    const address = { address: "198.51.100.30", port: 20_000 + (handshakes % 10_000) };
    const peer = new BrowserPeer({
      random: world.random,
      address,
      certificate,
      dtls: handshakes % 2 ? "client" : "server",
      send: (datagram, source, destination) => {
        if (classify(datagram) === "dtls") {
          if (seen.length < 200) seen.push(datagram.slice());
          for (let copy = 0; copy < 12; copy++) {
            const mutated = mutate(chance() < 0.7 ? datagram : pick(seen, chance), chance);
            world.deliver(mutated, copy < 10 ? source : BROWSER, destination);
            fed += 1;
          }
        }
        world.deliver(datagram.slice(), source, destination);
      },
    });
    world.listen(address, (datagram, _, now) => peer.receive(datagram, now));
    const local = world.open(name, "phone", "webrtc");
    world.connect(name, "phone", peer.remote({ codec: opus }));
    peer.meet(local);
    peer.check();
    world.run(300);
    world.close(name);
    // The legs under attack may fail; the call beside them must not.
    const failed = world.notices.filter((notice) => notice.type === "failed");
    expect(failed.filter(({ session }) => session === "call")).toEqual([]);
    expect(failed.filter(({ reason }) => reason === "fault")).toEqual([]);
    world.notices.length = 0;
    if (handshakes % 50 === 0) made.browser.check();
  }
  expect(world.plane.sessionCount).toBe(1);
  listen(made, 0);
});

test("P9: mutated Opus, alone and in RED, inside right SRTP", () => {
  const payloads = [20, 60].flatMap(() => encodeTone(opus, 440, 400, AMPLITUDE));
  const edges = [
    [],
    [0xff],
    [0x03],
    [0x03, 0x00],
    [0x03, 0x3f],
    [0xff, 0xff, 0xff, 0xff, 0xff],
    [0x0f, 0x83, 0xff, 0xff],
    Array<number>(1_400).fill(0x3c),
  ].map((bytes) => Uint8Array.from(bytes));
  run("P9 Opus at the worker", ({ browser }, chance, index) => {
    const own = pick(payloads, chance);
    const mutated = chance() < 0.1 ? pick(edges, chance) : mutate(own, chance);
    const isRed = chance() < 0.3;
    const copy = pick(payloads, chance).subarray(0, 200);
    const red = [0x80 | 111, 960 >> 6, (960 & 0x3f) << 2, copy.length, 111, ...copy, ...own];
    const payload = isRed ? mutate(Uint8Array.from(red), chance) : mutated;
    const lost = chance() < 0.1 ? 1 : 0;
    const sequence = (index + lost) & 0xffff;
    browser.sendRtp(
      { payloadType: isRed ? RED : 111, sequence, timestamp: (960 * index) >>> 0 },
      payload.subarray(0, 1_800),
    );
  });
});
