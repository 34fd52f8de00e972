/** The codecs of load calls as both ends write them in SDP. */
import type { CodecName, OpusEncoderOptions, PcmRate } from "../../media-wasm/codec.ts";

export interface LoadCodec {
  readonly name: CodecName;
  readonly payloadType: number;
  /** In SDP. */
  readonly map: string;
  /** RTP ticks in 20 ms. */
  readonly ticks: number;
  /** At which it is decoded to be heard. */
  readonly rate: PcmRate;
  readonly opus?: OpusEncoderOptions;
}

export const LOAD_CODECS: Record<CodecName, LoadCodec> = {
  opus: {
    name: "opus",
    payloadType: 111,
    map: "opus/48000/2",
    ticks: 960,
    rate: 16_000,
    // As Chromium sends speech: VOIP, SILK with FEC or hybrid, not what the gateway itself chooses.
    opus: { mode: "resilient", bitrate: 32_000, complexity: 9 },
  },
  G722: { name: "G722", payloadType: 9, map: "G722/8000", ticks: 160, rate: 16_000 },
  PCMA: { name: "PCMA", payloadType: 8, map: "PCMA/8000", ticks: 160, rate: 8_000 },
  PCMU: { name: "PCMU", payloadType: 0, map: "PCMU/8000", ticks: 160, rate: 8_000 },
};

/** Not opus only by its exact spelling: people write g722 and OPUS. */
export function codecNamed(text: string): LoadCodec | undefined {
  const lower = text.toLowerCase();
  return Object.values(LOAD_CODECS).find(({ name }) => name.toLowerCase() === lower);
}
