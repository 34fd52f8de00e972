/**
 * Opus through libopus: what comes out is what went in, loss is made up, and no packet, however
 * wrong, throws or spoils the instance (P9).
 */
import { describe, expect, test } from "bun:test";
import { compare } from "../../../../bench/audio/compare.ts";
import { chanceFrom, levelDbov, speechLike, tone, toneIn } from "../../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../../bench/audio/speech.ts";
import { openSystemOpus } from "../../../../gateway/io/system-opus.ts";
import type { Decoder, OpusEncoderOptions, PcmRate } from "../../../../media-wasm/codec.ts";
import { instantiateLibopus } from "../../../../media-wasm/opus/libopus.ts";
import { opusOver } from "../../../../media-wasm/opus/opus.ts";

const system = openSystemOpus();
/** Both ways libopus runs; the system's where it is installed. */
const engines = [
  { name: "in WebAssembly", opus: opusOver(await instantiateLibopus()) },
  ...(system ? [{ name: "the system's own", opus: opusOver(system) }] : []),
];
const RATES = [8_000, 16_000] as const;
const fuzzCount = Number(process.env["JACKFIELD_FUZZ"] ?? 20_000);

const CASES = RATES.flatMap((rate) =>
  (["low-delay", "resilient"] as const).flatMap((mode) =>
    [10, 20, 40, 60].map((ms) => ({ rate, mode, ms })),
  ),
);

/** A real packet with bits turned, cut, lengthened, spliced with another, or all chance. */
function mutate(seeds: readonly Uint8Array[], chance: () => number): Uint8Array {
  const pick = () => seeds[Math.floor(chance() * seeds.length)] ?? new Uint8Array(1);
  const packet = pick().slice();
  const kind = Math.floor(chance() * 5);
  if (kind === 0) return packet.subarray(0, Math.floor(chance() * packet.length));
  if (kind === 1) return Uint8Array.from({ length: chance() * 400 }, () => 256 * chance());
  if (kind === 2)
    return new Uint8Array([...packet.subarray(0, chance() * 40), ...pick(), ...pick()]);
  if (kind === 3) packet[0] = 256 * chance();
  for (let turn = 0; turn < 1 + chance() * 8; turn++) {
    const at = Math.floor(chance() * packet.length);
    packet[at] = (packet[at] ?? 0) ^ (1 << Math.floor(chance() * 8));
  }
  return packet;
}

