/** What libopus-wasm's generated module has and we use. Pointers and sizes are numbers. */
declare module "*/libopus.generated.mjs" {
  interface LibopusModule {
    /** Views on the memory; new ones each time it grows. */
    HEAPU8: Uint8Array;
    HEAP16: Int16Array;
    HEAP32: Int32Array;
    _malloc(sizeBytes: number): number;
    _free(pointer: number): void;
    _oc_create_encoder(rate: number, channels: number, application: number, error: number): number;
    _oc_destroy_encoder(encoder: number): void;
    _oc_encode(
      encoder: number,
      pcm: number,
      samples: number,
      packet: number,
      packetBytesMax: number,
    ): number;
    _oc_encoder_ctl(encoder: number, request: number, value: number): number;
    _oc_create_decoder(rate: number, channels: number, error: number): number;
    _oc_destroy_decoder(decoder: number): void;
    _oc_decode(
      decoder: number,
      packet: number,
      packetBytes: number,
      pcm: number,
      samplesMax: number,
      fec: number,
    ): number;
  }
  export default function instantiate(): Promise<LibopusModule>;
}
