/**
 * ITU-T G.722 (09/2012) at 64 kbit/s, bit-exact: two bands by QMF, each an adaptive differential
 * PCM. Comments name the Recommendation's blocks. Written in AssemblyScript with SIMD by hand.
 *
 * The memory is a bank of slots, each one encoder's or one decoder's state and its buffers, at
 * fixed places; nothing is allocated and memory never grows, so views on it stay valid.
 * Above: g722.ts. The 16-bit saturation is the Recommendation's arithmetic, not an option.
 */
import {
  ANTILOGARITHM,
  CODES_NEGATIVE,
  CODES_POSITIVE,
  DECISION_LEVELS,
  LEVELS_2,
  LEVELS_4,
  LEVELS_6,
  LOG_STEPS_HIGH,
  LOG_STEPS_LOW,
  QMF_FIRST,
  QMF_HIGH,
  QMF_LOW,
  QMF_SECOND,
} from "./tables";

/** Samples before a frame that the QMF still needs. */
const HISTORY_SAMPLES: usize = 22;
const HISTORY_BYTES: usize = HISTORY_SAMPLES << 1;
/** 120 ms, the longest packet there is. */
const SAMPLES_MAX: usize = 1920;

// A slot: the two bands' state, then history and PCM without a gap between them, then the payload.
const BAND_BYTES: usize = 80;
const LOW: usize = 0;
const HIGH: usize = BAND_BYTES;
const DECODER_HISTORY: usize = 2 * BAND_BYTES;
const PCM: usize = 256;
const ENCODER_HISTORY: usize = PCM - HISTORY_BYTES;
const PAYLOAD: usize = PCM + (SAMPLES_MAX << 1);
const SLOT_BYTES: usize = PAYLOAD + (SAMPLES_MAX >> 1) + 32;

// A band: the zero predictor's coefficients and differences (6 of 8 lanes), then 32-bit values.
const ZERO_COEFFICIENTS: usize = 0;
const DIFFERENCES: usize = 16;
const PREDICTION: usize = 32;
const ZERO_PREDICTION: usize = 36;
const RECONSTRUCTED_1: usize = 40;
const POLE_1: usize = 44;
const POLE_2: usize = 48;
const PARTIAL_1: usize = 52;
const PARTIAL_2: usize = 56;
const LOG_SCALE: usize = 60;
const SCALE: usize = 64;


/** Sum and difference of the two bands while a packet is decoded, after the slot's history. */
const SCRATCH: usize = memory.data(48 + (1920 << 1), 16) + 4;
const FIRST_SLOT: usize = 8192;

/** How many slots this instance has. */
export function slots(): i32 {
  return i32(((usize(memory.size()) << 16) - FIRST_SLOT) / SLOT_BYTES);
}

/** Where the PCM of a slot is, in bytes: room for 1920 samples. */
export function pcmOffset(slot: i32): usize {
  return FIRST_SLOT + usize(slot) * SLOT_BYTES + PCM;
}

/** Where the payload of a slot is, in bytes: room for 960. */
export function payloadOffset(slot: i32): usize {
  return FIRST_SLOT + usize(slot) * SLOT_BYTES + PAYLOAD;
}

/** Makes a slot a new encoder or decoder (block RESET). */
export function reset(slot: i32): void {
  const state = FIRST_SLOT + usize(slot) * SLOT_BYTES;
  memory.fill(state, 0, PCM);
  store<i32>(state + LOW, 32, SCALE);
  store<i32>(state + HIGH, 8, SCALE);
}

/** Encodes `length` bytes' worth of PCM, two samples each, into the slot's payload. */
export function encode(slot: i32, length: i32): void {
  const state = FIRST_SLOT + usize(slot) * SLOT_BYTES;
  const payload = state + PAYLOAD;
  let window = state + ENCODER_HISTORY;
  for (let index = 0; index < length; index++) {
    const low = limit(filter(window, QMF_LOW) >> 14);
    const high = limit(filter(window, QMF_HIGH) >> 14);
    store<u8>(payload + index, encodeLow(state + LOW, low) | (encodeHigh(state + HIGH, high) << 6));
    window += 4;
  }
  memory.copy(state + ENCODER_HISTORY, window, HISTORY_BYTES);
}

/** Decodes the first `length` bytes of the slot's payload into two samples each. */
export function decode(slot: i32, length: i32): void {
  const state = FIRST_SLOT + usize(slot) * SLOT_BYTES;
  const payload = state + PAYLOAD;
  const pcm = state + PCM;
  memory.copy(SCRATCH, state + DECODER_HISTORY, HISTORY_BYTES);
  let window = SCRATCH;
  for (let index = 0; index < length; index++) {
    const code = i32(load<u8>(payload + index));
    const low = decodeLow(state + LOW, code & 63);
    const high = decodeHigh(state + HIGH, code >> 6);
    // Block RECEIVE QMF: both are within 15 bits, so sum and difference fit 16.
    store<i16>(window + HISTORY_BYTES, i16(low + high));
    store<i16>(window + HISTORY_BYTES, i16(low - high), 2);
    store<i16>(pcm + (index << 2), i16(saturate(filter(window, QMF_FIRST) >> 11)));
    store<i16>(pcm + (index << 2), i16(saturate(filter(window, QMF_SECOND) >> 11)), 2);
    window += 4;
  }
  memory.copy(state + DECODER_HISTORY, window, HISTORY_BYTES);
}

