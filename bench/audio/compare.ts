/**
 * Judges a recording by what was sent: how late it is, how loud, how true. Delay and sample rate
 * are unknown, and the delay may wander (a receiver's jitter buffer stretches and cuts), so the
 * audio is compared in pieces that are each put in place. Above: tests, bench. Below: align.ts.
 */
import { alignExactly, alignRoughly } from "./align.ts";
import { powerSpectrum } from "./fourier.ts";
import { bandOf, resampled, shifted } from "./resample.ts";
import type { Audio } from "./wav.ts";

export interface BandDifference {
  fromHz: number;
  toHz: number;
  /** Recorded against sent. */
  differenceDb: number;
}

export interface Comparison {
  /** How much later than in what was sent the audio is in the recording; may be negative. */
  delayMs: number;
  /** Between the pieces that came earliest and latest. */
  delaySpreadMs: number;
  /** Recorded against sent, within the band that was carried. */
  levelDifferenceDb: number;
  /** Of the waves, 0 to 1, each piece in its place, weighted by energy. */
  correlation: number;
  /** Of loudness over time in several bands, 0 to 1: it survives any codec and clock. */
  envelopeCorrelation: number;
  /** Segmental: the mean over frames of 20 ms that aren't silent, each held within -10 and 40. */
  snrDb: number;
  /** Up to where the recording carries what was sent. */
  bandwidthHz: number;
  bands: BandDifference[];
  /** How much of what was sent was compared. */
  comparedMs: number;
}

const RATE = 16_000;
const EDGES_HZ = [100, 400, 800, 1_600, 2_400, 3_400, 5_000, 7_000];
/** A band this much weaker than the whole was not carried, dB. */
const LOST_BAND_DB = 15;
const SPECTRUM_SIZE = 512;
const PIECE = RATE * 0.4;
const FRAME = RATE * 0.02;
/** How far a piece may be from where the whole is. */
const SLACK = RATE * 0.06;
/** Quieter than the loudest by this much is silence, dB. */
const SILENCE_DB = 35;
const SNR_DB_MIN = -10;
const SNR_DB_MAX = 40;

/** The least of the two correlations that the same speech has after any chain of codecs. */
const SAME_ENVELOPE = 0.75;
const SAME_WAVE = 0.5;

/** Compares what was recorded with what was sent. Silence or strangers compare badly, no more. */
export function compare(sent: Audio, recorded: Audio): Comparison {
  const sentWave = resampled(sent, RATE);
  const recordedWave = resampled(recorded, RATE);
  const rough = alignRoughly(sentWave, recordedWave, RATE);
  const bands = bandsOf(sentWave, recordedWave, rough.lag);
  const highest = 0.94 * (Math.min(sent.sampleRate, recorded.sampleRate, RATE) / 2);
  const bandwidthHz = Math.min(highest, carriedBandwidth(bands));
  const from = EDGES_HZ[0] ?? 0;
  const pieces = comparePieces(
    bandOf(sentWave, RATE, from, bandwidthHz),
    bandOf(recordedWave, RATE, from, bandwidthHz),
    rough.lag,
  );
  return { ...pieces, envelopeCorrelation: rough.likeness, bandwidthHz, bands };
}

/** Whether the recording is of the same speech, however it was coded. */
export function matches(sent: Audio, recorded: Audio): boolean {
  const { correlation, envelopeCorrelation } = compare(sent, recorded);
  return envelopeCorrelation >= SAME_ENVELOPE && correlation >= SAME_WAVE;
}

/** Level of the recording against what was sent in each band. */
function bandsOf(sent: Float64Array, recorded: Float64Array, lag: number): BandDifference[] {
  const sentPower = new Float64Array(SPECTRUM_SIZE / 2 + 1);
  const recordedPower = new Float64Array(SPECTRUM_SIZE / 2 + 1);
  const last = Math.min(sent.length, recorded.length - lag) - SPECTRUM_SIZE;
  for (let start = Math.max(0, -lag); start <= last; start += SPECTRUM_SIZE / 2) {
    add(sentPower, powerSpectrum(sent, start, SPECTRUM_SIZE));
    add(recordedPower, powerSpectrum(recorded, start + lag, SPECTRUM_SIZE));
  }
  return EDGES_HZ.slice(1).map((toHz, index) => {
    const fromHz = EDGES_HZ[index] ?? 0;
    const ratio = powerIn(recordedPower, fromHz, toHz) / powerIn(sentPower, fromHz, toHz);
    return { fromHz, toHz, differenceDb: 10 * Math.log10(ratio) };
  });
}

function add(sum: Float64Array, power: Float64Array): void {
  for (let bin = 0; bin < sum.length; bin++) sum[bin] = (sum[bin] ?? 0) + (power[bin] ?? 0);
}

