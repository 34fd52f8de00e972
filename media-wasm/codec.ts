/**
 * One face for every codec: PCM on one side, RTP payload on the other. Opus (RFC 6716) runs on
 * libopus and at whichever rate the other leg's codec has, so that nothing is resampled; G.722 runs
 * at 16 kHz in our own WebAssembly, G.711 at 8 kHz in tables.
 * Above: the media worker, which loads the codecs once. Below: one folder for each codec.
 */

import { G711Decoder, G711Encoder } from "./g711/g711.ts";
import { loadG722 } from "./g722/g722.ts";
import { instantiateLibopus, type Libopus } from "./opus/libopus.ts";
import { opusOver } from "./opus/opus.ts";

export type CodecName = "opus" | "G722" | "PCMA" | "PCMU";
export type PcmRate = 8_000 | 16_000;

/** PCM is mono, 16-bit signed. Buffers belong to the codec and are reused: read them at once. */
export interface Encoder {
  readonly sampleRate: PcmRate;
  /**
   * Encodes one packet, at most 120 ms. Opus takes 2.5, 5, 10, 20, 40 or 60 ms; G.722 takes pairs
   * of samples and leaves an odd last one out. A length it can't take throws a RangeError.
   */
  encode(pcm: Int16Array): Uint8Array;
  /** Forgets what it heard, as if new. */
  reset(): void;
  /** Frees it; it must not be used afterwards. */
  close(): void;
}

export interface Decoder {
  readonly sampleRate: PcmRate;
  /** Never throws: a payload that can't be decoded (or lasts over 120 ms) is concealed. */
  decode(payload: Uint8Array): Int16Array;
  /** Makes up `samples` samples, at most 120 ms, for packets that were lost. */
  conceal(samples: number): Int16Array;
  /** Opus: the packet lost before `payload`, from the copy in it (RFC 6716 §2.1.7), else made up. */
  decodeFec?(payload: Uint8Array, samples: number): Int16Array;
  /** Forgets what it heard, as if new. */
  reset(): void;
  /** Frees it; it must not be used afterwards. */
  close(): void;
}

export interface OpusEncoderOptions {
  /**
   * `low-delay`: CELT alone, the cheapest by far. `resilient`: SILK and in-band FEC, for a receiver
   * that reports loss.
   */
  mode?: "low-delay" | "resilient";
  /** Bits a second. */
  bitrate?: number;
  /** 0 to 10: what libopus may spend. */
  complexity?: number;
  /** In-band FEC; `resilient` has it unless told otherwise, `low-delay` can't. */
  fec?: boolean;
}

export interface Codecs {
  /** Throws a RangeError where the codec doesn't run at `sampleRate`. Options are for Opus. */
  encoder(name: CodecName, sampleRate: PcmRate, options?: OpusEncoderOptions): Encoder;
  decoder(name: CodecName, sampleRate: PcmRate): Decoder;
}

/** Instantiates the WebAssembly modules: once for each thread. `libopus`: another than there. */
export async function loadCodecs(libopus?: Libopus): Promise<Codecs> {
  const [g722, used] = await Promise.all([loadG722(), libopus ?? instantiateLibopus()]);
  const opus = opusOver(used);
  return {
    encoder(name, sampleRate, options = {}) {
      if (name === "opus") return opus.encoder(sampleRate, options);
      requireRate(name, sampleRate);
      return name === "G722" ? g722.encoder() : new G711Encoder(name);
    },
    decoder(name, sampleRate) {
      if (name === "opus") return opus.decoder(sampleRate);
      requireRate(name, sampleRate);
      return name === "G722" ? g722.decoder() : new G711Decoder(name);
    },
  };
}

function requireRate(name: CodecName, sampleRate: PcmRate): void {
  const native = name === "G722" ? 16_000 : 8_000;
  if (sampleRate !== native) throw new RangeError(`${name} does not run at ${sampleRate} Hz`);
}