/** The 24-tap quadrature mirror filter: the scalar product of 24 samples and a row. */
@inline
function filter(window: usize, row: usize): i32 {
  let sum = i32x4.dot_i16x8_s(v128.load(window), v128.load(row));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(window, 16), v128.load(row, 16)));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(window, 32), v128.load(row, 32)));
  return horizontalSum(sum);
}

/** Lower band, blocks 1L to 4L: a 6-bit code. */
@inline
function encodeLow(band: usize, sample: i32): i32 {
  const scale = load<i32>(band, SCALE);
  const error = saturate(sample - load<i32>(band, PREDICTION));
  const interval = quantize(error < 0 ? ~error : error, scale);
  const code = i32(load<u8>((error < 0 ? CODES_NEGATIVE : CODES_POSITIVE) + interval));
  adaptLow(band, scale, code >> 2);
  return code;
}

/** Higher band, blocks 1H to 4H: a 2-bit code. */
@inline
function encodeHigh(band: usize, sample: i32): i32 {
  const scale = load<i32>(band, SCALE);
  const error = saturate(sample - load<i32>(band, PREDICTION));
  const outer = (error < 0 ? ~error : error) >= (564 * scale) >> 12;
  // Codes 0 and 2 are the outer levels, 1 and 3 the inner ones.
  const code = (error < 0 ? 0 : 2) | (outer ? 0 : 1);
  adaptHigh(band, scale, code);
  return code;
}

/** Blocks 5L, 6L and the adaptation: the lower band's sample. */
@inline
function decodeLow(band: usize, code: i32): i32 {
  const scale = load<i32>(band, SCALE);
  const difference = (scale * i32(load<i16>(LEVELS_6 + (code << 1)))) >> 15;
  const sample = limit(load<i32>(band, PREDICTION) + difference);
  adaptLow(band, scale, code >> 2);
  return sample;
}

/** The higher band's sample. */
@inline
function decodeHigh(band: usize, code: i32): i32 {
  const scale = load<i32>(band, SCALE);
  const difference = (scale * i32(load<i16>(LEVELS_2 + (code << 1)))) >> 15;
  const sample = limit(load<i32>(band, PREDICTION) + difference);
  adaptHigh(band, scale, code);
  return sample;
}

/** Block QUANTL: the interval, 1 to 30, by halving; the scaled levels never decrease. */
@inline
function quantize(magnitude: i32, scale: i32): usize {
  let below: i32 = 0;
  for (let step = 16; step > 0; step >>= 1) {
    const candidate = min<i32>(below + step, 29);
    const level = (i32(load<i16>(DECISION_LEVELS + (candidate << 1))) * scale) >> 12;
    below = select<i32>(candidate, below, magnitude >= level);
  }
  return usize(below + 1);
}

/** Blocks INVQAL, LOGSCL, SCALEL: the four bits both sides adapt to. */
@inline
function adaptLow(band: usize, scale: i32, code: i32): void {
  const difference = (scale * i32(load<i16>(LEVELS_4 + (code << 1)))) >> 15;
  const log = (load<i32>(band, LOG_SCALE) * 127) >> 7;
  adaptScale(band, clamp(log + i32(load<i16>(LOG_STEPS_LOW + (code << 1))), 0, 18432), 8);
  predict(band, difference);
}

/** Blocks INVQAH, LOGSCH, SCALEH. */
@inline
function adaptHigh(band: usize, scale: i32, code: i32): void {
  const difference = (scale * i32(load<i16>(LEVELS_2 + (code << 1)))) >> 15;
  const log = (load<i32>(band, LOG_SCALE) * 127) >> 7;
  adaptScale(band, clamp(log + i32(load<i16>(LOG_STEPS_HIGH + (code << 1))), 0, 22528), 10);
  predict(band, difference);
}

@inline
function adaptScale(band: usize, log: i32, base: i32): void {
  const fraction = i32(load<i16>(ANTILOGARITHM + (((log >> 6) & 31) << 1)));
  const shift = base - (log >> 11);
  store<i32>(band, log, LOG_SCALE);
  store<i32>(band, (shift < 0 ? fraction << -shift : fraction >> shift) << 2, SCALE);
}

