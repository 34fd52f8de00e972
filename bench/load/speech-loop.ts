/**
 * What load calls say: recorded speech, coded once before the run, so that sending costs no codec.
 * Every call starts one of several voices somewhere else in it: that is its fingerprint, by which
 * swapped audio is found out. Above: call-ends.ts, hearing.ts. Below: bench/audio, the codecs.
 */
import { type Codecs, loadCodecs } from "../../media-wasm/codec.ts";
import { resample } from "../audio/resample.ts";
import { tone } from "../audio/signal.ts";
import { recordedSpeech } from "../audio/speech.ts";
import type { LoadCodec } from "./codecs.ts";

export const FRAME_MS = 20;
/** How much faster than recorded a voice speaks: another pitch and other formants. */
const SPEEDS = [1, 0.93, 1.08];
const SENTENCES = ["waiting", "ships"] as const;
/** Different voices there are. */
export const VOICES = SPEEDS.length * SENTENCES.length;

export interface SpeechLoop {
  /** RTP payloads of 20 ms each; after the last comes the first. */
  readonly frames: readonly Uint8Array[];
  /** What a decoder makes of them, frame by frame, at `codec.rate`. */
  readonly decoded: Int16Array;
}

/** Where a call is in its voice. */
export interface Fingerprint {
  readonly voice: number;
  /** The frame it begins with, as a share of the loop. */
  readonly start: number;
}

/** Of call `index` of `calls`; no two ends of calls have the same. `side` keeps the two ends apart. */
export function fingerprintOf(
  index: number,
  calls: number,
  side: "softphone" | "pbx",
): Fingerprint {
  const shift = side === "pbx" ? VOICES / 2 : 0;
  const rounds = Math.max(1, Math.ceil(calls / VOICES));
  const round = Math.floor(index / VOICES);
  const offset = side === "pbx" ? 0.5 / rounds : 0;
  return { voice: (index + shift) % VOICES, start: (round / rounds + offset) % 1 };
}

/** The voices in one codec, each coded once. */
export class SpeechLoops {
  readonly #codecs: Codecs;
  readonly #made = new Map<string, SpeechLoop>();

  private constructor(codecs: Codecs) {
    this.#codecs = codecs;
  }

  static async load(): Promise<SpeechLoops> {
    return new SpeechLoops(await loadCodecs());
  }

  get codecs(): Codecs {
    return this.#codecs;
  }

  of(voice: number, codec: LoadCodec): SpeechLoop {
    const key = `${codec.name} ${voice}`;
    const known = this.#made.get(key);
    if (known) return known;
    const made = this.#code(pcmOf(voice, codec.rate), codec);
    this.#made.set(key, made);
    return made;
  }

  /** A second of a tone, whose end fits its beginning. */
  hum(hertz: number, levelDbov: number, codec: LoadCodec): SpeechLoop {
    const key = `${codec.name} ${hertz} Hz ${levelDbov}`;
    const known = this.#made.get(key);
    if (known) return known;
    const { pcm } = tone(hertz, { sampleRate: codec.rate, durationMs: 1_000, levelDbov });
    const made = this.#code(pcm, codec);
    this.#made.set(key, made);
    return made;
  }

  /** Twice round, and the second is kept: where the loop closes, coder and decoder are warm. */
  #code(pcm: Int16Array, { name, rate, opus }: LoadCodec): SpeechLoop {
    const size = (rate * FRAME_MS) / 1_000;
    const count = Math.floor(pcm.length / size);
    const encoder = this.#codecs.encoder(name, rate, opus);
    const decoder = this.#codecs.decoder(name, rate);
    const frames: Uint8Array[] = [];
    const decoded = new Int16Array(count * size);
    for (let index = 0; index < 2 * count; index++) {
      const at = (index % count) * size;
      const payload = encoder.encode(pcm.subarray(at, at + size)).slice();
      const heard = decoder.decode(payload);
      if (index < count) continue;
      frames.push(payload);
      decoded.set(heard.subarray(0, size), at);
    }
    encoder.close();
    decoder.close();
    return { frames, decoded };
  }
}

function pcmOf(voice: number, rate: number): Int16Array {
  const sentence = SENTENCES[voice % SENTENCES.length] ?? "waiting";
  const speed = SPEEDS[Math.floor(voice / SENTENCES.length) % SPEEDS.length] ?? 1;
  const { pcm } = recordedSpeech(sentence);
  // Taken for audio of another rate, it comes out faster or slower.
  return resample({ pcm, sampleRate: 16_000 * speed }, rate).pcm;
}
