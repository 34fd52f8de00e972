/** Tones and digits of ours in a running call, as the peers hear them. */
import { describe, expect, test } from "bun:test";
import type { LegId, SessionId, Sound } from "../../../gateway/media/protocol.ts";
import {
  AMPLITUDE,
  call,
  decodeAll,
  encodeTone,
  type Made,
  opus,
  playBrowser,
  playPbx,
  trunkCodecs,
} from "../../sim/media-call.ts";
import { TrunkPeer } from "../../sim/trunk-peer.ts";
import { decibels, levelOf } from "./tone.ts";

const session = "call" as SessionId;
const PHONE = "phone" as LegId;
const PBX = "pbx" as LegId;

function play(made: Made, leg: LegId, sound: Sound | undefined, untilAudio: boolean): void {
  made.world.command({ type: "play", session, leg, sound, untilAudio });
}

function press(made: Made, leg: LegId, digit: string, durationMs = 100): void {
  made.world.command({ type: "dtmf", session, leg, digit, durationMs });
}

const heardByBrowser = (made: Made, from = 0) =>
  decodeAll(
    opus,
    made.browser.received.slice(from).map(({ payload }) => payload),
  );

describe("X6: ringback until there is something to hear", () => {
  test("it sounds, silence does not end it, audio does in one packet", () => {
    const made = call();
    play(made, PHONE, "ringback", true);
    const silence = encodeTone(trunkCodecs.G722, 1_000, 500, 0);
    const audio = encodeTone(trunkCodecs.G722, 1_000, 600, AMPLITUDE);
    playPbx(made, trunkCodecs.G722, [...silence, ...audio]);
    made.world.run(480);
    const ringing = heardByBrowser(made);
    expect(Math.abs(decibels(levelOf(ringing, 425, 16_000), 0.156 * 32_767))).toBeLessThan(1);
    made.world.run(80);
    const before = made.browser.received.length;
    made.world.run(700);
    const talking = heardByBrowser(made, before);
    expect(Math.abs(decibels(levelOf(talking, 1_000, 16_000), AMPLITUDE))).toBeLessThan(1);
    expect(levelOf(talking, 425, 16_000)).toBeLessThan(AMPLITUDE / 100);
  });

  test("one stream throughout: one SSRC, no hole in the sequence, time that never goes back", () => {
    const made = call();
    play(made, PHONE, "ringback", true);
    made.world.run(600);
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 1_000, 400, AMPLITUDE));
    made.world.run(600);
    const headers = made.browser.received.map(({ header }) => header);
    expect(new Set(headers.map(({ ssrc }) => ssrc)).size).toBe(1);
    headers.slice(1).forEach((header, index) => {
      const previous = headers[index];
      if (!previous) return;
      expect((header.sequence - previous.sequence) & 0xffff).toBe(1);
      const moved = (header.timestamp - previous.timestamp) | 0;
      expect(moved).toBeGreaterThanOrEqual(960);
      expect(moved).toBeLessThan(960 * 10);
    });
  });
});

test("a tone that does not yield has the floor until it is stopped", () => {
  const made = call();
  play(made, PBX, "busy", false);
  playBrowser(made, opus, encodeTone(opus, 1_000, 1_000, AMPLITUDE));
  made.world.run(400);
  const busy = decodeAll(
    trunkCodecs.G722,
    made.pbx.received.map(({ payload }) => payload),
  );
  expect(levelOf(busy, 425, 16_000)).toBeGreaterThan(3_000);
  expect(levelOf(busy, 1_000, 16_000)).toBeLessThan(200);
  const before = made.pbx.received.length;
  play(made, PBX, undefined, false);
  made.world.run(800);
  const after = decodeAll(
    trunkCodecs.G722,
    made.pbx.received.slice(before + 2).map(({ payload }) => payload),
  );
  expect(Math.abs(decibels(levelOf(after, 1_000, 16_000), AMPLITUDE))).toBeLessThan(1.5);
  expect(made.world.plane.idle).toBe(false);
});