/** Block 4: adapts the predictor to the quantized difference and makes the next prediction. */
function predict(band: usize, difference: i32): void {
  // PARREC, RECONS
  const partial = saturate(difference + load<i32>(band, ZERO_PREDICTION));
  const reconstructed = saturate(difference + load<i32>(band, PREDICTION));
  const partial1 = load<i32>(band, PARTIAL_1);
  const differs1 = (partial ^ partial1) < 0;
  const differs2 = (partial ^ load<i32>(band, PARTIAL_2)) < 0;

  // UPPOL2
  const oldPole1 = load<i32>(band, POLE_1);
  const quadruple = saturate(oldPole1 << 2);
  const turned = differs1 ? quadruple : min<i32>(-quadruple, 32767);
  const leaked2 = (load<i32>(band, POLE_2) * 32512) >> 15;
  const pole2 = clamp((turned >> 7) + (differs2 ? -128 : 128) + leaked2, -12288, 12288);
  // UPPOL1
  const bound = 15360 - pole2;
  const pole1 = clamp((differs1 ? -192 : 192) + ((oldPole1 * 32640) >> 15), -bound, bound);

  // UPZERO: a leak of 1/256, rounded down, and a step towards the sign of the product.
  const differences = v128.load(band, DIFFERENCES);
  const coefficients = v128.load(band, ZERO_COEFFICIENTS);
  const step = difference == 0 ? i16x8.splat(0) : i16x8(128, 128, 128, 128, 128, 128, 0, 0);
  const sign = i16x8.shr_s(v128.xor(differences, i16x8.splat(i16(difference))), 15);
  const signedStep = i16x8.sub(v128.xor(step, sign), sign);
  const remainder = i16x8.ne(v128.and(coefficients, i16x8.splat(255)), i16x8.splat(0));
  const leak = i16x8.sub(i16x8.shr_s(coefficients, 8), remainder);
  const adapted = i16x8.add_sat_s(i16x8.sub(coefficients, leak), signedStep);
  // DELAYA
  const lanes = i16x8.replace_lane(
    v128.shuffle<i16>(differences, differences, 0, 0, 1, 2, 3, 4, 6, 7),
    0,
    i16(difference),
  );
  v128.store(band, adapted, ZERO_COEFFICIENTS);
  v128.store(band, lanes, DIFFERENCES);

  // FILTEZ
  const doubled = i16x8.add_sat_s(lanes, lanes);
  const products = i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.extmul_low_i16x8_s(adapted, doubled), 15),
    i32x4.shr_s(i32x4.extmul_high_i16x8_s(adapted, doubled), 15),
  );
  const zeroPrediction = saturatedSum(products);
  // FILTEP
  const reconstructed1 = load<i32>(band, RECONSTRUCTED_1);
  const polePrediction = saturate(
    ((pole1 * saturate(reconstructed << 1)) >> 15) +
      ((pole2 * saturate(reconstructed1 << 1)) >> 15),
  );
  store<i32>(band, partial1, PARTIAL_2);
  store<i32>(band, partial, PARTIAL_1);
  store<i32>(band, reconstructed, RECONSTRUCTED_1);
  store<i32>(band, pole1, POLE_1);
  store<i32>(band, pole2, POLE_2);
  store<i32>(band, zeroPrediction, ZERO_PREDICTION);
  // PREDIC
  store<i32>(band, saturate(polePrediction + zeroPrediction), PREDICTION);
}

@inline
function horizontalSum(lanes: v128): i32 {
  const pairs = i32x4.add(lanes, v128.shuffle<i32>(lanes, lanes, 2, 3, 0, 1));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

/** From the oldest of the six to the newest; every addition saturates, so the order matters. */
@inline
function saturatedSum(terms: v128): i32 {
  let sum = v128.shuffle<i16>(terms, terms, 5, 1, 2, 3, 4, 5, 6, 7);
  sum = i16x8.add_sat_s(sum, v128.shuffle<i16>(terms, terms, 4, 1, 2, 3, 4, 5, 6, 7));
  sum = i16x8.add_sat_s(sum, v128.shuffle<i16>(terms, terms, 3, 1, 2, 3, 4, 5, 6, 7));
  sum = i16x8.add_sat_s(sum, v128.shuffle<i16>(terms, terms, 2, 1, 2, 3, 4, 5, 6, 7));
  sum = i16x8.add_sat_s(sum, v128.shuffle<i16>(terms, terms, 1, 1, 2, 3, 4, 5, 6, 7));
  return i32(i16x8.extract_lane_s(i16x8.add_sat_s(sum, terms), 0));
}

@inline
function clamp(value: i32, least: i32, most: i32): i32 {
  return max<i32>(min<i32>(value, most), least);
}

/** To 16 bits. */
@inline
function saturate(value: i32): i32 {
  return clamp(value, -32768, 32767);
}

/** Block LIMIT: to 15 bits. */
@inline
function limit(value: i32): i32 {
  return clamp(value, -16384, 16383);
}
