/**
 * How good a conversation a path allows: the E-model, ITU-T G.107 for narrowband codecs and G.107.1
 * for wideband ones, each on its own scale. Simplified: send and receive loudness, noise and echo
 * are the recommendation's defaults, for nobody can measure them from packets; codec, loss, its
 * bursts and delay are what differs from path to path. Above: stream-quality. Below nothing.
 */
import type { CodecName } from "./protocol.ts";

export interface SpeechPath {
  codec: CodecName;
  /** Share of packets lost, 0 to 1. */
  lossShare: number;
  /** G.107 §3.5: mean length of the losses seen over that of random ones; 1 is random. */
  burstRatio: number;
  /** From mouth to ear, in milliseconds. */
  delayMs: number;
}

interface CodecFact {
  isWideband: boolean;
  /** Equipment impairment Ie (or Ie,WB), and the robustness against loss Bpl. */
  impairment: number;
  robustness: number;
}

/**
 * G.711 with concealment: G.113 appendix I. G.722's impairment: G.113 appendix IV. Its robustness
 * and the values of Opus are planning values of ours, for none are published for how they run here.
 */
const CODECS: Readonly<Record<CodecName, CodecFact>> = {
  opus: { isWideband: true, impairment: 8, robustness: 12 },
  G722: { isWideband: true, impairment: 13, robustness: 10 },
  PCMA: { isWideband: false, impairment: 0, robustness: 25.1 },
  PCMU: { isWideband: false, impairment: 0, robustness: 25.1 },
};

/** Ro and Is with every parameter at its default, G.107 table 2. */
const SIGNAL_TO_NOISE = 94.77;
const SIMULTANEOUS = 1.41;
/** G.107.1: the scale a wideband connection without impairment reaches. */
const WIDEBAND_MAX = 129;
/** Talker echo loudness rating and echo path loss, dB: defaults. */
const TELR = 65;
const WEPL = 110;

/** The mean opinion score, 1 to 4.5 (G.107 annex B, G.107.1 §7.5). */
export function mosOf(path: SpeechPath): number {
  return mosOfRating(isWideband(path.codec) ? ratingOf(path) / 1.29 : ratingOf(path));
}

/** The transmission rating R: 93.2 at best for narrowband codecs, 129 for wideband ones. */
export function ratingOf({ codec, lossShare, burstRatio, delayMs }: SpeechPath): number {
  const { impairment, robustness } = CODECS[codec];
  const best = isWideband(codec) ? WIDEBAND_MAX : SIGNAL_TO_NOISE - SIMULTANEOUS;
  const loss = equipmentImpairment(impairment, robustness, lossShare, burstRatio);
  return best - delayImpairment(delayMs) - loss;
}

export function isWideband(codec: CodecName): boolean {
  return CODECS[codec].isWideband;
}

/** Annex B: the score of a rating on the narrowband scale. */
export function mosOfRating(rating: number): number {
  if (rating <= 0) return 1;
  if (rating >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6);
}

/** Ie,eff, G.107 equation 7-29; `lossShare` is 0 to 1. */
export function equipmentImpairment(
  impairment: number,
  robustness: number,
  lossShare: number,
  burstRatio: number,
): number {
  const percent = Math.min(1, Math.max(0, lossShare)) * 100;
  if (percent === 0) return impairment;
  const ratio = Math.max(1, burstRatio);
  return impairment + (95 - impairment) * (percent / (percent / ratio + robustness));
}

/** Id, §7.4: talker echo, listener echo, and the delay itself where it exceeds 100 ms. */
export function delayImpairment(delayMs: number): number {
  return talkerEcho(delayMs) + listenerEcho(delayMs) + absoluteDelay(delayMs);
}

function talkerEcho(delayMs: number): number {
  const masking = 6 * Math.exp(-0.3 * delayMs ** 2);
  const echo = TELR - 40 * Math.log10((1 + delayMs / 10) / (1 + delayMs / 150)) + masking;
  const half = (SIGNAL_TO_NOISE - (80 + 2.5 * (echo - 14))) / 2;
  return (half + Math.sqrt(half ** 2 + 100) - 1) * (1 - Math.exp(-delayMs));
}

function listenerEcho(delayMs: number): number {
  const rating = 10.5 * (WEPL + 7) * (2 * delayMs + 1) ** -0.25;
  const half = (SIGNAL_TO_NOISE - rating) / 2;
  return half + Math.sqrt(half ** 2 + 169);
}

function absoluteDelay(delayMs: number): number {
  if (delayMs <= 100) return 0;
  const octaves = Math.log2(delayMs / 100);
  return 25 * ((1 + octaves ** 6) ** (1 / 6) - 3 * (1 + (octaves / 3) ** 6) ** (1 / 6) + 2);
}
