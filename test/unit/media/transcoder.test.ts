import { describe, expect, test } from "bun:test";
import { writeReceiverReport } from "../../../gateway/media/rtp/rtcp-writer.ts";
import type { Codecs } from "../../../media-wasm/codec.ts";
import {
  AMPLITUDE,
  BROWSER,
  call,
  codecs,
  decodeAll,
  encodeTone,
  opus,
  PBX,
  playBrowser,
  playPbx,
  rateOf,
  trunkCodecs,
} from "../../sim/media-call.ts";
import { decibels, levelOf } from "./tone.ts";

describe("transcoding", () => {
  for (const codec of Object.values(trunkCodecs)) {
    test(`MED-04: Opus and ${codec.name}, both ways: the tone keeps frequency and level`, () => {
      const made = call({ trunk: codec });
      playBrowser(made, opus, encodeTone(opus, 440, 2_000, AMPLITUDE));
      playPbx(made, codec, encodeTone(codec, 1_000, 2_000, AMPLITUDE));
      made.world.run(2_200);
      const { pbx, browser } = made;

      expect(pbx.received.length).toBe(100);
      const atPbx = decodeAll(
        codec,
        pbx.received.map(({ payload }) => payload),
      );
      expect(Math.abs(decibels(levelOf(atPbx, 440, rateOf(codec)), AMPLITUDE))).toBeLessThan(1);
      expect(levelOf(atPbx, 1_000, rateOf(codec))).toBeLessThan(AMPLITUDE / 30);

      expect(browser.received.length).toBe(100);
      const atBrowser = decodeAll(
        opus,
        browser.received.map(({ payload }) => payload),
      );
      expect(Math.abs(decibels(levelOf(atBrowser, 1_000, 16_000), AMPLITUDE))).toBeLessThan(1);

      const [first] = pbx.received;
      pbx.received.forEach(({ header }, index) => {
        expect(header.payloadType).toBe(codec.payloadType);
        expect((header.timestamp - (first?.header.timestamp ?? 0)) >>> 0).toBe(160 * index);
        expect((header.sequence - (first?.header.sequence ?? 0)) & 0xffff).toBe(index);
        expect(header.marker).toBe(index === 0);
      });
      const step = browser.received[1]?.header.timestamp ?? 0;
      expect((step - (browser.received[0]?.header.timestamp ?? 0)) >>> 0).toBe(960);
    });
  }

  test("G.722 and PCMA, both WebRTC's own: resampled, level kept", () => {
    const made = call({ browserCodec: trunkCodecs.G722, trunk: trunkCodecs.PCMA });
    playBrowser(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 2_000, AMPLITUDE));
    playPbx(made, trunkCodecs.PCMA, encodeTone(trunkCodecs.PCMA, 1_000, 2_000, AMPLITUDE));
    made.world.run(2_200);
    const atPbx = decodeAll(
      trunkCodecs.PCMA,
      made.pbx.received.map(({ payload }) => payload),
    );
    expect(Math.abs(decibels(levelOf(atPbx, 440, 8_000), AMPLITUDE))).toBeLessThan(1);
    const heard = made.browser.received.map(({ payload }) => payload);
    const atBrowser = decodeAll(trunkCodecs.G722, heard);
    expect(Math.abs(decibels(levelOf(atBrowser, 1_000, 16_000), AMPLITUDE))).toBeLessThan(1);
  });

  test("the packet is the clock: in order, nothing waits", () => {
    const made = call();
    playBrowser(made, opus, encodeTone(opus, 440, 400, AMPLITUDE));
    const start = made.world.now;
    made.world.run(500);
    made.pbx.received.forEach(({ at }, index) => {
      expect(at).toBe(start + 20 * index + 10);
    });
  });

  test("20 ms packets in, 40 ms packets out: reframed", () => {
    const made = call({ trunk: { ...trunkCodecs.PCMA, ptimeMs: 40 } });
    playBrowser(made, opus, encodeTone(opus, 440, 2_000, AMPLITUDE));
    made.world.run(2_200);
    const { received } = made.pbx;
    expect(received.length).toBe(50);
    expect(received.every(({ payload }) => payload.length === 320)).toBe(true);
    expect((received[1]?.header.timestamp ?? 0) - (received[0]?.header.timestamp ?? 0)).toBe(320);
    const pcm = decodeAll(
      trunkCodecs.PCMA,
      received.map(({ payload }) => payload),
    );
    expect(Math.abs(decibels(levelOf(pcm, 440, 8_000), AMPLITUDE))).toBeLessThan(1);
  });

  test("M12: ten percent loss is concealed: no packet is missing, the tone goes on", () => {
    for (const [from, codec] of [
      ["browser", opus],
      ["pbx", trunkCodecs.G722],
    ] as const) {
      const made = call({ seed: 7 });
      let count = 0;
      made.world.lose = (source) => {
        if (source.port !== (from === "browser" ? BROWSER.port : PBX.port)) return false;
        count += 1;
        return count % 10 === 5;
      };
      const payloads = encodeTone(codec, 440, 4_000, AMPLITUDE);
      if (from === "browser") playBrowser(made, codec, payloads);
      else playPbx(made, codec, payloads);
      made.world.run(4_300);
      const { received } = from === "browser" ? made.pbx : made.browser;
      expect(received.length).toBe(200);
      const out = from === "browser" ? trunkCodecs.G722 : opus;
      const pcm = decodeAll(
        out,
        received.map(({ payload }) => payload),
      );
      expect(Math.abs(decibels(levelOf(pcm, 440, 16_000), AMPLITUDE))).toBeLessThan(2);
    }
  });

  test("reordered packets come out in order", () => {
    const made = call();
    const payloads = encodeTone(trunkCodecs.G722, 1_000, 1_000, AMPLITUDE);
    made.world.every(20, payloads.length, (index) => {
      const swapped = index % 10 === 4 ? index + 1 : index % 10 === 5 ? index - 1 : index;
      const payload = payloads[swapped];
      if (!payload) return;
      made.pbx.sendRtp(
        { payloadType: 9, sequence: 65_500 + swapped, timestamp: 160 * swapped },
        payload,
      );
    });
    made.world.run(1_200);
    expect(made.browser.received.length).toBe(50);
    const pcm = decodeAll(
      opus,
      made.browser.received.map(({ payload }) => payload),
    );
    expect(Math.abs(decibels(levelOf(pcm, 1_000, 16_000), AMPLITUDE))).toBeLessThan(1);
  });

  test("silence in the source is a step of the timestamp and a marker, not audio", () => {
    const made = call();
    const payloads = encodeTone(opus, 440, 400, AMPLITUDE);
    payloads.forEach((payload, index) => {
      const pause = index < 10 ? 0 : 25;
      made.world.at(made.world.now + 20 * (index + pause), () => {
        made.browser.sendRtp(
          { payloadType: 111, sequence: index, timestamp: 960 * (index + pause) },
          payload,
        );
      });
    });
    made.world.run(1_500);
    const { received } = made.pbx;
    expect(received.length).toBe(20);
    const before = received[9]?.header.timestamp ?? 0;
    expect(((received[10]?.header.timestamp ?? 0) - before) >>> 0).toBe(160 * 26);
    expect(received[10]?.header.marker).toBe(true);
  });
});

