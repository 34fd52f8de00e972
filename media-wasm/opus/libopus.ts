/**
 * libopus as the codec needs it, whichever way it runs: in WebAssembly, which every machine has, or
 * the system's own, which is quicker. Handles and pointers are numbers, 0 is none; results below 0
 * are libopus's error codes. Above: opus.ts. Below: libopus-wasm's generated module, or what is
 * handed in.
 */
import instantiate from "../../node_modules/libopus-wasm/dist/generated/libopus.generated.mjs";

/** A piece of memory that packets and PCM pass through, for as long as the instance lives. */
export interface LibopusMemory {
  /** Where it is, for libopus. */
  readonly pointer: number;
  readonly bytes: Uint8Array;
  readonly int16: Int16Array;
}

export interface Libopus {
  /** `sizeBytes` is even. Throws where there is no memory. */
  memory(sizeBytes: number): LibopusMemory;
  createEncoder(rate: number, application: number): number;
  destroyEncoder(encoder: number): void;
  setEncoder(encoder: number, request: number, value: number): number;
  /** Encodes `samples` at `pcm`; the packet's length. */
  encode(
    encoder: number,
    pcm: number,
    samples: number,
    packet: number,
    packetBytesMax: number,
  ): number;
  createDecoder(rate: number): number;
  destroyDecoder(decoder: number): void;
  /** Decodes, or makes up audio where `packet` is 0; how many samples. In WebAssembly it may trap. */
  decode(
    decoder: number,
    packet: number,
    packetBytes: number,
    pcm: number,
    samplesMax: number,
    fec: boolean,
  ): number;
}

type Module = Awaited<ReturnType<typeof instantiate>>;

/** A new instance in WebAssembly: what goes wrong in it stays there. */
export async function instantiateLibopus(): Promise<Libopus> {
  const module = await instantiate();
  return {
    memory: (sizeBytes) => new ModuleMemory(module, sizeBytes),
    createEncoder: (rate, application) => module._oc_create_encoder(rate, 1, application, 0),
    destroyEncoder: (encoder) => module._oc_destroy_encoder(encoder),
    setEncoder: (encoder, request, value) => module._oc_encoder_ctl(encoder, request, value),
    encode: (encoder, pcm, samples, packet, packetBytesMax) =>
      module._oc_encode(encoder, pcm, samples, packet, packetBytesMax),
    createDecoder: (rate) => module._oc_create_decoder(rate, 1, 0),
    destroyDecoder: (decoder) => module._oc_destroy_decoder(decoder),
    decode: (decoder, packet, packetBytes, pcm, samplesMax, fec) =>
      module._oc_decode(decoder, packet, packetBytes, pcm, samplesMax, fec ? 1 : 0),
  };
}

/** The module's memory may grow when a codec is made, which detaches every view: they are renewed. */
class ModuleMemory implements LibopusMemory {
  readonly pointer: number;
  readonly #module: Module;
  readonly #sizeBytes: number;
  #bytes: Uint8Array;
  #int16: Int16Array;

  constructor(module: Module, sizeBytes: number) {
    this.#module = module;
    this.#sizeBytes = sizeBytes;
    this.pointer = module._malloc(sizeBytes);
    if (this.pointer === 0) throw new Error("libopus has no memory for its buffers");
    this.#bytes = new Uint8Array(module.HEAPU8.buffer, this.pointer, sizeBytes);
    this.#int16 = new Int16Array(module.HEAPU8.buffer, this.pointer, sizeBytes / 2);
  }

  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#renew();
    return this.#bytes;
  }

  get int16(): Int16Array {
    if (this.#int16.length === 0) this.#renew();
    return this.#int16;
  }

  #renew(): void {
    const { buffer } = this.#module.HEAPU8;
    this.#bytes = new Uint8Array(buffer, this.pointer, this.#sizeBytes);
    this.#int16 = new Int16Array(buffer, this.pointer, this.#sizeBytes / 2);
  }
}
