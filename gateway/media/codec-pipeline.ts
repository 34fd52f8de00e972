/**
 * One direction's codecs: decode, resample where the two rates differ, cut to the other side's
 * packet length, encode. Opus runs at the other codec's own rate (RFC 6716 lets each side choose),
 * so only G.722 with G.711 resamples. Above: the transcoder. Below: media-wasm.
 */

import type { Codecs, Decoder, Encoder, PcmRate } from "../../media-wasm/codec.ts";
import type { Millis } from "../machine.ts";
import type { DigitDetector } from "./digit-detector.ts";
import type { OpusMode } from "./opus-policy.ts";
import type { Codec, CodecName } from "./protocol.ts";
import { Downsampler, type Resampler, Upsampler } from "./resampler.ts";

/** Packet lengths Opus has (RFC 6716 §2.1.4), of those SDP may ask for; else 20 ms. */
const OPUS_PTIMES_MS = [10, 20, 40, 60];

/** Takes the packets that come out. */
export interface PayloadSink {
  /** `payload` is valid until the next packet is encoded. */
  payload(payload: Uint8Array, now: Millis): void;
}

interface Source {
  decoder: Decoder;
  resampler: Resampler | undefined;
}

export class CodecPipeline {
  /** Of the PCM the encoder takes. */
  readonly rate: PcmRate;
  /** Length of the packets that come out, in the outgoing clock's ticks. */
  readonly ticksPerPacket: number;
  /** Hears all that is decoded; what it takes for a key goes on as silence. */
  detector: DigitDetector | undefined;

  readonly #codecs: Codecs;
  readonly #sink: PayloadSink;
  readonly #output: Codec;
  readonly #sources = new Map<CodecName, Source>();
  #encoder: Encoder | undefined;
  #mode: OpusMode = "low-delay";
  /** PCM that doesn't fill a packet yet. */
  readonly #frame: Int16Array;
  #filled = 0;

  constructor(codecs: Codecs, receive: readonly Codec[], output: Codec, sink: PayloadSink) {
    this.#codecs = codecs;
    this.#sink = sink;
    this.#output = output;
    this.rate =
      nativeRate(output.name) ?? (receive.every(({ name }) => isNarrow(name)) ? 8_000 : 16_000);
    const ptimeMs =
      output.name === "opus" && !OPUS_PTIMES_MS.includes(output.ptimeMs) ? 20 : output.ptimeMs;
    this.ticksPerPacket = (output.clockRate * ptimeMs) / 1_000;
    this.#frame = new Int16Array((this.rate * ptimeMs) / 1_000);
  }
  /** Samples that wait for more, in the outgoing clock's ticks; they are forgotten. */
  discard(): number {
    const samples = this.#filled;
    this.#filled = 0;
    return (samples * this.#output.clockRate) / this.rate;
  }

  /** Decodes one packet and sends what it completes. */
  decode(name: CodecName, payload: Uint8Array, now: Millis): void {
    const source = this.#source(name);
    const pcm = this.#converted(source, source.decoder.decode(payload));
    if (this.detector?.hear(pcm)) pcm.fill(0);
    this.feed(pcm, now);
  }

  /** The mean magnitude of a packet's samples, 0 where they are a key's; nothing is sent. */
  overhear(name: CodecName, payload: Uint8Array): number {
    const source = this.#source(name);
    const pcm = this.#converted(source, source.decoder.decode(payload));
    if (this.detector?.hear(pcm)) return 0;
    let sum = 0;
    for (let index = 0; index < pcm.length; index++) sum += Math.abs(pcm[index] ?? 0);
    return sum / Math.max(1, pcm.length);
  }

  /** Makes up `durationMs` of audio for what was lost. */
  conceal(name: CodecName, durationMs: number, now: Millis): void {
    const source = this.#source(name);
    const samples = Math.round((source.decoder.sampleRate * durationMs) / 1_000);
    const pcm = this.#converted(source, source.decoder.conceal(samples));
    this.detector?.skip(durationMs);
    if (this.detector?.sounding) pcm.fill(0);
    this.feed(pcm, now);
  }

  /**
   * Makes up the `durationMs` before `payload`: from the copy it carries of the packet before it
   * (RFC 6716 §2.1.7) if its codec can, else as `conceal` does.
   */
  recover(name: CodecName, payload: Uint8Array, durationMs: number, now: Millis): void {
    const source = this.#source(name);
    const { decoder } = source;
    if (!decoder.decodeFec) {
      this.conceal(name, durationMs, now);
      return;
    }
    const samples = Math.round((decoder.sampleRate * durationMs) / 1_000);
    const pcm = this.#converted(source, decoder.decodeFec(payload, samples));
    if (this.detector?.hear(pcm)) pcm.fill(0);
    this.feed(pcm, now);
  }

  /** Takes audio at the pipeline's own rate. */
  feed(pcm: Int16Array, now: Millis): void {
    const frame = this.#frame;
    if (this.#filled === 0 && pcm.length === frame.length) {
      this.#encode(pcm, now);
      return;
    }
    // A plain loop: `set` would need a view made for each piece.
    for (let index = 0; index < pcm.length; index++) {
      frame[this.#filled] = pcm[index] ?? 0;
      this.#filled += 1;
      if (this.#filled < frame.length) continue;
      this.#filled = 0;
      this.#encode(frame, now);
    }
  }

  /** Lets the open packet, if there is one, run into a silence of `ticks`; how many it took. */
  pad(ticks: number, now: Millis): number {
    if (this.#filled === 0) return 0;
    const frame = this.#frame;
    const wanted = Math.floor((ticks * this.rate) / this.#output.clockRate);
    const samples = Math.min(wanted, frame.length - this.#filled);
    frame.fill(0, this.#filled, this.#filled + samples);
    this.#filled += samples;
    if (this.#filled === frame.length) {
      this.#filled = 0;
      this.#encode(frame, now);
    }
    return (samples * this.#output.clockRate) / this.rate;
  }

  /** Changes how Opus is encoded; nothing for another codec. */
  setOpusMode(mode: OpusMode): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#encoder?.close();
    this.#encoder = undefined;
  }

  /** Frees the codecs. */
  close(): void {
    this.#encoder?.close();
    for (const { decoder } of this.#sources.values()) decoder.close();
    this.#sources.clear();
  }

  /** At the encoder's rate. Valid until the source decodes again; it may be overwritten. */
  #converted({ resampler }: Source, decoded: Int16Array): Int16Array {
    return resampler ? resampler.process(decoded) : decoded;
  }

  #encode(pcm: Int16Array, now: Millis): void {
    this.#encoder ??= this.#codecs.encoder(this.#output.name, this.rate, { mode: this.#mode });
    this.#sink.payload(this.#encoder.encode(pcm), now);
  }

  #source(name: CodecName): Source {
    let source = this.#sources.get(name);
    if (!source) {
      const rate = nativeRate(name) ?? this.rate;
      const resampler =
        rate === this.rate ? undefined : rate > this.rate ? new Downsampler() : new Upsampler();
      source = { decoder: this.#codecs.decoder(name, rate), resampler };
      this.#sources.set(name, source);
    }
    return source;
  }
}

function isNarrow(name: CodecName): boolean {
  return nativeRate(name) === 8_000;
}

function nativeRate(name: CodecName): PcmRate | undefined {
  if (name === "opus") return undefined;
  return name === "G722" ? 16_000 : 8_000;
}