describe("digits out of a leg", () => {
  const eventsAt = (made: Made, payloadType: number, of: "pbx" | "browser") =>
    made[of].received
      .filter(({ header }) => header.payloadType === payloadType)
      .map(({ header, payload }) => ({
        event: payload[0],
        end: (payload[1] ?? 0) >= 0x80,
        duration: ((payload[2] ?? 0) << 8) | (payload[3] ?? 0),
        timestamp: header.timestamp,
        marker: header.marker,
      }));

  test("DTM-02: as telephone-events on the leg's own clock, the end three times, apart from each other", () => {
    for (const [leg, payloadType, clockRate, of] of [
      [PBX, 101, 8_000, "pbx"],
      [PHONE, 110, 48_000, "browser"],
    ] as const) {
      const made = call();
      press(made, leg, "5");
      press(made, leg, "5", 200);
      press(made, leg, "#");
      made.world.run(1_500);
      const events = eventsAt(made, payloadType, of);
      const ends = events.filter(({ end }) => end);
      expect(ends.map(({ event }) => event)).toEqual([5, 5, 5, 5, 5, 5, 11, 11, 11]);
      expect(ends.map(({ duration }) => (duration * 1_000) / clockRate)).toEqual([
        100, 100, 100, 200, 200, 200, 100, 100, 100,
      ]);
      expect(events.filter(({ marker }) => marker).length).toBe(3);
      expect(new Set(events.map(({ timestamp }) => timestamp)).size).toBe(3);
    }
  });

  test("the audio goes on after a digit, and none of it sounds during one", () => {
    const made = call();
    playBrowser(made, opus, encodeTone(opus, 1_000, 1_600, AMPLITUDE));
    made.world.run(500);
    const before = made.pbx.received.length;
    press(made, PBX, "7", 200);
    made.world.run(1_200);
    const during = made.pbx.received.slice(before);
    const first = during.findIndex(({ header }) => header.payloadType === 101);
    const last = during.findLastIndex(({ header }) => header.payloadType === 101);
    const between = during.slice(first, last + 1);
    expect(between.every(({ header }) => header.payloadType === 101)).toBe(true);
    const after = decodeAll(
      trunkCodecs.G722,
      during.slice(last + 2).map(({ payload }) => payload),
    );
    expect(Math.abs(decibels(levelOf(after, 1_000, 16_000), AMPLITUDE))).toBeLessThan(1.5);
  });

  test("DTM-04: in-band where the peer has no telephone-event", () => {
    const made = call({ trunk: trunkCodecs.PCMA });
    made.world.connect("call", "pbx", made.pbx.remote({ codec: trunkCodecs.PCMA }));
    press(made, PBX, "8", 200);
    made.world.run(500);
    const pcm = decodeAll(
      trunkCodecs.PCMA,
      made.pbx.received.map(({ payload }) => payload),
    );
    const key = pcm.subarray(8 * 60, 8 * 260);
    expect(levelOf(key, 852, 8_000)).toBeGreaterThan(7_000);
    expect(levelOf(key, 1_336, 8_000)).toBeGreaterThan(9_000);
    expect(levelOf(key, 697, 8_000)).toBeLessThan(500);
    // The pause is sent as well: what sounds until then is the key's end (A-law knows no zero).
    const pause = pcm.subarray(8 * 260);
    expect(pause.length).toBe(8 * 100);
    expect(Math.max(...pause.map(Math.abs))).toBeLessThanOrEqual(8);
  });

  test("DTM-03: a softphone's event for a leg without events is told, once", () => {
    const made = call();
    made.world.connect("call", "pbx", made.pbx.remote({ codec: trunkCodecs.G722 }));
    for (let step = 1; step <= 8; step++) {
      const isEnd = step > 5;
      const duration = 960 * Math.min(step, 5);
      made.world.at(made.world.now + 20 * step, () => {
        const flags = isEnd ? 0x8a : 0x0a;
        const payload = Uint8Array.of(3, flags, duration >> 8, duration & 0xff);
        made.browser.sendRtp({ payloadType: 110, sequence: 50 + step, timestamp: 9_600 }, payload);
      });
    }
    made.world.run(500);
    const told = made.world.notices.filter(({ type }) => type === "dtmf");
    expect(told).toEqual([{ type: "dtmf", session, leg: PHONE, digit: "3", durationMs: 100 }]);
  });
});

test("a leg goes over to another session with its peer none the wiser", () => {
  const made = call();
  const { world } = made;
  const other = "other" as SessionId;
  const adopt = { type: "adopt", seq: 900, session: other, from: session, leg: PHONE } as const;
  expect(world.command(adopt)).toEqual({ type: "adopted", seq: 900 });
  expect(world.command({ ...adopt, seq: 901 })).toMatchObject({ type: "refused" });
  world.command({ type: "adopt", seq: 902, session: other, from: session, leg: PBX });
  world.join("other", "phone", "pbx");
  playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 1_000, 600, AMPLITUDE));
  playBrowser(made, opus, encodeTone(opus, 440, 600, AMPLITUDE));
  world.run(800);
  expect(Math.abs(decibels(levelOf(heardByBrowser(made), 1_000, 16_000), AMPLITUDE))).toBeLessThan(
    1,
  );
  const pcm = decodeAll(
    trunkCodecs.G722,
    made.pbx.received.map(({ payload }) => payload),
  );
  expect(Math.abs(decibels(levelOf(pcm, 440, 16_000), AMPLITUDE))).toBeLessThan(1);
  // What it reports, it reports of the session it is in now.
  world.run(20_000);
  const silent = world.notices.filter(({ type }) => type === "silent");
  expect(silent.length).toBeGreaterThan(0);
  expect(silent.every((notice) => "session" in notice && notice.session === other)).toBe(true);
  world.close("other");
  world.run(1);
  expect(world.plane.idle).toBe(true);
});

test("calls that begin to ring in one moment send in twenty different milliseconds", () => {
  const { G722 } = trunkCodecs;
  const made = call({ rtpPorts: { first: 10_000, last: 10_099 } });
  const { world } = made;
  const peers = Array.from({ length: 20 }, (_, index) => {
    const at = (port: number) => ({ address: `203.0.113.${index + 20}`, port });
    const peer = new TrunkPeer({ rtp: at(30_000), rtcp: at(30_001), send: () => {} });
    world.listen(at(30_000), (datagram, _source, now) => peer.receiveRtp(datagram, now));
    const name = `call-${index}`;
    world.open(name, "leg", "trunk");
    world.connect(name, "leg", peer.remote({ codec: G722 }));
    const ids = { session: name as SessionId, leg: "leg" as LegId };
    world.command({ type: "play", ...ids, sound: "ringback", untilAudio: false });
    return peer;
  });
  world.run(400);
  const slots = peers.map(({ received }) => new Set(received.map(({ at }) => at % 20)));
  // Each keeps to its own, and no two share one.
  expect(slots.map(({ size }) => size)).toEqual(new Array(20).fill(1));
  expect(new Set(slots.flatMap((slot) => [...slot])).size).toBe(20);
  for (const { received } of peers) expect(received.length).toBeGreaterThanOrEqual(19);
});
