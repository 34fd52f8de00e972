/** What the page's user hears: every stream that plays, mixed, and kept as PCM while asked to. */

const WORKLET = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
});`;
const PIECE_BYTES = 8_192;

let context: AudioContext | undefined;
let tap: Promise<AudioWorkletNode> | undefined;
let pieces: Int16Array[] | undefined;

async function makeTap(): Promise<AudioWorkletNode> {
  context = new AudioContext({ sampleRate: 48_000 });
  const url = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
  await context.audioWorklet.addModule(url);
  const node = new AudioWorkletNode(context, "tap");
  node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
    pieces?.push(Int16Array.from(data, (it) => Math.max(-32_768, Math.min(32_767, it * 32_768))));
  };
  await context.resume();
  return node;
}

/** Plays a stream, as a page does, and taps it. */
export function hear(stream: MediaStream): void {
  const element = new Audio();
  element.srcObject = stream;
  void element.play();
  tap ??= makeTap();
  void tap.then((node) => context?.createMediaStreamSource(stream).connect(node));
}

/** What is heard during the next `forMs`: signed 16-bit mono at 48 kHz, little-endian, in base64. */
export async function listen(forMs: number): Promise<string> {
  const heard: Int16Array[] = [];
  pieces = heard;
  await new Promise((resolve) => setTimeout(resolve, forMs));
  pieces = undefined;
  const samples = new Int16Array(heard.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of heard) {
    samples.set(piece, at);
    at += piece.length;
  }
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    text += String.fromCharCode(...bytes.subarray(start, start + PIECE_BYTES));
  }
  return btoa(text);
}
