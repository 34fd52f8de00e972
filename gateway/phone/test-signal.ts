/**
 * What a test call says, and what of it came back: a tone and a sweep, again and again, at 16 kHz. An
 * echo is found by the sweep, which is like nothing else and survives every codec; its delay is where
 * it fits best.
 */

export const SIGNAL_RATE = 16_000;
/** One turn of tone, pause, sweep and pause: echoes later than that are mistaken for earlier ones. */
export const TURN_MS = 1_600;
const TONE = { hertz: 1_000, ms: 400 };
const SWEEP = { from: 400, to: 3_200, ms: 400, at: 800 };
const LEVEL = 8_000;
/** Against clicks, which codecs make noise of. */
const RAMP_MS = 10;
/** Lags are looked for in steps of an eighth of a millisecond at 8 kHz. */
const DECIMATION = 2;
const FULL_SCALE = 32_768;

export interface Echo {
  /** How alike what came back is to what was said: 1 the same, below about 0.3 something else. */
  readonly likeness: number;
  /** From saying to hearing, ms; less than a turn. */
  readonly delayMs: number;
}

const samplesOf = (ms: number) => Math.round((ms * SIGNAL_RATE) / 1_000);

/** One turn; it is said in a circle. */
export function testSignal(): Int16Array {
  const signal = new Int16Array(samplesOf(TURN_MS));
  write(signal, 0, TONE.ms, (seconds) => 2 * Math.PI * TONE.hertz * seconds);
  write(signal, SWEEP.at, SWEEP.ms, sweepPhase);
  return signal;
}

/** Level of the loudest tenth of a second, dB below full scale; -90 for silence. */
export function levelOf(heard: Int16Array): number {
  const window = samplesOf(100);
  let loudest = 0;
  for (let start = 0; start + window <= heard.length; start += window) {
    let power = 0;
    for (let index = start; index < start + window; index++) power += (heard[index] ?? 0) ** 2;
    loudest = Math.max(loudest, power / window);
  }
  return Math.max(-90, 10 * Math.log10(loudest / FULL_SCALE ** 2 + 1e-12));
}

/**
 * The echo in the last turn and a half of `heard`, whose first sample was heard `offsetMs` after the
 * first was said.
 */
export function echoIn(heard: Int16Array, offsetMs: number): Echo {
  const length = samplesOf(TURN_MS + SWEEP.ms);
  const start = Math.max(0, heard.length - length);
  const wave = decimated(heard.subarray(start));
  const sweep = decimated(sweepAlone());
  let best = { likeness: 0, lag: 0 };
  for (let lag = 0; lag + sweep.length <= wave.length; lag++) {
    const likeness = correlation(wave, lag, sweep);
    if (likeness > best.likeness) best = { likeness, lag };
  }
  const heardAtMs = offsetMs + ((start + best.lag * DECIMATION) * 1_000) / SIGNAL_RATE;
  const late = (heardAtMs - SWEEP.at) % TURN_MS;
  return { likeness: best.likeness, delayMs: late < 0 ? late + TURN_MS : late };
}

function sweepPhase(seconds: number): number {
  const { from, to, ms } = SWEEP;
  return 2 * Math.PI * (from * seconds + ((to - from) * seconds ** 2) / (2 * (ms / 1_000)));
}

function sweepAlone(): Int16Array {
  const sweep = new Int16Array(samplesOf(SWEEP.ms));
  write(sweep, 0, SWEEP.ms, sweepPhase);
  return sweep;
}

function write(into: Int16Array, atMs: number, ms: number, phase: (seconds: number) => number) {
  const [start, length, ramp] = [samplesOf(atMs), samplesOf(ms), samplesOf(RAMP_MS)];
  for (let index = 0; index < length; index++) {
    const gain = Math.min(1, index / ramp, (length - index) / ramp);
    into[start + index] = Math.round(LEVEL * gain * Math.sin(phase(index / SIGNAL_RATE)));
  }
}

/** Every second sample, each the mean of two: what is left of it lies below 4 kHz. */
function decimated(wave: Int16Array): Float32Array {
  const half = new Float32Array(Math.floor(wave.length / DECIMATION));
  for (let index = 0; index < half.length; index++) {
    half[index] = ((wave[DECIMATION * index] ?? 0) + (wave[DECIMATION * index + 1] ?? 0)) / 2;
  }
  return half;
}

/** Of `sweep` with as much of `wave` from `lag` on: 1 alike, 0 unrelated. Its sign doesn't count. */
function correlation(wave: Float32Array, lag: number, sweep: Float32Array): number {
  let [product, power, own] = [0, 0, 0];
  for (let index = 0; index < sweep.length; index++) {
    const [heard, said] = [wave[lag + index] ?? 0, sweep[index] ?? 0];
    product += heard * said;
    power += heard * heard;
    own += said * said;
  }
  return power === 0 ? 0 : Math.abs(product) / Math.sqrt(power * own);
}
