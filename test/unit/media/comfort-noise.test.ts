/** Comfort noise (RFC 3389) and DTX: a silence that was announced sounds like one, in both directions. */
import { describe, expect, test } from "bun:test";
import { noise, tone, toneIn } from "../../../bench/audio/signal.ts";
import { ComfortNoise, noiseLevel } from "../../../gateway/media/comfort-noise.ts";
import type { Codec } from "../../../gateway/media/protocol.ts";
import { writeReceiverReport } from "../../../gateway/media/rtp/rtcp-writer.ts";
import type { ReceivedPacket } from "../../sim/browser-peer.ts";
import {
  AMPLITUDE,
  type CallOptions,
  call,
  codecs,
  decodeAll,
  encodeTone,
  type Made,
  opus,
  playPbx,
  rateOf,
  trunkCodecs,
} from "../../sim/media-call.ts";

const CN = 13;

function levelDbov(pcm: Int16Array): number {
  const energy = pcm.reduce((sum, sample) => sum + sample * sample, 0);
  return 10 * Math.log10(energy / Math.max(1, pcm.length) / 32_768 ** 2);
}

/** Timestamps since the first, and whether sequence and timestamp go on without a hole. */
function placesOf(received: readonly ReceivedPacket[]): number[] {
  const first = received[0]?.header.timestamp ?? 0;
  return received.map(({ header }) => (header.timestamp - first) >>> 0);
}

/**
 * The PBX speaks for 400 ms, is silent from then on for `quietMs` with one CN packet, and speaks
 * again for 400 ms; `times` over. Each packet is late by what `lateMs` says.
 */
function speakAndPause(
  { world, pbx }: Made,
  codec: Codec,
  level: number,
  quietMs: number,
  times = 1,
  lateMs: (index: number) => number = () => 0,
) {
  const payloads = encodeTone(codec, 440, 400 * (times + 1), AMPLITUDE);
  let sequence = 0;
  let place = 0;
  const send = (payloadType: number, payload: Uint8Array) => {
    const header = { payloadType, sequence: sequence++, timestamp: 160 * place };
    world.at(world.now + 20 * place + lateMs(header.sequence), () => pbx.sendRtp(header, payload));
  };
  const speak = () => {
    for (const payload of payloads.splice(0, 20)) {
      send(codec.payloadType, payload);
      place += 1;
    }
  };
  for (let round = 0; round < times; round++) {
    speak();
    send(CN, Uint8Array.of(level));
    place += quietMs / 20;
  }
  speak();
  world.run(20 * place + 200);
}

