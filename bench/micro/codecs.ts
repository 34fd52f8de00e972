/** Codecs on recorded speech, 20 ms at a time, beside the same libopus without WebAssembly. */
import { openSystemOpus } from "../../gateway/io/system-opus.ts";
import {
  type CodecName,
  type Codecs,
  loadCodecs,
  type OpusEncoderOptions,
  type PcmRate,
} from "../../media-wasm/codec.ts";
import { recordedSpeech } from "../audio/speech.ts";
import type { MicroResult } from "./micro.ts";
import { timed } from "./timing.ts";

/** What the gateway asks of libopus by itself, in the two modes it has. */
const MODES: { mode: "low-delay" | "resilient"; bitrate: number; complexity: number }[] = [
  { mode: "low-delay", bitrate: 32_000, complexity: 0 },
  { mode: "resilient", bitrate: 28_000, complexity: 0 },
];

export async function codecResults(): Promise<MicroResult[]> {
  const codecs = await loadCodecs();
  const system = openSystemOpus();
  const native = system && (await loadCodecs(system));
  return [
    ...MODES.flatMap((settings) => opusResults(codecs, native, settings)),
    ...plainResults(codecs, "G722", 16_000),
    ...plainResults(codecs, "PCMA", 8_000),
  ];
}

function opusResults(
  codecs: Codecs,
  native: Codecs | undefined,
  settings: Required<Pick<OpusEncoderOptions, "mode" | "bitrate" | "complexity">>,
): MicroResult[] {
  const frames = speechFrames(16_000);
  const { mode } = settings;
  const encoder = codecs.encoder("opus", 16_000, settings);
  const payloads = frames.map((pcm) => encoder.encode(pcm).slice());
  const decoder = codecs.decoder("opus", 16_000);
  const nativeEncoder = native?.encoder("opus", 16_000, settings);
  const nativeDecoder = native?.decoder("opus", 16_000);
  return [
    {
      name: `Opus encode, ${mode}, 16 kHz`,
      ours: timed(inTurn(frames, (pcm) => encoder.encode(pcm))),
      theirs: nativeEncoder && timed(inTurn(frames, (pcm) => nativeEncoder.encode(pcm))),
      beside: "libopus, native",
    },
    {
      name: `Opus decode, ${mode}, 16 kHz`,
      ours: timed(inTurn(payloads, (payload) => decoder.decode(payload))),
      theirs: nativeDecoder && timed(inTurn(payloads, (payload) => nativeDecoder.decode(payload))),
      beside: "libopus, native",
    },
  ];
}

function plainResults(codecs: Codecs, name: CodecName, rate: PcmRate): MicroResult[] {
  const frames = speechFrames(rate);
  const encoder = codecs.encoder(name, rate);
  const decoder = codecs.decoder(name, rate);
  const payloads = frames.map((pcm) => encoder.encode(pcm).slice());
  return [
    { name: `${name} encode`, ours: timed(inTurn(frames, (pcm) => encoder.encode(pcm))) },
    { name: `${name} decode`, ours: timed(inTurn(payloads, (octets) => decoder.decode(octets))) },
  ];
}

function speechFrames(rate: PcmRate): Int16Array[] {
  const { pcm } = recordedSpeech("waiting", rate);
  const size = rate / 50;
  return Array.from({ length: Math.floor(pcm.length / size) }, (_, index) =>
    pcm.slice(index * size, (index + 1) * size),
  );
}

/** Does it with one after the other, again and again. */
function inTurn<Item>(items: readonly Item[], act: (item: Item) => unknown): () => void {
  let at = 0;
  return () => {
    const item = items[at];
    at = at + 1 === items.length ? 0 : at + 1;
    if (item !== undefined) act(item);
  };
}
