import { describe, expect, test } from "bun:test";
import { LOAD_CODECS } from "../../../../bench/load/codecs.ts";
import { hear } from "../../../../bench/load/hearing.ts";
import { fingerprintOf, SpeechLoops } from "../../../../bench/load/speech-loop.ts";
import { Voice } from "../../../../bench/load/voice.ts";

const loops = await SpeechLoops.load();
const { PCMA, G722 } = LOAD_CODECS;
const SECONDS = 5;

interface Wire {
  codec?: typeof PCMA;
  delayMs?: (index: number) => number;
  isLost?: (index: number) => boolean;
  change?: (payload: Uint8Array, index: number) => void;
}

/** A voice, and its packets as they came over a wire. */
function spoken(call: number, { codec = PCMA, delayMs, isLost, change }: Wire = {}) {
  const fingerprint = fingerprintOf(call, 12, "softphone");
  const voice = new Voice(codec, loops.of(fingerprint.voice, codec), fingerprint, call);
  const came: { packet: Uint8Array; at: number }[] = [];
  for (let index = 0; index < 50 * SECONDS; index++) {
    const buffer = new Uint8Array(500);
    const length = voice.next(buffer, 1_000 + 20 * index);
    const packet = buffer.slice(0, length);
    change?.(packet.subarray(12), index);
    if (isLost?.(index)) continue;
    came.push({ packet, at: 1_000 + 20 * index + (delayMs?.(index) ?? 3) });
  }
  return { voice, end: { packets: () => came } };
}

describe("a wire that only delays", () => {
  test.each([PCMA, G722])("is heard without fault: $name", (codec) => {
    const { voice, end } = spoken(3, { codec, delayMs: () => 12.5 });
    const heard = hear(end, codec, voice, loops.codecs);
    expect(heard.fault).toBeUndefined();
    expect(heard.delayMs.p50).toBeCloseTo(12.5, 1);
    expect(heard.delayMs.max).toBeCloseTo(12.5, 1);
    expect(heard.correlation).toBeGreaterThan(0.99);
    expect(heard.loss).toBe(0);
    expect(heard.jitterMs).toBeCloseTo(0, 5);
  });

  test("packets late now and then are in the tail alone", () => {
    const { voice, end } = spoken(3, { delayMs: (index) => (index % 50 === 7 ? 33 : 3) });
    const heard = hear(end, PCMA, voice, loops.codecs);
    expect(heard.delayMs.p50).toBeCloseTo(3, 1);
    expect(heard.delayMs.max).toBeCloseTo(33, 1);
    expect(heard.stallMs).toBe(50);
    expect(heard.jitterMs).toBeGreaterThan(0.1);
  });
});

describe("bad audio is a fault", () => {
  test("another call's voice, and the same voice from elsewhere in it", () => {
    const { end } = spoken(3);
    for (const other of [4, 9]) {
      const heard = hear(end, PCMA, spoken(other).voice, loops.codecs);
      expect(heard.fault).toContain("not the audio");
    }
  });

  test("a gap, lost packets, a low level, a long delay", () => {
    const cut = spoken(1, { change: (payload, index) => index % 60 < 20 && payload.fill(0xd5) });
    expect(hear(cut.end, PCMA, cut.voice, loops.codecs).gapMs).toBeGreaterThan(100);
    const lossy = spoken(1, { isLost: (index) => index > 0 && index % 20 === 0 });
    const heard = hear(lossy.end, PCMA, lossy.voice, loops.codecs);
    expect(heard.loss).toBeCloseTo(0.05, 2);
    expect(heard.fault).toContain("lost");
    // Two of A-law's segments lower: a quarter of the amplitude.
    const quiet = spoken(1, {
      change: (payload) => {
        for (const [at, octet] of payload.entries()) {
          const plain = octet ^ 0x55;
          const segment = Math.max(0, ((plain >> 4) & 7) - 2);
          payload[at] = ((plain & 0x8f) | (segment << 4)) ^ 0x55;
        }
      },
    });
    expect(hear(quiet.end, PCMA, quiet.voice, loops.codecs).levelDb).toBeLessThan(-8);
    const nobody = { packets: () => [] };
    expect(hear(nobody, PCMA, lossy.voice, loops.codecs).fault).toBe("nothing was heard");
  });
});

test("a stream that is begun anew is heard as a gap, whatever its timestamps say", () => {
  const { voice, end } = spoken(3);
  const came = [...end.packets()].map(({ packet, at }, index) => {
    const copy = packet.slice();
    if (index >= 150) new DataView(copy.buffer).setUint32(4, 0x70_00_00_00 + 160 * index);
    return { packet: copy, at };
  });
  const heard = hear({ packets: () => came }, PCMA, voice, loops.codecs);
  expect(heard.packets).toBe(150);
  expect(heard.loss).toBeGreaterThan(0.3);
  expect(heard.fault).toBeDefined();
});