describe("Opus under loss", () => {
  test("the last packet lost is taken from the copy in the next one, the others are made up", () => {
    const made: string[] = [];
    const watched: Codecs = {
      encoder: (name, rate, options) => codecs.encoder(name, rate, options),
      decoder: (name, rate) => {
        const decoder = codecs.decoder(name, rate);
        if (name !== "opus") return decoder;
        return {
          sampleRate: decoder.sampleRate,
          decode: (payload) => decoder.decode(payload),
          conceal: (samples) => {
            made.push(`conceal ${samples}`);
            return decoder.conceal(samples);
          },
          decodeFec: (payload, samples) => {
            made.push(`copy ${samples}`);
            return decoder.decodeFec?.(payload, samples) ?? decoder.conceal(samples);
          },
          reset: () => decoder.reset(),
          close: () => decoder.close(),
        };
      },
    };
    const joined = call({ codecs: watched });
    let count = 0;
    joined.world.lose = (source) => {
      if (source.port !== BROWSER.port) return false;
      count += 1;
      return count === 10 || count === 11;
    };
    playBrowser(joined, opus, encodeTone(opus, 440, 1_000, AMPLITUDE));
    joined.world.run(1_200);
    expect(made).toEqual(["conceal 320", "copy 320"]);
    expect(joined.pbx.received.length).toBe(50);
  });

  test("a long gap is concealed for 120 ms, the rest is silence", () => {
    const joined = call();
    let count = 0;
    joined.world.lose = (source) => {
      if (source.port !== BROWSER.port) return false;
      count += 1;
      return count > 10 && count <= 30;
    };
    playBrowser(joined, opus, encodeTone(opus, 440, 1_000, AMPLITUDE));
    joined.world.run(1_200);
    const { received } = joined.pbx;
    expect(received.length).toBe(30 + 6);
    const [first] = received;
    const last = received.at(-1);
    expect(((last?.header.timestamp ?? 0) - (first?.header.timestamp ?? 0)) >>> 0).toBe(49 * 160);
  });

  for (const fec of [true, false]) {
    test(`reports of loss turn FEC on where the peer wants it: ${fec}`, () => {
      const modes: (string | undefined)[] = [];
      const watched: Codecs = {
        decoder: (name, rate) => codecs.decoder(name, rate),
        encoder: (name, rate, options) => {
          if (name === "opus") modes.push(options?.mode);
          return codecs.encoder(name, rate, options);
        },
      };
      const made = call({ codecs: watched, browserCodec: { ...opus, fec } });
      playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 20_000, AMPLITUDE));
      const report = {
        ssrc: made.webrtc.ssrc,
        fractionLost: 26,
        cumulativeLost: 5,
        highestSequence: 50,
        jitter: 0,
        lastSenderReport: 0,
        delaySinceLastSenderReport: 0,
      };
      made.world.at(made.world.now + 1_000, () => {
        const buffer = new Uint8Array(64);
        const length = writeReceiverReport(buffer, 0, made.browser.ssrc, [report]);
        made.browser.sendRtcp(buffer.slice(0, length));
      });
      made.world.run(20_100);
      expect(modes).toEqual(fec ? ["low-delay", "resilient"] : ["low-delay"]);
      const pcm = decodeAll(
        opus,
        made.browser.received.map(({ payload }) => payload),
      );
      expect(Math.abs(decibels(levelOf(pcm, 440, 16_000), AMPLITUDE))).toBeLessThan(1.5);
    });
  }
});