describe("from a PBX, to a softphone", () => {
  for (const [what, options] of [
    ["G.722 and Opus", { trunk: trunkCodecs.G722 }],
    ["PCMA and Opus", { trunk: trunkCodecs.PCMA }],
    ["PCMU and PCMU", { trunk: trunkCodecs.PCMU, browserCodec: trunkCodecs.PCMU }],
  ] as [string, CallOptions & { trunk: Codec }][]) {
    test(`${what}: noise of the level said, while the PBX is silent, and no longer`, () => {
      const made = call({ ...options, trunkNoise: CN });
      speakAndPause(made, options.trunk, 45, 1_000);
      const { received } = made.browser;
      const codec = options.browserCodec ?? opus;
      const ticks = codec.clockRate / 50;
      expect(placesOf(received)).toEqual(Array.from({ length: 90 }, (_, index) => index * ticks));
      expect(received.filter(({ header }) => header.marker).length).toBe(1);
      const rate = rateOf(codec);
      const pcm = decodeAll(
        codec,
        received.map(({ payload }) => payload),
      );
      const part = (fromMs: number, toMs: number) =>
        pcm.subarray((fromMs * rate) / 1_000, (toMs * rate) / 1_000);
      expect(Math.abs(levelDbov(part(480, 1_380)) + 45)).toBeLessThan(2);
      expect(levelDbov(part(1_420, 1_800))).toBeGreaterThan(-20);
      const speech = { pcm: part(1_420, 1_800), sampleRate: rate };
      expect(toneIn(speech, 440).snrDb).toBeGreaterThan(15);
    });
  }

  test("over many pauses and with jitter the stream never runs ahead nor behind", () => {
    const made = call({ trunk: trunkCodecs.PCMA, trunkNoise: CN });
    // Each talkspurt's first packets come late and together, when noise is in their place already.
    const late = [50, 30, 10];
    const lateMs = (index: number) => (index < 21 ? 0 : (late[index % 21] ?? (index * 31) % 9));
    speakAndPause(made, trunkCodecs.PCMA, 50, 340, 25, lateMs);
    const { received } = made.browser;
    const places = placesOf(received);
    const start = received[0]?.at ?? 0;
    const aheadMs = received.map(({ at }, index) => (places[index] ?? 0) / 48 - (at - start));
    // A packet may be late by the jitter and by what noise follows; early is never right.
    expect(Math.max(...aheadMs)).toBeLessThan(40);
    expect(Math.min(...aheadMs)).toBeGreaterThan(-100);
    const whole = 25 * (400 + 340) + 400;
    expect(Math.abs((places.at(-1) ?? 0) / 48 + 20 - whole)).toBeLessThanOrEqual(40);
  });

  test("held, or taken by a tone of ours, noise stops", () => {
    const made = call({ trunk: trunkCodecs.PCMA, trunkNoise: CN });
    made.world.at(made.world.now + 700, () => {
      const { trunkAudio } = made;
      const remote = made.browser.remote(made.browserAudio);
      made.world.connect("call", "phone", { ...remote, direction: "recvonly" });
      made.world.connect("call", "pbx", made.pbx.remote(trunkAudio));
    });
    speakAndPause(made, trunkCodecs.PCMA, 50, 2_000);
    expect(made.browser.received.length).toBeLessThanOrEqual(35);
    made.world.close("call");
    expect(made.world.plane.deadline()).toBeUndefined();
  });

  test("a PBX that is silent for long is there while its RTCP comes, and gone without", () => {
    for (const reports of [20, 5]) {
      const made = call({ trunk: trunkCodecs.PCMA, trunkNoise: CN, silenceMs: 4_000 });
      playPbx(made, trunkCodecs.PCMA, encodeTone(trunkCodecs.PCMA, 440, 400, AMPLITUDE));
      made.world.at(made.world.now + 400, () => {
        made.pbx.sendRtp(
          { payloadType: CN, sequence: 920, timestamp: 70_000 + 3_200 },
          Uint8Array.of(60),
        );
      });
      made.world.every(1_000, 20, () => made.browser.check());
      made.world.every(1_000, reports, () => {
        const buffer = new Uint8Array(64);
        made.pbx.sendRtcp(buffer.slice(0, writeReceiverReport(buffer, 0, made.pbx.ssrc, [])));
      });
      made.world.run(19_000);
      const silent = made.world.notices.some(
        (notice) => notice.type === "silent" && notice.leg === "pbx",
      );
      expect(silent).toBe(reports === 5);
    }
  });
});