describe.each(engines)("libopus, $name", ({ opus }) => {
  function packetsOf(
    pcm: Int16Array,
    rate: PcmRate,
    options: OpusEncoderOptions,
    ms = 20,
  ): Uint8Array[] {
    const encoder = opus.encoder(rate, options);
    const length = (rate * ms) / 1_000;
    const packets: Uint8Array[] = [];
    for (let start = 0; start + length <= pcm.length; start += length) {
      packets.push(encoder.encode(pcm.subarray(start, start + length)).slice());
    }
    encoder.close();
    return packets;
  }

  /** Decodes what isn't lost; `lost(index)` says what is, and FEC is used if `fec`. */
  function decodeAll(
    packets: readonly Uint8Array[],
    rate: PcmRate,
    lost: (index: number) => boolean = () => false,
    fec = false,
  ): Int16Array {
    const decoder = opus.decoder(rate);
    const pieces: number[] = [];
    packets.forEach((packet, index) => {
      const next = packets[index + 1];
      if (!lost(index)) pieces.push(...decoder.decode(packet));
      else if (fec && next) pieces.push(...(decoder.decodeFec?.(next, rate / 50) ?? []));
      else pieces.push(...decoder.conceal(rate / 50));
    });
    decoder.close();
    return Int16Array.from(pieces);
  }

  test.each(RATES)("a tone keeps its level, with little noise, %i Hz", (rate) => {
    for (const mode of ["low-delay", "resilient"] as const) {
      const audio = tone(1_000, { sampleRate: rate, durationMs: 2_000 });
      const heard = decodeAll(packetsOf(audio.pcm, rate, { mode }), rate);
      const { levelDbov, snrDb } = toneIn({ pcm: heard.subarray(rate), sampleRate: rate }, 1_000);
      console.log(
        `Opus ${mode} ${rate}: tone ${levelDbov.toFixed(1)} dBov, SNR ${snrDb.toFixed(1)} dB`,
      );
      expect(levelDbov).toBeGreaterThan(-21.5);
      expect(levelDbov).toBeLessThan(-18.5);
      expect(snrDb).toBeGreaterThan(mode === "low-delay" ? 20 : 10);
    }
  });

  test.each(CASES)("speech at $rate Hz, $mode, $ms ms a packet", ({ rate, mode, ms }) => {
    const speech = recordedSpeech("waiting", rate);
    const packets = packetsOf(speech.pcm, rate, { mode }, ms);
    const { snrDb, correlation, delayMs } = compare(speech, {
      pcm: decodeAll(packets, rate),
      sampleRate: rate,
    });
    const bytes = packets.reduce((sum, { length }) => sum + length, 0);
    const kbps = (bytes * 8) / (packets.length * ms);
    console.log(`Opus: ${snrDb.toFixed(1)} dB, ${kbps.toFixed(1)} kbit/s`);
    expect(correlation).toBeGreaterThan(0.9);
    expect(snrDb).toBeGreaterThan(mode === "low-delay" ? 12 : 6);
    expect(delayMs).toBeLessThan(8);
    expect(kbps).toBeLessThan(36);
  });

  test("a decoder's rate doesn't depend on the encoder's", () => {
    const speech = recordedSpeech("ships", 16_000);
    const recorded = {
      pcm: decodeAll(packetsOf(speech.pcm, 16_000, {}), 8_000),
      sampleRate: 8_000,
    };
    expect(compare(speech, recorded).correlation).toBeGreaterThan(0.95);
  });

  test("loss is made up, better with FEC", () => {
    const speech = recordedSpeech("waiting");
    const packets = packetsOf(speech.pcm, 16_000, { mode: "resilient" });
    const lost = (index: number) => index % 5 === 3;
    const judge = (pcm: Int16Array) => compare(speech, { pcm, sampleRate: 16_000 });
    const whole = judge(decodeAll(packets, 16_000));
    const concealed = judge(decodeAll(packets, 16_000, lost));
    const recovered = judge(decodeAll(packets, 16_000, lost, true));
    const numbers = [whole, recovered, concealed].map(({ snrDb }) => snrDb.toFixed(1));
    console.log(`Opus, 20 % lost: whole, FEC, PLC: ${numbers.join(", ")} dB`);
    expect(recovered.snrDb).toBeGreaterThan(concealed.snrDb + 0.5);
    expect(concealed.correlation).toBeGreaterThan(0.6);
  });

  test("low-delay packets lose nothing by asking for FEC they don't have", () => {
    const speech = recordedSpeech("ships");
    const packets = packetsOf(speech.pcm, 16_000, {});
    const pcm = decodeAll(packets, 16_000, (index) => index % 10 === 9, true);
    expect(pcm.length).toBe(320 * packets.length);
    expect(compare(speech, { pcm, sampleRate: 16_000 }).correlation).toBeGreaterThan(0.7);
  });

  test("a long loss fades out", () => {
    const decoder = opus.decoder(16_000);
    const audio = speechLike(1, { sampleRate: 16_000, durationMs: 1_000 });
    for (const packet of packetsOf(audio.pcm, 16_000, {})) decoder.decode(packet);
    let level = 0;
    for (let index = 0; index < 50; index++) level = levelDbov(decoder.conceal(320));
    expect(level).toBeLessThan(-50);
    decoder.close();
  });

  test("conceal gives exactly what is asked for, up to 120 ms", () => {
    const decoder = opus.decoder(16_000);
    for (const samples of [0, 1, 40, 41, 159, 160, 320, 333, 960, 1_919, 1_920]) {
      expect(decoder.conceal(samples).length).toBe(samples);
    }
    expect(decoder.conceal(4_000).length).toBe(1_920);
    decoder.close();
  });

  test("an encoder refuses lengths Opus doesn't have, and goes on", () => {
    const encoder = opus.encoder(16_000, {});
    for (const samples of [1, 100, 321, 1_921, 5_000]) {
      expect(() => encoder.encode(new Int16Array(samples))).toThrow(RangeError);
    }
    expect(encoder.encode(new Int16Array(320)).length).toBeGreaterThan(0);
    encoder.close();
    expect(() => opus.encoder(16_000, { bitrate: -5 })).toThrow(RangeError);
  });

  test("reset forgets: the same input gives the same output", () => {
    const { pcm } = recordedSpeech("ships");
    const encoder = opus.encoder(16_000, { mode: "resilient" });
    const run = () =>
      [0, 1, 2, 3].map((at) =>
        encoder.encode(pcm.subarray(9_000 + 320 * at, 9_320 + 320 * at)).toHex(),
      );
    const first = run();
    encoder.reset();
    expect(run()).toEqual(first);
    encoder.close();
  });

  test("hundreds of codecs: memory grows under the others' buffers, and closed ones are reused", () => {
    const first = opus.encoder(16_000, {});
    const { pcm } = tone(440, { sampleRate: 16_000, durationMs: 20 });
    for (let round = 0; round < 3; round++) {
      const many = Array.from(
        { length: 400 },
        () => [opus.encoder(16_000, {}), opus.decoder(16_000)] as const,
      );
      for (const [encoder, decoder] of many) {
        expect(decoder.decode(encoder.encode(pcm)).length).toBe(320);
      }
      for (const [encoder, decoder] of many) {
        encoder.close();
        decoder.close();
      }
    }
    expect(first.encode(pcm).length).toBeGreaterThan(0);
    first.close();
  });

  /** RFC 6716 §3: packets at and beyond the rules. */
  test("P9 packets at the rules' edge are decoded or concealed", () => {
    const decoder = opus.decoder(16_000);
    const cases: [name: string, packet: number[], samples?: number][] = [
      ["empty", []],
      ["a table of contents alone: DTX", [0x08], 320],
      ["code 1 with an odd rest", [0x09, 1, 2]],
      ["code 2 without a length", [0x0a]],
      ["code 2 with a length beyond the end", [0x0a, 250, 1]],
      ["code 3 without a count", [0x0b]],
      ["code 3, no frames", [0x0b, 0x00]],
      ["code 3, 63 frames", [0x0b, 0x3f, ...new Array(200).fill(0)]],
      ["code 3, more than 120 ms", [0xfb, 0x07, ...new Array(100).fill(1)]],
      ["code 3, padding without end", [0x0b, 0x41, ...new Array(300).fill(255)]],
      ["a frame of more than 1275 bytes", [0x08, ...new Array(1_276).fill(7)]],
      ["longer than any packet", new Array(20_000).fill(0x0b)],
    ];
    for (const [name, packet, samples] of cases) {
      const { length } = decoder.decode(Uint8Array.from(packet));
      expect(`${name}: ${length > 0 && length <= 1_920}`).toBe(`${name}: true`);
      if (samples !== undefined) expect(length).toBe(samples);
    }
    decoder.close();
  });

  test("P9 stereo and every other configuration decode to mono", () => {
    // Table 2: 32 configurations, mono and stereo, one frame of noise each.
    const chance = chanceFrom(2);
    const decoder = opus.decoder(16_000);
    const lengths = new Set<number>();
    for (let contents = 0; contents < 256; contents += 4) {
      const packet = Uint8Array.from({ length: 60 }, (_, at) =>
        at === 0 ? contents : 256 * chance(),
      );
      lengths.add(decoder.decode(packet).length);
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([40, 80, 160, 320, 640, 960]);
    decoder.close();
  });

  test("an encoder that is closed says so and writes nowhere; a decoder is silent", () => {
    const encoder = opus.encoder(16_000, {});
    const decoder = opus.decoder(16_000);
    const [packet = new Uint8Array()] = packetsOf(recordedSpeech("ships").pcm, 16_000, {});
    for (const codec of [encoder, decoder]) {
      codec.close();
      codec.close();
    }
    expect(() => encoder.encode(new Int16Array(320))).toThrow("closed");
    expect(levelDbov(decoder.decode(packet))).toBe(Number.NEGATIVE_INFINITY);
    encoder.reset();
    expect(encoder.encode(new Int16Array(320)).length).toBeGreaterThan(0);
    encoder.close();
  });

  test(`P9 ${fuzzCount} wrong packets: nothing throws, and right ones sound right afterwards`, () => {
    const seed = Number(process.env["JACKFIELD_SEED"] ?? 20_260);
    console.log(`seed ${seed}`);
    const chance = chanceFrom(seed);
    const speech = recordedSpeech("ships");
    const seeds = [
      ...packetsOf(speech.pcm, 16_000, {}).slice(20, 60),
      ...packetsOf(speech.pcm, 16_000, { mode: "resilient" }).slice(20, 60),
      ...packetsOf(speech.pcm, 16_000, { mode: "resilient" }, 60).slice(5, 20),
    ];
    const decoders: Decoder[] = RATES.map((rate) => opus.decoder(rate));
    for (let index = 0; index < fuzzCount; index++) {
      const decoder = decoders[index & 1];
      const packet = mutate(seeds, chance);
      const pcm = chance() < 0.9 ? decoder?.decode(packet) : decoder?.decodeFec?.(packet, 160);
      if (!pcm || pcm.length === 0 || pcm.length > 1_920) throw new Error(packet.toHex());
    }
    // The very decoders, and the instance they share.
    for (const [at, rate] of RATES.entries()) {
      const heard: number[] = [];
      decoders[at]?.reset();
      for (const packet of packetsOf(speech.pcm, 16_000, {}))
        heard.push(...(decoders[at]?.decode(packet) ?? []));
      expect(heard).toEqual([...decodeAll(packetsOf(speech.pcm, 16_000, {}), rate)]);
      expect(
        compare(speech, { pcm: Int16Array.from(heard), sampleRate: rate }).snrDb,
      ).toBeGreaterThan(12);
    }
  });
});

test("P9 a trap in libopus ends nothing: the packet is silence, the next one is decoded", async () => {
  const libopus = await instantiateLibopus();
  let traps = 0;
  const trapping = opusOver({
    ...libopus,
    decode: (...values) => {
      if (traps === 0) return libopus.decode(...values);
      traps -= 1;
      throw new WebAssembly.RuntimeError("Out of bounds memory access");
    },
  });
  const encoder = trapping.encoder(16_000, {});
  const decoder = trapping.decoder(16_000);
  const { pcm } = recordedSpeech("ships");
  const [first = new Uint8Array(), second = new Uint8Array()] = [30, 31].map((at) =>
    encoder.encode(pcm.subarray(320 * at, 320 * at + 320)).slice(),
  );
  traps = 2;
  const silent = decoder.decode(first);
  expect(silent.length).toBe(320);
  expect(levelDbov(silent)).toBe(Number.NEGATIVE_INFINITY);
  expect(levelDbov(decoder.decode(second))).toBeGreaterThan(-60);
});
