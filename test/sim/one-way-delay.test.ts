/**
 * What the gateway adds to the way from mouth to ear, by what is heard and in virtual time: codecs'
 * look-ahead counts, the machine's load doesn't. The far ends' own codecs and the network are taken
 * off: they are there without a gateway too.
 */
import { expect, test } from "bun:test";
import { ArrivalRecording, delaysOf, medianDelay } from "../../bench/audio/arrival.ts";
import { recordedSpeech } from "../../bench/audio/speech.ts";
import type { Codec } from "../../gateway/media/protocol.ts";
import { call, codecs, encodeAll, opus, trunkCodecs } from "./media-call.ts";

const RATE = 16_000;
const NETWORK_MS = 10;
const speech = recordedSpeech("waiting", RATE);
const DURATION_MS = (speech.pcm.length / RATE) * 1_000;

/** Hears packets as they come. */
function record(codec: Codec, packets: readonly { payload: Uint8Array; atMs: number }[]) {
  const recording = new ArrivalRecording(RATE, DURATION_MS + 1_000);
  const decoder = codecs.decoder(codec.name, RATE);
  for (const { payload, atMs } of packets) recording.add(decoder.decode(payload), atMs);
  decoder.close();
  return recording.audio;
}

/** What the far ends' codec does by itself. */
function ownDelay(codec: Codec, payloads: readonly Uint8Array[]): number {
  const packets = payloads.map((payload, index) => ({ payload, atMs: 20 * index }));
  return medianDelay(delaysOf(speech, record(codec, packets)));
}

/** Speech through a call; `heldUntil` says when a packet that is due at a time comes instead. */
function throughCall(
  from: Codec,
  to: Codec,
  heldUntil: (dueMs: number) => number = (dueMs) => dueMs,
) {
  const made = call({ trunk: trunkCodecs.G722 });
  const { world, browser, pbx } = made;
  const payloads = encodeAll(from, speech.pcm);
  const start = world.now;
  payloads.forEach((payload, index) => {
    world.at(start + heldUntil(20 * index), () => {
      const { payloadType, clockRate } = from;
      const timestamp = (index * clockRate) / 50;
      const header = { payloadType, sequence: index, timestamp };
      if (from === opus) browser.sendRtp(header, payload);
      else pbx.sendRtp(header, payload);
    });
  });
  world.run(DURATION_MS + 500);
  const { received } = from === opus ? pbx : browser;
  const packets = received.map(({ payload, at }) => ({ payload, atMs: at - start - NETWORK_MS }));
  return { delays: delaysOf(speech, record(to, packets)), own: ownDelay(from, payloads) };
}

for (const [from, to, mostMs] of [
  [opus, trunkCodecs.G722, 3],
  [trunkCodecs.G722, opus, 7],
] as const) {
  const what = `${from.name} to ${to.name}`;
  const undisturbed = throughCall(from, to);

  test(`${what}: at most ${mostMs} ms are added`, () => {
    const { delays, own } = undisturbed;
    const added = medianDelay(delays) - own;
    console.log(`${what}: ${added.toFixed(2)} ms added, ${own.toFixed(2)} ms at the far end`);
    expect(delays.length).toBeGreaterThan(8);
    expect(added).toBeGreaterThan(0.5);
    expect(added).toBeLessThanOrEqual(mostMs);
    for (const { delayMs } of delays) expect(Math.abs(delayMs - own - added)).toBeLessThan(0.5);
  });

  test.each([
    ["60 ms in which the process stood still", 60],
    ["200 ms of packets that came late together", 200],
  ])(`${what}: after %s the delay is what it was`, (_what, heldMs) => {
    const heldFrom = 600;
    const until = heldFrom + heldMs;
    const held = throughCall(from, to, (due) => (due >= heldFrom && due < until ? until : due));
    const after = held.delays.filter(({ atMs }) => atMs >= until + 60);
    expect(after.length).toBeGreaterThan(5);
    const before = medianDelay(undisturbed.delays);
    for (const { delayMs } of after) expect(Math.abs(delayMs - before)).toBeLessThan(0.5);
  });
}