function powerIn(power: Float64Array, fromHz: number, toHz: number): number {
  const first = Math.ceil((fromHz * SPECTRUM_SIZE) / RATE);
  const last = Math.floor((toHz * SPECTRUM_SIZE) / RATE);
  let sum = 1;
  for (let bin = first; bin < last; bin++) sum += power[bin] ?? 0;
  return sum;
}

/** The upper edge of the highest band that isn't much weaker than the best of the lower ones. */
function carriedBandwidth(bands: readonly BandDifference[]): number {
  const narrow = bands.filter(({ toHz }) => toHz <= 3_400);
  const reference = Math.max(...narrow.map(({ differenceDb }) => differenceDb));
  const carried = bands.filter(({ differenceDb }) => differenceDb > reference - LOST_BAND_DB);
  return Math.max(3_400, carried.at(-1)?.toHz ?? 0);
}

export type PieceResults = Omit<Comparison, "envelopeCorrelation" | "bandwidthHz" | "bands">;

/**
 * The same where it is known what was sent when: both waves at 16 kHz, and `lag` samples into the
 * recording, give or take 60 ms, begins what was sent. Compared between 100 Hz and `toHz`.
 */
export function comparePlaced(
  sent: Float64Array,
  recorded: Float64Array,
  lag: number,
  toHz: number,
): PieceResults {
  const from = EDGES_HZ[0] ?? 0;
  return comparePieces(bandOf(sent, RATE, from, toHz), bandOf(recorded, RATE, from, toHz), lag);
}

/** Puts each piece that isn't silent in its place and adds up what it finds. */
function comparePieces(sent: Float64Array, recorded: Float64Array, lag: number): PieceResults {
  const loudestPiece = loudest(sent, PIECE);
  const loudestFrame = loudest(sent, FRAME);
  const lags: number[] = [];
  const snrs: number[] = [];
  let [sentEnergy, recordedEnergy, product] = [0, 0, 0];
  for (let start = 0; start + PIECE <= sent.length; start += PIECE) {
    const piece = sent.subarray(start, start + PIECE);
    const expected = start + lag;
    if (expected < 0 || expected + PIECE > recorded.length) continue;
    if (isSilent(energyOf(piece), loudestPiece)) continue;
    const place = alignExactly(piece, recorded, expected, SLACK);
    const found = shifted(recorded, place.lag, PIECE);
    const shared = productOf(piece, found);
    const gain = shared / energyOf(piece);
    lags.push(place.lag - start);
    sentEnergy += energyOf(piece);
    recordedEnergy += energyOf(found);
    // As if all pieces had one gain: a piece that fits badly pulls the whole down by its energy.
    product += Math.max(0, place.likeness) * energyOf(piece);
    for (let at = 0; at + FRAME <= PIECE; at += FRAME) {
      const frame = piece.subarray(at, at + FRAME);
      if (isSilent(energyOf(frame), loudestFrame)) continue;
      snrs.push(frameSnr(frame, found.subarray(at, at + FRAME), gain));
    }
  }
  lags.sort((a, b) => a - b);
  const middle = lags[lags.length >> 1] ?? lag;
  return {
    delayMs: (middle * 1_000) / RATE,
    delaySpreadMs: (((lags.at(-1) ?? 0) - (lags[0] ?? 0)) * 1_000) / RATE,
    levelDifferenceDb: 10 * Math.log10(recordedEnergy / sentEnergy),
    correlation: sentEnergy > 0 ? product / sentEnergy : 0,
    snrDb: snrs.length > 0 ? snrs.reduce((sum, snr) => sum + snr, 0) / snrs.length : SNR_DB_MIN,
    comparedMs: (lags.length * PIECE * 1_000) / RATE,
  };
}

/** What differs from the frame once the gain is taken out. */
function frameSnr(frame: Float64Array, found: Float64Array, gain: number): number {
  let noise = 1e-9;
  for (let index = 0; index < frame.length; index++) {
    noise += ((frame[index] ?? 0) - (found[index] ?? 0) / gain) ** 2;
  }
  const snr = gain > 0 ? 10 * Math.log10(energyOf(frame) / noise) : SNR_DB_MIN;
  return Math.max(SNR_DB_MIN, Math.min(SNR_DB_MAX, snr));
}

function loudest(wave: Float64Array, length: number): number {
  let most = 0;
  for (let start = 0; start + length <= wave.length; start += length) {
    most = Math.max(most, energyOf(wave.subarray(start, start + length)));
  }
  return most;
}

function isSilent(energy: number, loudestEnergy: number): boolean {
  return energy <= loudestEnergy * 10 ** (-SILENCE_DB / 10);
}

function energyOf(wave: Float64Array): number {
  return productOf(wave, wave);
}

function productOf(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
