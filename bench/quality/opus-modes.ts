/**
 * How each way the gateway encodes Opus sounds to a softphone whose network loses packets: recorded
 * speech, coded, lost by the same chance for every way, decoded as browsers do (the copy in the next
 * packet where there is one, else concealed), compared with the speech itself. No gateway and no
 * clock: the same figures on every machine. What opus-policy.ts decides by. Above: command.ts.
 */
import type { Codecs, OpusEncoderOptions } from "../../media-wasm/codec.ts";
import { comparePlaced } from "../audio/compare.ts";
import { stoi } from "../audio/intelligibility.ts";
import { shifted } from "../audio/resample.ts";
import { type RecordedSentence, recordedSpeech } from "../audio/speech.ts";
import { Impairment } from "../load/impairment.ts";

export interface OpusWay {
  readonly name: string;
  readonly options: OpusEncoderOptions;
}

/** The two modes as they are used; then what they could be. */
export const OPUS_WAYS: readonly OpusWay[] = [
  { name: "CELT (low-delay)", options: { mode: "low-delay" } },
  { name: "VOIP, FEC (resilient)", options: { mode: "resilient" } },
  { name: "VOIP, no FEC", options: { mode: "resilient", fec: false } },
  { name: "CELT, 40 kbit/s", options: { mode: "low-delay", bitrate: 40_000 } },
  { name: "VOIP, FEC, complexity 5", options: { mode: "resilient", complexity: 5 } },
];

export interface OpusScore {
  /** Segmental, dB. */
  readonly snrDb: number;
  /** 0 to 1. */
  readonly stoi: number;
  readonly kbitPerSecond: number;
}

const RATE = 16_000;
const FRAME = RATE / 50;
const SENTENCES: readonly RecordedSentence[] = ["waiting", "ships"];
/** Each sentence is lost from in so many ways: rare losses fall on many sounds. */
const SEEDS = 3;
const BAND_HZ = 7_000;

/** The mean over both voices and all seeds. */
export function scoreOf(
  codecs: Codecs,
  { options }: OpusWay,
  network: { readonly loss: number; readonly burst: number },
): OpusScore {
  const scores = SENTENCES.flatMap((sentence) => {
    const { pcm } = recordedSpeech(sentence, RATE);
    const said = Float64Array.from(pcm);
    const packets = encoded(codecs, pcm, options);
    const bytes = packets.reduce((sum, { length }) => sum + length, 0);
    const kbitPerSecond = (bytes * 8) / (packets.length * 20);
    const { delayMs } = comparePlaced(
      said,
      heard(codecs, packets, () => false),
      0,
      BAND_HZ,
    );
    const lag = Math.round((delayMs * RATE) / 1_000);
    const seeds = network.loss === 0 ? 1 : SEEDS;
    return Array.from({ length: seeds }, (_, seed): OpusScore => {
      const impairment = new Impairment({ ...network, jitterMs: 0 }, 1 + seed);
      const wave = heard(codecs, packets, () => impairment.next() === undefined);
      const { snrDb } = comparePlaced(said, wave, lag, BAND_HZ);
      return { snrDb, stoi: stoi(said, shifted(wave, lag, said.length)), kbitPerSecond };
    });
  });
  const mean = (of: (score: OpusScore) => number) =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length;
  return {
    snrDb: mean((score) => score.snrDb),
    stoi: mean((score) => score.stoi),
    kbitPerSecond: mean((score) => score.kbitPerSecond),
  };
}

function encoded(codecs: Codecs, pcm: Int16Array, options: OpusEncoderOptions): Uint8Array[] {
  const encoder = codecs.encoder("opus", RATE, options);
  const packets: Uint8Array[] = [];
  for (let at = 0; at + FRAME <= pcm.length; at += FRAME) {
    packets.push(encoder.encode(pcm.subarray(at, at + FRAME)).slice());
  }
  encoder.close();
  return packets;
}

function heard(
  codecs: Codecs,
  packets: readonly Uint8Array[],
  isLost: () => boolean,
): Float64Array {
  const decoder = codecs.decoder("opus", RATE);
  const pcm = new Float64Array(packets.length * FRAME);
  const lost = packets.map((_, index) => index > 0 && isLost());
  packets.forEach((packet, index) => {
    const next = lost[index + 1] ? undefined : packets[index + 1];
    const frame = !lost[index]
      ? decoder.decode(packet)
      : next
        ? decoder.decodeFec?.(next, FRAME)
        : decoder.conceal(FRAME);
    if (frame) pcm.set(frame, index * FRAME);
  });
  decoder.close();
  return pcm;
}
