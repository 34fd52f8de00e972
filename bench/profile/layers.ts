/** Where samples of `perf script` lie: by layer of the gateway, from the innermost frame outwards. */
import type { JitDump } from "./jit-dump.ts";

export type Layer =
  | "Opus"
  | "G.722"
  | "SRTP"
  | "UDP in the kernel"
  | "UDP and event loop in Bun"
  | "JavaScript"
  | "compiler and collector"
  | "main thread";

const SRTP = /\b(?:un)?protectRtc?p\b|[cC]ipheriv|\bHmac\b/;
const SENDS = /#send\b|\bsend\b/;
/** How far below libopus's own functions the C library's are. */
const NATIVE_DEPTH = 3;
/** What the gateway's threads are called by the kernel. */
const WORKER = "Worker";
const MAIN = /^(?:bun|bun\.exe|jackfield)$/;

/**
 * Samples by layer. `script` is what `perf script -F comm,ip,dso` prints with call chains; `isG722`
 * tells that codec's WebAssembly from libopus's.
 */
export function layersOf(
  script: string,
  dump: JitDump,
  isG722: (name: string) => boolean,
): Map<Layer, number> {
  const layers = new Map<Layer, number>();
  for (const { thread, frames } of samplesIn(script)) {
    const layer = layerOfSample(thread, frames, dump, isG722);
    layers.set(layer, (layers.get(layer) ?? 0) + 1);
  }
  return layers;
}

/** A sample's thread and its frames, the innermost first. */
export function* samplesIn(
  script: string,
): Generator<{ readonly thread: string; readonly frames: readonly string[] }> {
  for (const sample of script.split("\n\n")) {
    const [head, ...frames] = sample.trim().split("\n");
    if (head && frames.length > 0) yield { thread: head.trim(), frames };
  }
}

export function layerOfSample(
  thread: string,
  frames: readonly string[],
  dump: JitDump,
  isG722: (name: string) => boolean,
): Layer {
  if (MAIN.test(thread)) return "main thread";
  if (thread !== WORKER) return "compiler and collector";
  const [leaf = ""] = frames;
  if (leaf.includes("[kernel")) return "UDP in the kernel";
  const names = frames.map((frame) =>
    dump.nameAt(Number.parseInt(frame.trim().split(/\s/)[0] ?? "", 16)),
  );
  if (frames.slice(0, NATIVE_DEPTH).some((frame) => frame.includes("libopus.so"))) return "Opus";
  if (names[0]?.includes("wasm-function")) return isG722(names[0]) ? "G.722" : "Opus";
  const functions = names.filter((name) => name !== undefined);
  if (functions.some((name) => SRTP.test(name))) return "SRTP";
  if (names[0] !== undefined) return "JavaScript";
  const [nearest] = functions.filter((name) => /^JSC-(?:FTL|DFG|Baseline)/.test(name));
  if (nearest === undefined || SENDS.test(nearest)) return "UDP and event loop in Bun";
  return "JavaScript";
}