describe("from a softphone that falls silent, to a PBX", () => {
  /** Speech, 300 ms of room, then one packet of DTX, a pause, and speech again. */
  function talk(options: CallOptions) {
    const made = call({ trunk: trunkCodecs.PCMA, ...options });
    const rate = 16_000;
    const encoder = codecs.encoder("opus", rate, { mode: "resilient" });
    const room = { sampleRate: rate, levelDbov: -50 };
    const pcm = Int16Array.from([
      ...tone(440, { sampleRate: rate, durationMs: 400 }).pcm,
      ...noise(4, { ...room, durationMs: 600 }).pcm,
    ]);
    const payloads = Array.from({ length: 50 }, (_, index) =>
      encoder.encode(pcm.subarray(index * 320, (index + 1) * 320)).slice(),
    );
    encoder.close();
    // RFC 6716 §3.1: configuration and mono alone, no audio.
    const silent = Uint8Array.of((payloads.at(-1)?.[0] ?? 0) & 0xfc);
    const { world, browser } = made;
    const send = (place: number, sequence: number, payload: Uint8Array) => {
      world.at(world.now + 20 * place, () => {
        browser.sendRtp({ payloadType: 111, sequence, timestamp: 960 * place }, payload);
      });
    };
    payloads.forEach((payload, index) => {
      send(index, index, payload);
    });
    send(50, 50, silent);
    send(70, 51, silent);
    for (let index = 0; index < 20; index++)
      send(90 + index, 52 + index, payloads[index] ?? silent);
    world.run(2_300);
    return made.pbx.received;
  }

  test("which takes comfort noise: its level, a step of the timestamp, a marker", () => {
    const received = talk({ trunkNoise: CN });
    const said = received.filter(({ header }) => header.payloadType === CN);
    expect(said.length).toBe(2);
    for (const { payload } of said) {
      expect(payload.length).toBe(1);
      expect(Math.abs((payload[0] ?? 0) - 50)).toBeLessThanOrEqual(8);
    }
    const places = placesOf(received);
    expect(received.length).toBe(50 + 2 + 20);
    expect(places.slice(50, 53)).toEqual([50 * 160, 70 * 160, 90 * 160]);
    expect(received.map(({ header }) => header.marker).indexOf(true, 1)).toBe(52);
  });

  test("which doesn't: noise as loud as the room was, without a hole", () => {
    const received = talk({});
    expect(placesOf(received)).toEqual(Array.from({ length: 110 }, (_, index) => 160 * index));
    const pcm = decodeAll(
      trunkCodecs.PCMA,
      received.map(({ payload }) => payload),
    );
    const quiet = levelDbov(pcm.subarray(8 * 1_020, 8 * 1_780));
    expect(Math.abs(quiet + 50)).toBeLessThan(8);
  });
});

describe("the noise itself", () => {
  const made = (payload: Uint8Array) => {
    const source = new ComfortNoise();
    source.describe(payload, 0, payload.length);
    const pcm = new Int16Array(32_000);
    source.generate(pcm);
    return pcm;
  };

  test("is as loud as it says, and 127 is silence", () => {
    for (const level of [20, 40, 60, 75])
      expect(Math.abs(levelDbov(made(Uint8Array.of(level))) + level)).toBeLessThan(0.5);
    expect(made(Uint8Array.of(127)).every((sample) => sample === 0)).toBe(true);
  });

  test("has the spectrum it is told, at the same level, and no coefficient makes it ring", () => {
    const roughness = (pcm: Int16Array) => {
      let steps = 0;
      for (let at = 1; at < pcm.length; at++) steps += ((pcm[at] ?? 0) - (pcm[at - 1] ?? 0)) ** 2;
      return 10 * Math.log10(steps / pcm.reduce((sum, sample) => sum + sample * sample, 0));
    };
    const flat = made(Uint8Array.of(40));
    const dull = made(Uint8Array.of(40, 27));
    const sharp = made(Uint8Array.of(40, 227));
    expect(roughness(dull)).toBeLessThan(roughness(flat) - 4);
    expect(roughness(sharp)).toBeGreaterThan(roughness(flat) + 1);
    for (const pcm of [dull, sharp]) expect(Math.abs(levelDbov(pcm) + 40)).toBeLessThan(1.5);
    const extreme = made(Uint8Array.of(40, ...Array<number>(14).fill(255)));
    expect(levelDbov(extreme)).toBeLessThan(-20);
    expect(levelDbov(extreme)).toBeGreaterThan(-60);
  });

  test("is said to be as loud as what it stands for", () => {
    for (const level of [20, 45, 70]) {
      const { pcm } = noise(3, { sampleRate: 8_000, durationMs: 500, levelDbov: -level });
      const mean = pcm.reduce((sum, sample) => sum + Math.abs(sample), 0) / pcm.length;
      expect(Math.abs(noiseLevel(mean) - level)).toBeLessThanOrEqual(1);
    }
    expect(noiseLevel(0)).toBe(127);
  });
});
