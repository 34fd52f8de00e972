import { describe, expect, test } from "bun:test";
import { compare } from "../../../bench/audio/compare.ts";
import { repeated } from "../../../bench/audio/signal.ts";
import { recordedSpeech } from "../../../bench/audio/speech.ts";
import { OpusPolicy } from "../../../gateway/media/opus-policy.ts";
import { writeReceiverReport } from "../../../gateway/media/rtp/rtcp-writer.ts";
import { call, codecs, decodeAll, opus, playPbx, trunkCodecs } from "../../sim/media-call.ts";

test("over 8 % loss turns FEC on at once, over 5 % when it is reported twice", () => {
  const light = new OpusPolicy();
  expect(light.reported(0.05, true)).toBe(false);
  expect(light.reported(0.06, true)).toBe(false);
  expect(light.reported(0.03, true)).toBe(false);
  expect(light.reported(0.06, true)).toBe(false);
  expect(light.reported(0.06, true)).toBe(true);
  expect(light.mode).toBe("resilient");
  expect(new OpusPolicy().reported(0.09, true)).toBe(true);
});

test("it takes six clean reports in a row to turn it off", () => {
  const policy = new OpusPolicy();
  policy.reported(0.1, true);
  for (let report = 0; report < 5; report++) expect(policy.reported(0, true)).toBe(false);
  expect(policy.reported(0.02, true)).toBe(false);
  for (let report = 0; report < 5; report++) expect(policy.reported(0, true)).toBe(false);
  expect(policy.reported(0, true)).toBe(true);
  expect(policy.mode).toBe("low-delay");
});

test("a receiver that doesn't want FEC gets none", () => {
  const policy = new OpusPolicy();
  for (let report = 0; report < 3; report++) expect(policy.reported(0.5, false)).toBe(false);
  expect(policy.mode).toBe("low-delay");
});

test("a gateway short of time brings nobody to what costs more, and takes it from nobody", () => {
  const policy = new OpusPolicy();
  expect(policy.reported(0.3, true, true)).toBe(false);
  expect(policy.reported(0.3, true)).toBe(true);
  expect(policy.reported(0.3, true, true)).toBe(false);
  expect(policy.mode).toBe("resilient");
});

describe("a change of mode in a call", () => {
  const speech = repeated(recordedSpeech("ships"), 4);
  const g722 = (() => {
    const encoder = codecs.encoder("G722", 16_000);
    const frames = Math.floor(speech.pcm.length / 320);
    return Array.from({ length: frames }, (_, index) =>
      encoder.encode(speech.pcm.subarray(index * 320, (index + 1) * 320)).slice(),
    );
  })();

  /** What the softphone hears when it reports loss every second as it is told. */
  function heard(lossAt: (second: number) => number) {
    const codec = { ...opus, fec: true };
    const made = call({ browserCodec: codec });
    playPbx(made, trunkCodecs.G722, g722);
    const { world, browser, webrtc } = made;
    const seconds = Math.floor(g722.length / 50);
    const buffer = new Uint8Array(100);
    world.every(1_000, seconds, (second) => {
      const block = {
        ssrc: webrtc.ssrc,
        fractionLost: Math.round(lossAt(second) * 256),
        cumulativeLost: 0,
        highestSequence: 1,
        jitter: 0,
        lastSenderReport: 0,
        delaySinceLastSenderReport: 0,
      };
      browser.sendRtcp(buffer.slice(0, writeReceiverReport(buffer, 0, browser.ssrc, [block])));
    });
    world.run(seconds * 1_000);
    const payloads = browser.received.map(({ payload }) => payload);
    const pcm = decodeAll(opus, payloads);
    // RFC 6716 §3.1: configurations from 16 on are CELT's, those below have SILK in them.
    const isSilk = payloads.map((payload) => (payload[0] ?? 0) >> 3 < 16);
    return { pcm, isSilk, packets: browser.received };
  }

  const clean = heard(() => 0);
  const lossy = heard((second) => (second === 3 || second === 4 ? 0.1 : 0));
  const changes = lossy.isSilk.flatMap((it, index) =>
    index > 0 && it !== lossy.isSilk[index - 1] ? [index] : [],
  );

  test("it goes to SILK with the first bad report and back with the sixth good one", () => {
    expect(clean.isSilk.some(Boolean)).toBe(false);
    expect(changes).toHaveLength(2);
    const [to = 0, back = 0] = changes;
    // Fifty packets a second, and a report every second from the first packet on.
    expect(Math.abs(to - 150)).toBeLessThanOrEqual(2);
    expect(Math.abs(back - 500)).toBeLessThanOrEqual(2);
  });

  test("the stream stays one: no number and no tick is missing", () => {
    lossy.packets.forEach(({ header }, index) => {
      const before = lossy.packets[index - 1]?.header;
      if (!before) return;
      expect((header.sequence - before.sequence) & 0xffff).toBe(1);
      expect((header.timestamp - before.timestamp) >>> 0).toBe(960);
    });
  });

  test("what is heard is the same speech: no gap and no click where it changes", () => {
    const all = compare(speech, { pcm: lossy.pcm, sampleRate: 16_000 });
    expect(all.envelopeCorrelation).toBeGreaterThan(0.97);
    expect(all.correlation).toBeGreaterThan(0.85);
    for (const change of changes) {
      // A tenth of a second around it, in windows of 10 ms, beside the call that never changed.
      for (let window = -4; window < 12; window++) {
        const at = change * 320 + window * 160;
        const [without, withChange] = [loudness(clean.pcm, at), loudness(lossy.pcm, at)];
        if (without < 300) continue;
        expect(20 * Math.log10(withChange / without)).toBeGreaterThan(-9);
        expect(20 * Math.log10(withChange / without)).toBeLessThan(9);
      }
      const around = [(change - 5) * 320, (change + 5) * 320] as const;
      expect(steepest(lossy.pcm, ...around)).toBeLessThan(
        1.5 * steepest(clean.pcm, ...around) + 500,
      );
    }
  });
});

function loudness(pcm: Int16Array, at: number): number {
  let sum = 0;
  // 20 ms, so that the two modes' delays, 4 ms apart, don't count.
  for (const sample of pcm.subarray(at, at + 320)) sum += sample * sample;
  return Math.sqrt(sum / 320);
}

/** The largest step between samples: a click is one. */
function steepest(pcm: Int16Array, from: number, to: number): number {
  let largest = 0;
  for (let index = from + 1; index < to; index++) {
    largest = Math.max(largest, Math.abs((pcm[index] ?? 0) - (pcm[index - 1] ?? 0)));
  }
  return largest;
}
