/**
 * Row M12: a call over a network that loses, delays by 40 ms give or take 20, mixes up two packets
 * in a hundred, and fails for a while. Speech goes in at one end and is heard at the other by a
 * receiver with a jitter buffer; the browser sends in-band FEC, as browsers do when they hear of loss.
 */
import { expect, test } from "bun:test";
import { compare } from "../../bench/audio/compare.ts";
import { recordedSpeech } from "../../bench/audio/speech.ts";
import type { Codec, LegKind } from "../../gateway/media/protocol.ts";
import type { Codecs } from "../../media-wasm/codec.ts";
import { decibels, levelOf } from "../unit/media/tone.ts";
import type { ReceivedPacket } from "./browser-peer.ts";
import {
  AMPLITUDE,
  BROWSER,
  call,
  codecs,
  decodeAll,
  encodeAll,
  encodeTone,
  type Made,
  opus,
  PBX,
  trunkCodecs,
} from "./media-call.ts";
import { seededRandom } from "./random.ts";

const RATE = 16_000;
const speech = recordedSpeech("ships", RATE);
const { G722 } = trunkCodecs;

/** Plays packets in the order of their timestamps, as a receiver does, and conceals what is missing. */
function heardBy(codec: Codec, received: readonly ReceivedPacket[]) {
  const decoder = codecs.decoder(codec.name, RATE);
  const ticks = codec.clockRate / 50;
  const first = received[0]?.header.timestamp ?? 0;
  const places = received.map(({ header, payload }) => ({
    place: Math.round(((header.timestamp - first) | 0) / ticks),
    payload,
  }));
  places.sort((a, b) => a.place - b.place);
  const pcm: number[] = [];
  let next = places[0]?.place ?? 0;
  for (const { place, payload } of places) {
    for (; next < place; next++) pcm.push(...decoder.conceal(RATE / 50));
    if (next > place) continue;
    pcm.push(...decoder.decode(payload));
    next += 1;
  }
  decoder.close();
  return { pcm: Int16Array.from(pcm), sampleRate: RATE };
}

/** How often lost Opus was taken from the copy in the packet after it, and how often made up. */
function watched() {
  const used = { copy: 0, madeUp: 0 };
  const watching: Codecs = {
    encoder: (name, rate, options) => codecs.encoder(name, rate, options),
    decoder: (name, rate) => {
      const decoder = codecs.decoder(name, rate);
      return {
        sampleRate: decoder.sampleRate,
        decode: (payload) => decoder.decode(payload),
        conceal: (samples) => {
          used.madeUp += 1;
          return decoder.conceal(samples);
        },
        ...(decoder.decodeFec && {
          decodeFec: (payload: Uint8Array, samples: number) => {
            used.copy += 1;
            return decoder.decodeFec?.(payload, samples) ?? decoder.conceal(samples);
          },
        }),
        reset: () => decoder.reset(),
        close: () => decoder.close(),
      };
    },
  };
  return { used, watching };
}

/** Both sides speak at once through such a network; what each hears. */
function converse(lossShare: number) {
  const { used, watching } = watched();
  const made = call({ codecs: watching, trunk: G722, browserCodec: { ...opus, fec: true } });
  const { world, browser, pbx } = made;
  const random = seededRandom(12);
  let lost = 0;
  // One in each so many, anywhere among them: the share is what the row says, however short the call.
  const runLength = Math.round(1 / lossShare);
  const runs = [BROWSER, PBX].map(({ address }) => ({ address, place: 0, lostAt: 0 }));
  world.lose = (source) => {
    const run = runs.find(({ address }) => address === source.address);
    if (!run || lossShare === 0) return false;
    if (run.place === 0) run.lostAt = random.below(runLength);
    const isLost = run.place === run.lostAt;
    run.place = (run.place + 1) % runLength;
    if (isLost) lost += 1;
    return isLost;
  };
  const start = world.now;
  const speak = (
    payloads: readonly Uint8Array[],
    send: (index: number, it: Uint8Array) => void,
  ) => {
    let latest = 0;
    payloads.forEach((payload, index) => {
      const jittered = Math.max(latest, start + 20 * index + 40 + 40 * (random.fraction() - 0.5));
      latest = jittered;
      const overtaken = random.fraction() < 0.02 ? 25 : 0;
      world.at(jittered + overtaken, () => send(index, payload));
    });
  };
  speak(encodeAll(opus, speech.pcm, { mode: "resilient" }), (index, payload) => {
    browser.sendRtp({ payloadType: 111, sequence: index, timestamp: 960 * index }, payload);
  });
  speak(encodeAll(G722, speech.pcm), (index, payload) => {
    pbx.sendRtp({ payloadType: 9, sequence: index, timestamp: 160 * index }, payload);
  });
  world.run((speech.pcm.length / RATE) * 1_000 + 500);
  world.close("call");
  const qualities = world.notices.flatMap((notice) =>
    notice.type === "quality" ? notice.legs : [],
  );
  const mosOf = (kind: LegKind) => qualities.findLast((it) => it.kind === kind)?.received?.mos ?? 0;
  return {
    /** The E-model's score of Opus from the browser and of G.722 from the PBX, as the record has it. */
    mos: { opus: mosOf("webrtc"), G722: mosOf("trunk") },
    atPbx: compare(speech, heardBy(G722, pbx.received)),
    atBrowser: compare(speech, heardBy(opus, browser.received)),
    used,
    lost,
  };
}

