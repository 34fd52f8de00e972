/** The one face: what runs at which rate, chains of codecs as calls have them, many at once. */
import { expect, test } from "bun:test";
import { compare } from "../../../bench/audio/compare.ts";
import { chanceFrom } from "../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../bench/audio/speech.ts";
import { type CodecName, loadCodecs, type PcmRate } from "../../../media-wasm/codec.ts";

const codecs = await loadCodecs();
const EVERY: [name: CodecName, rate: PcmRate][] = [
  ["opus", 16_000],
  ["opus", 8_000],
  ["G722", 16_000],
  ["PCMA", 8_000],
  ["PCMU", 8_000],
];

test("a codec runs at its own rate, Opus at both", () => {
  for (const [name, rate] of EVERY) {
    expect(codecs.encoder(name, rate).sampleRate).toBe(rate);
    expect(codecs.decoder(name, rate).sampleRate).toBe(rate);
  }
  for (const [name, rate] of [
    ["G722", 8_000],
    ["PCMA", 16_000],
    ["PCMU", 16_000],
  ] as const) {
    expect(() => codecs.encoder(name, rate)).toThrow(RangeError);
    expect(() => codecs.decoder(name, rate)).toThrow(RangeError);
  }
});

test.each(
  EVERY,
)("%s at %i Hz: random payloads of any length are decoded or concealed", (name, rate) => {
  const decoder = codecs.decoder(name, rate);
  const chance = chanceFrom(8);
  for (let round = 0; round < 2_000; round++) {
    const payload = Uint8Array.from({ length: Math.floor(chance() * 1_500) }, () => 256 * chance());
    const { length } = decoder.decode(payload);
    if (length === 0 || length > (rate * 120) / 1_000) throw new Error(payload.toHex());
    if (chance() < 0.1) decoder.conceal(Math.floor(chance() * 2_000));
  }
  // After all that, the same as a new one.
  decoder.reset();
  const speech = recordedSpeech("ships", rate).pcm.subarray(rate / 2, rate);
  const encoder = codecs.encoder(name, rate);
  const fresh = codecs.decoder(name, rate);
  for (let start = 0; start < speech.length; start += rate / 50) {
    const payload = encoder.encode(speech.subarray(start, start + rate / 50));
    expect(decoder.decode(payload)).toEqual(fresh.decode(payload));
  }
  for (const codec of [decoder, encoder, fresh]) codec.close();
});

test.each(EVERY)("%s at %i Hz: what it hands out stays until its own next call", (name, rate) => {
  const speech = recordedSpeech("waiting", rate).pcm.subarray(rate, 2 * rate);
  const packet = rate / 50;
  const [a, b] = [codecs.encoder(name, rate), codecs.encoder(name, rate)];
  const [c, d] = [codecs.decoder(name, rate), codecs.decoder(name, rate)];
  const payload = a.encode(speech.subarray(0, packet));
  const kept = payload.slice();
  b.encode(speech.subarray(9 * packet, 10 * packet));
  expect(payload).toEqual(kept);
  const pcm = c.decode(kept);
  const keptPcm = pcm.slice();
  d.decode(b.encode(speech.subarray(20 * packet, 21 * packet)));
  d.conceal(packet);
  expect(pcm).toEqual(keptPcm);
  for (const codec of [a, b, c, d]) codec.close();
});

test("forty calls interleaved in one instance sound as one alone", () => {
  // Every call sends the speech from another place; a state mixed up would be heard at once.
  const { pcm } = recordedSpeech("ships");
  const calls = Array.from({ length: 40 }, (_, index) => ({
    start: 320 * index,
    opus: codecs.encoder("opus", 16_000),
    opusDecoder: codecs.decoder("opus", 16_000),
    g722: codecs.encoder("G722", 16_000),
    g722Decoder: codecs.decoder("G722", 16_000),
    heard: new Int16Array(48_000),
  }));
  for (let at = 0; at < 48_000; at += 320) {
    for (const call of calls) {
      const sent = pcm.subarray(call.start + at, call.start + at + 320);
      const decoded = call.opusDecoder.decode(call.opus.encode(sent));
      call.heard.set(call.g722Decoder.decode(call.g722.encode(decoded)), at);
    }
  }
  for (const call of calls.filter((_, index) => index % 13 === 0)) {
    const sent = { pcm: pcm.subarray(call.start, call.start + 48_000), sampleRate: 16_000 };
    const result = compare(sent, { pcm: call.heard, sampleRate: 16_000 });
    expect(result.snrDb).toBeGreaterThan(12);
    expect(result.delayMs).toBeLessThan(6);
  }
});