describe("bridging", () => {
  test("one codec on both sides: payloads pass unchanged, holes stay holes", () => {
    const made = call({ browserCodec: trunkCodecs.G722, trunk: trunkCodecs.G722 });
    const payloads = encodeTone(trunkCodecs.G722, 440, 1_000, AMPLITUDE);
    let count = 0;
    made.world.lose = (source) => source.port === BROWSER.port && ++count === 20;
    playBrowser(made, trunkCodecs.G722, payloads);
    made.world.run(1_200);
    const { received } = made.pbx;
    expect(received.length).toBe(49);
    const kept = payloads.filter((_, index) => index !== 19);
    expect(received.map(({ payload }) => payload.toHex())).toEqual(
      kept.map((payload) => payload.toHex()),
    );
    const [first] = received;
    const last = received.at(-1);
    expect((last?.header.timestamp ?? 0) - (first?.header.timestamp ?? 0)).toBe(49 * 160);
    expect((last?.header.sequence ?? 0) - (first?.header.sequence ?? 0)).toBe(49);
  });
});

describe("telephone events", () => {
  test("a digit crosses, re-timed, and the audio beside it isn't doubled", () => {
    const made = call();
    const payloads = encodeTone(opus, 440, 600, AMPLITUDE);
    let sequence = 0;
    payloads.forEach((payload, index) => {
      made.world.at(made.world.now + 20 * index, () => {
        const timestamp = 960 * index;
        const pressed = index >= 10 && index <= 15;
        made.browser.sendRtp({ payloadType: 111, sequence: sequence++, timestamp }, payload);
        if (!pressed) return;
        const duration = 960 * (index - 9);
        const end = index === 15 ? 0x80 : 0;
        made.browser.sendRtp(
          {
            payloadType: 110,
            sequence: sequence++,
            timestamp: 9_600,
            marker: index === 10,
          },
          Uint8Array.of(7, end | 10, duration >> 8, duration & 0xff),
        );
      });
    });
    made.world.run(800);
    const events = made.pbx.received.filter(({ header }) => header.payloadType === 101);
    const audio = made.pbx.received.filter(({ header }) => header.payloadType === 9);
    expect(events.length).toBe(8);
    expect(events.every(({ payload }) => payload[0] === 7)).toBe(true);
    const last = events.at(-1)?.payload ?? Uint8Array.of();
    expect((last[1] ?? 0) >= 0x80).toBe(true);
    expect(((last[2] ?? 0) << 8) | (last[3] ?? 0)).toBe(6 * 160);
    expect(audio.length).toBe(30 - 5);
    const start = made.pbx.received[0]?.header.timestamp ?? 0;
    const pressedAt = (events[0]?.header.timestamp ?? 0) - start;
    expect(Math.abs(pressedAt - 1_600)).toBeLessThanOrEqual(160);
    expect((audio.at(-1)?.header.timestamp ?? 0) - start).toBe(29 * 160);
    const numbers = made.pbx.received.map(({ header }) => header.sequence);
    numbers.forEach((number, index) => {
      expect((number - (numbers[0] ?? 0)) & 0xffff).toBe(index);
    });
  });
});