test.each([
  [0, 0.985, 0.98, 4.0],
  [0.01, 0.985, 0.975, 4.0],
  [0.03, 0.98, 0.965, 3.5],
  [0.05, 0.975, 0.955, 3.5],
  [0.1, 0.965, 0.93, 2.5],
])("M12: %d lost, with jitter and reordering: speech stays speech both ways", (share, toPbx, toBrowser, score) => {
  const { atPbx, atBrowser, used, lost, mos } = converse(share);
  const figure = ({ envelopeCorrelation, snrDb }: typeof atPbx) =>
    `${envelopeCorrelation.toFixed(3)}, ${snrDb.toFixed(1)} dB`;
  console.log(
    `M12 ${100 * share} % lost (${lost}), MOS of Opus ${mos.opus}, of G.722 ${mos.G722}: to the PBX ${figure(atPbx)}; to the browser ${figure(atBrowser)}; ${used.copy} from FEC, ${used.madeUp} made up`,
  );
  expect(mos.opus).toBeGreaterThanOrEqual(score);
  expect(mos.G722).toBeGreaterThanOrEqual(score - 0.2);
  expect(atPbx.envelopeCorrelation).toBeGreaterThan(toPbx);
  expect(atBrowser.envelopeCorrelation).toBeGreaterThan(toBrowser);
  expect(atPbx.delaySpreadMs).toBeLessThan(5);
  expect(atBrowser.delaySpreadMs).toBeLessThan(5);
  if (share >= 0.05) expect(used.copy).toBeGreaterThan(0);
});

test("M12: 200 ms of outage are filled and left behind, ten seconds of blackout are survived", () => {
  for (const outageMs of [200, 10_000]) {
    const made: Made = call({ silenceMs: 30_000 });
    const { world, browser, pbx } = made;
    const from = world.now + 1_000;
    world.lose = () => world.now >= from && world.now < from + outageMs;
    world.every(2_500, 6, () => browser.check());
    const durationMs = outageMs + 3_000;
    const tones = [
      encodeTone(opus, 440, durationMs, AMPLITUDE),
      encodeTone(G722, 1_000, durationMs, AMPLITUDE),
    ];
    tones[0]?.forEach((payload, index) => {
      const header = { payloadType: 111, sequence: index, timestamp: 960 * index };
      world.at(world.now + 20 * index, () => browser.sendRtp(header, payload));
    });
    tones[1]?.forEach((payload, index) => {
      const header = { payloadType: 9, sequence: index, timestamp: 160 * index };
      world.at(world.now + 20 * index, () => pbx.sendRtp(header, payload));
    });
    world.run(durationMs + 200);
    expect(world.notices.filter(({ type }) => type === "failed" || type === "silent")).toEqual([]);
    for (const [received, codec, hertz] of [
      [pbx.received, G722, 440],
      [browser.received, opus, 1_000],
    ] as const) {
      const places = received.map(
        ({ header }) => header.timestamp - (received[0]?.header.timestamp ?? 0),
      );
      const spanned = ((places.at(-1) ?? 0) >>> 0) / codec.clockRate;
      expect(Math.abs(1_000 * spanned + 20 - durationMs)).toBeLessThanOrEqual(20);
      const last = received.slice(-75).map(({ payload }) => payload);
      const pcm = decodeAll(codec, last);
      expect(Math.abs(decibels(levelOf(pcm, hertz, RATE), AMPLITUDE))).toBeLessThan(1);
    }
  }
});
