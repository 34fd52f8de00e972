/**
 * The system's libopus (Debian's `libopus0`), called directly where it is installed: the same codec
 * as in WebAssembly, quicker because it is compiled for the machine. Its face is media-wasm's, which
 * the media worker hands it to. What is no packet is libopus's to refuse, as in every browser: here
 * it has no sandbox. Above: the media worker. Below: the operating system.
 */
import { dlopen, type Pointer, ptr } from "bun:ffi";

type SystemOpus = ReturnType<typeof faceOf>;

/** Undefined where the library isn't there, or we don't know how it is called. */
export function openSystemOpus(): SystemOpus | undefined {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) return undefined;
  try {
    return faceOf(openLibrary());
  } catch {
    return undefined;
  }
}

function openLibrary() {
  return dlopen("libopus.so.0", {
    opus_encoder_create: { args: ["i32", "i32", "i32", "ptr"], returns: "ptr" },
    opus_encoder_destroy: { args: ["ptr"], returns: "void" },
    // Variable arguments: on both architectures an int is passed as any other.
    opus_encoder_ctl: { args: ["ptr", "i32", "i32"], returns: "i32" },
    opus_encode: { args: ["ptr", "ptr", "i32", "ptr", "i32"], returns: "i32" },
    opus_decoder_create: { args: ["i32", "i32", "ptr"], returns: "ptr" },
    opus_decoder_destroy: { args: ["ptr"], returns: "void" },
    opus_decode: { args: ["ptr", "ptr", "i32", "ptr", "i32", "i32"], returns: "i32" },
  }).symbols;
}

function faceOf(library: ReturnType<typeof openLibrary>) {
  const { opus_encode, opus_decode } = library;
  return {
    memory: (sizeBytes: number) => {
      // The buffer first: JavaScriptCore moves a short array that was made without one.
      const buffer = new ArrayBuffer(sizeBytes);
      const [bytes, int16] = [new Uint8Array(buffer), new Int16Array(buffer)];
      return { pointer: Number(ptr(bytes)), bytes, int16 };
    },
    createEncoder: (rate: number, application: number) =>
      Number(library.opus_encoder_create(rate, 1, application, null) ?? 0),
    destroyEncoder: (encoder: number) => library.opus_encoder_destroy(encoder as Pointer),
    setEncoder: (encoder: number, request: number, value: number) =>
      library.opus_encoder_ctl(encoder as Pointer, request, value),
    encode: (
      encoder: number,
      pcm: number,
      samples: number,
      packet: number,
      packetBytesMax: number,
    ) =>
      opus_encode(encoder as Pointer, pcm as Pointer, samples, packet as Pointer, packetBytesMax),
    createDecoder: (rate: number) => Number(library.opus_decoder_create(rate, 1, null) ?? 0),
    destroyDecoder: (decoder: number) => library.opus_decoder_destroy(decoder as Pointer),
    decode: (
      decoder: number,
      packet: number,
      packetBytes: number,
      pcm: number,
      samplesMax: number,
      fec: boolean,
    ) => {
      const from = (packet || null) as Pointer | null;
      const to = pcm as Pointer;
      return opus_decode(decoder as Pointer, from, packetBytes, to, samplesMax, fec ? 1 : 0);
    },
  };
}
