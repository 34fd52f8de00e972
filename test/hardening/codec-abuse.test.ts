/**
 * Row M10: a peer that has its audio coded as fast as it can: the longest packets, losses, silences,
 * changes of codec, floods of keys. It gets twice what is real, the rest is dropped and counted; the
 * call beside it doesn't notice, and its own goes on.
 */
import { expect, test } from "bun:test";
import type { Codecs } from "../../media-wasm/codec.ts";
import type { Made } from "../sim/media-call.ts";
import { AMPLITUDE, call, codecs, encodeTone, opus, trunkCodecs } from "../sim/media-call.ts";
import { sine } from "../unit/media/tone.ts";

const SECONDS = 5;
/** Twice what is real, the burst at the beginning, and what a packet more or less may make. */
const CODED_SECONDS_MAX = 2 * SECONDS + 3 + 0.5;

/** Counts the audio that is encoded. */
function counted() {
  const coded = { seconds: 0 };
  const counting: Codecs = {
    decoder: (name, rate) => codecs.decoder(name, rate),
    encoder: (name, rate, options) => {
      const encoder = codecs.encoder(name, rate, options);
      return {
        sampleRate: encoder.sampleRate,
        encode: (pcm) => {
          coded.seconds += pcm.length / rate;
          return encoder.encode(pcm);
        },
        reset: () => encoder.reset(),
        close: () => encoder.close(),
      };
    },
  };
  return { coded, counting };
}

const longest = (() => {
  const encoder = codecs.encoder("opus", 16_000);
  const frame = encoder.encode(sine(440, 16_000, 60, AMPLITUDE)).slice();
  encoder.close();
  // RFC 6716 §3.2.5: two frames of the same length in one packet.
  return Uint8Array.from([(frame[0] ?? 0) | 1, ...frame.subarray(1), ...frame.subarray(1)]);
})();
const [short = new Uint8Array(1)] = encodeTone(opus, 440, 20, AMPLITUDE);
const [wide = new Uint8Array(160)] = encodeTone(trunkCodecs.G722, 440, 20, AMPLITUDE);
const CN = 13;

type Packet = { payloadType: number; sequence: number; timestamp: number; payload: Uint8Array };
type Abuse = [what: string, from: "browser" | "pbx", packet: (index: number) => Packet];

const abuses: Abuse[] = [
  [
    "Opus packets of 120 ms, one each 5 ms",
    "browser",
    (index) => ({ payloadType: 111, sequence: index, timestamp: 5_760 * index, payload: longest }),
  ],
  [
    "every second packet lost, with a second of time between",
    "browser",
    (index) => ({
      payloadType: 111,
      sequence: 6 * index,
      timestamp: 5_760 * index,
      payload: short,
    }),
  ],
  [
    "nothing but DTX",
    "browser",
    (index) => ({
      payloadType: 111,
      sequence: index,
      timestamp: 5_760 * index,
      payload: short.subarray(0, 1),
    }),
  ],
  [
    "nothing but comfort noise",
    "pbx",
    (index) => ({
      payloadType: CN,
      sequence: index,
      timestamp: 960 * index,
      payload: Uint8Array.of(40),
    }),
  ],
  [
    "audio of 120 ms and comfort noise by turns",
    "pbx",
    (index) => ({
      payloadType: index % 2 ? CN : 9,
      sequence: index,
      timestamp: 960 * index,
      payload: index % 2 ? Uint8Array.of(40) : new Uint8Array(960).fill(0x55),
    }),
  ],
  [
    "a flood of keys",
    "pbx",
    (index) => ({
      payloadType: 101,
      sequence: index,
      timestamp: 960 * index,
      payload: Uint8Array.of(index % 16, 0x8a, 3, 0xc0),
    }),
  ],
];

function send({ browser, pbx }: Made, from: "browser" | "pbx", packet: Packet): void {
  const { payload, ...header } = packet;
  header.sequence &= 0xffff;
  header.timestamp >>>= 0;
  if (from === "browser") browser.sendRtp(header, payload);
  else pbx.sendRtp(header, payload);
}

test.each(
  abuses,
)("M10: %s: twice real time at most, and the call goes on", (_what, from, packet) => {
  const { coded, counting } = counted();
  const made = call({ codecs: counting, trunkNoise: CN });
  const { world, browser, pbx } = made;
  const count = SECONDS * 200;
  world.every(5, count, (index) => send(made, from, packet(index)));
  world.run(SECONDS * 1_000 + 20);
  expect(coded.seconds).toBeLessThan(CODED_SECONDS_MAX);
  expect(world.notices.filter(({ type }) => type === "failed")).toEqual([]);
  browser.received.length = 0;
  pbx.received.length = 0;
  const tones = [
    encodeTone(opus, 440, 600, AMPLITUDE),
    encodeTone(trunkCodecs.G722, 440, 600, AMPLITUDE),
  ];
  world.run(2_000);
  const last = packet(count);
  world.every(20, 30, (index) => {
    const sequence = last.sequence + index;
    const isBrowser = from === "browser";
    const payload = tones[isBrowser ? 0 : 1]?.[index] ?? wide;
    const timestamp = last.timestamp + index * (isBrowser ? 960 : 160);
    send(made, from, { payloadType: isBrowser ? 111 : 9, sequence, timestamp, payload });
  });
  world.run(800);
  const heard = from === "browser" ? pbx.received : browser.received;
  expect(heard.length).toBeGreaterThanOrEqual(25);
});
