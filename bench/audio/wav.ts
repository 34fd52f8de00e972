/**
 * WAV files as the programs around us read and write them: RIFF, 16-bit PCM. Reads any number of
 * channels and takes the first; writes one. Above: the tests, the bench. Below nothing.
 */

/** Mono audio, 16-bit signed. */
export interface Audio {
  pcm: Int16Array;
  sampleRate: number;
}

const HEADER_BYTES = 44;
const FORMAT_PCM = 1;
/** The real format is in the extension; for 16 bits it can only be PCM. */
const FORMAT_EXTENSIBLE = 0xfffe;

/**
 * Reads a WAV file's bytes; undefined if it is no 16-bit PCM. A length of 0 or beyond the end, as
 * programs leave that are still recording or were killed, means all there is.
 */
export function readWav(bytes: Uint8Array): Audio | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 12 || chunkName(view, 0) !== "RIFF" || chunkName(view, 8) !== "WAVE") {
    return undefined;
  }
  let format: { channels: number; sampleRate: number } | undefined;
  for (let offset = 12; offset + 8 <= bytes.length; ) {
    const name = chunkName(view, offset);
    const start = offset + 8;
    const length = view.getUint32(offset + 4, true);
    if (name === "fmt " && start + 16 <= bytes.length) {
      const kind = view.getUint16(start, true);
      const bits = view.getUint16(start + 14, true);
      if ((kind !== FORMAT_PCM && kind !== FORMAT_EXTENSIBLE) || bits !== 16) return undefined;
      const channels = view.getUint16(start + 2, true);
      format = { channels: Math.max(1, channels), sampleRate: view.getUint32(start + 4, true) };
    }
    if (name === "data" && format) {
      const left = bytes.length - start;
      const dataBytes = length === 0 || length > left ? left : length;
      const { channels, sampleRate } = format;
      return { pcm: samplesOf(view, start, dataBytes, channels), sampleRate };
    }
    offset = start + length + (length & 1);
  }
  return undefined;
}

/** The bytes of a WAV file. */
export function writeWav({ pcm, sampleRate }: Audio): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + 2 * pcm.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("RIFF....WAVEfmt "), 0);
  view.setUint32(4, bytes.length - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, FORMAT_PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  bytes.set(new TextEncoder().encode("data"), 36);
  view.setUint32(40, 2 * pcm.length, true);
  for (let index = 0; index < pcm.length; index++) {
    view.setInt16(HEADER_BYTES + 2 * index, pcm[index] ?? 0, true);
  }
  return bytes;
}

function chunkName(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
}

function samplesOf(view: DataView, start: number, bytes: number, channels: number): Int16Array {
  const pcm = new Int16Array(Math.floor(bytes / (2 * channels)));
  for (let index = 0; index < pcm.length; index++) {
    pcm[index] = view.getInt16(start + 2 * channels * index, true);
  }
  return pcm;
}
