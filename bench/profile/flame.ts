/** A flame view out of samples: the gateway's layers, and in each the functions that call each other. */
import type { FlameBox } from "../report/sections.ts";
import type { JitDump } from "./jit-dump.ts";
import { type Layer, layerOfSample, samplesIn } from "./layers.ts";

interface Growing {
  readonly name: string;
  readonly layer: string;
  samples: number;
  readonly children: Map<string, Growing>;
}

/** Deeper than this, and rarer than this share, nobody looks. */
const DEPTH_MAX = 24;
const SHARE_MIN = 0.002;

/** From the same text as `layersOf`: whole, layer, then functions from the outermost in. */
export function flameOf(
  script: string,
  dump: JitDump,
  isG722: (name: string) => boolean,
): FlameBox {
  const root: Growing = { name: "gateway", layer: "", samples: 0, children: new Map() };
  for (const { thread, frames } of samplesIn(script)) {
    const layer = layerOfSample(thread, frames, dump, isG722);
    root.samples += 1;
    let box = child(root, layer, layer);
    for (const name of functionsIn(frames, dump)) box = child(box, name, layer);
  }
  return finished(root, root.samples * SHARE_MIN);
}

function child(parent: Growing, name: string, layer: Layer): Growing {
  let found = parent.children.get(name);
  if (!found) {
    found = { name, layer, samples: 0, children: new Map() };
    parent.children.set(name, found);
  }
  found.samples += 1;
  return found;
}

/** The innermost frame comes first in a sample; neighbours without a name are one. */
function functionsIn(frames: readonly string[], dump: JitDump): string[] {
  const names: string[] = [];
  for (const frame of [...frames].reverse()) {
    const address = Number.parseInt(frame.trim().split(/\s/)[0] ?? "", 16);
    const object = /\(([^)]*)\)\s*$/.exec(frame)?.[1] ?? "";
    const name = nameOf(dump.nameAt(address), object);
    if (name !== names.at(-1)) names.push(name);
  }
  return names.slice(-DEPTH_MAX);
}

/** Without the compiler's tier and the hash behind the name. */
function nameOf(code: string | undefined, object: string): string {
  if (code !== undefined) return code.replace(/^\S+: /, "").replace(/#[A-Za-z0-9]{6}.*$/, "");
  if (object.includes("kernel")) return "kernel";
  const file = object.split("/").at(-1) ?? "";
  return file === "" || file.startsWith("jit") ? "runtime" : file;
}

function finished({ name, layer, samples, children }: Growing, least: number): FlameBox {
  const kept = [...children.values()]
    .filter((one) => one.samples >= least)
    .sort((a, b) => b.samples - a.samples)
    .map((one) => finished(one, least));
  return { name, layer, samples, children: kept };
}
