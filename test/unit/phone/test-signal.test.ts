/** The test signal through what telephones do to it: found by its sweep, or known not to be there. */
import { expect, test } from "bun:test";
import {
  echoIn,
  levelOf,
  SIGNAL_RATE,
  TURN_MS,
  testSignal,
} from "../../../gateway/phone/test-signal.ts";
import { loadCodecs } from "../../../media-wasm/codec.ts";
import { seededRandom } from "../../sim/random.ts";

const TURNS = 3;
const signal = testSignal();
const said = (at: number) => (at < 0 ? 0 : (signal[at % signal.length] ?? 0));

/** What an echo brings back: later, quieter, and with noise of its own. */
function echoed(delayMs: number, gain: number, noise: number): Int16Array {
  const random = seededRandom(delayMs + 1);
  const late = (delayMs * SIGNAL_RATE) / 1_000;
  return Int16Array.from(
    { length: TURNS * signal.length },
    (_, index) => gain * said(index - late) + noise * (random.fraction() - 0.5),
  );
}

test.each([
  0,
  30,
  250,
  900,
  TURN_MS - 50,
])("X3: an echo after %d ms is found where it is", (delayMs) => {
  for (const [gain, noise] of [
    [1, 0],
    [0.1, 200],
    // Inverted, as some hybrids do, and in noise half as loud.
    [-0.5, 2_000],
  ] as const) {
    const echo = echoIn(echoed(delayMs, gain, noise), 0);
    expect(Math.abs(echo.delayMs - delayMs)).toBeLessThan(1);
    expect(echo.likeness).toBeGreaterThan(0.8);
  }
});

test("X3: it is found when listening began later than speaking", () => {
  const heard = echoed(120, 0.5, 100).subarray(480);
  expect(echoIn(heard, 30).delayMs).toBeCloseTo(120, 0);
});

test.each(["G722", "PCMA", "opus"] as const)("X3: %s leaves enough of it", async (name) => {
  const codecs = await loadCodecs();
  const rate = name === "PCMA" ? 8_000 : 16_000;
  const step = SIGNAL_RATE / rate;
  const encoder = codecs.encoder(name, rate);
  const decoder = codecs.decoder(name, rate);
  const frame = rate / 50;
  const heard: number[] = [];
  for (let at = 0; at < (TURNS * signal.length) / step; at += frame) {
    const pcm = Int16Array.from({ length: frame }, (_, index) => said((at + index) * step));
    for (const it of decoder.decode(encoder.encode(pcm))) {
      for (let count = 0; count < step; count++) heard.push(it);
    }
  }
  const echo = echoIn(Int16Array.from(heard), 0);
  expect(echo.likeness).toBeGreaterThan(0.7);
  // What the codec itself looks ahead.
  expect(echo.delayMs).toBeLessThan(15);
});

test("X3: dial tone, noise, speech-like hum and silence are no echo", () => {
  const random = seededRandom(5);
  const length = TURNS * signal.length;
  const others: Record<string, (at: number) => number> = {
    silence: () => 0,
    noise: () => 20_000 * (random.fraction() - 0.5),
    "dial tone": (at) => 8_000 * Math.sin((2 * Math.PI * 425 * at) / SIGNAL_RATE),
    "the tone alone": (at) => 8_000 * Math.sin((2 * Math.PI * 1_000 * at) / SIGNAL_RATE),
    hum: (at) =>
      4_000 *
      Math.sin((2 * Math.PI * 140 * at) / SIGNAL_RATE) *
      (1 + Math.sin((2 * Math.PI * 3 * at) / SIGNAL_RATE)),
  };
  for (const [name, wave] of Object.entries(others)) {
    const heard = Int16Array.from({ length }, (_, at) => wave(at));
    expect([name, echoIn(heard, 0).likeness < 0.35]).toEqual([name, true]);
  }
});

test("X3: level is of the loudest tenth of a second, below full scale", () => {
  expect(levelOf(new Int16Array(SIGNAL_RATE))).toBe(-90);
  // A sine of 8,000 of 32,768.
  expect(levelOf(echoed(0, 1, 0))).toBeCloseTo(20 * Math.log10(8_000 / 32_768 / Math.SQRT2), 0);
  expect(levelOf(echoed(0, 0.1, 0))).toBeCloseTo(-35.3, 0);
});
