/**
 * Where the gateway's time goes: the runtime's own sampling profiler tells which JavaScript runs,
 * the kernel what the process used in all; what is left is the runtime's (sockets, event loop,
 * garbage, compiling). A gateway of its own for each scenario, sampled once it is warm.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { threadSeconds } from "../load/proc.ts";
import { openCallee } from "./callee.ts";
import { bear } from "./load.ts";
import { PBX_PORT } from "./ports.ts";
import { openGateway, type SignallingOptions, type What } from "./signalling.ts";

export interface Profile {
  readonly what: string;
  readonly how: string;
  /** Microseconds of JavaScript on the main thread each, by layer, most first. */
  readonly layers: readonly (readonly [string, number])[];
  /** Microseconds of CPU each, by thread, most first. */
  readonly threads: readonly (readonly [string, number])[];
}

/** What the `.cpuprofile` format of Chromium's DevTools has of a run. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SAMPLE_US = 500;
const MAIN = join(import.meta.dir, "..", "..", "gateway", "main.ts");

/** Paths by layer; the first that matches counts. What has no file belongs to its caller. */
const LAYERS: readonly (readonly [string, RegExp])[] = [
  ["digest and crypto", /sip\/digest|gateway\/crypto|node:crypto|b2bua\/admission/],
  ["print", /sip\/(print|build)/],
  [
    "transactions and timers",
    /sip\/(stack|hop|matching|table|transaction|.*-transaction)|agenda|machine\.ts/,
  ],
  ["dialogs", /sip\/(dialog|session-timer|reliable)/],
  ["parse", /gateway\/(sip\/|bytes|address)/],
  ["session descriptions", /gateway\/sdp\//],
  ["calls, registrar, routing", /gateway\/b2bua\//],
  ["log", /io\/log|@logtape/],
  ["media commands", /io\/media-workers/],
  ["database", /schema\/|kysely|libsql|io\/record-writer/],
  ["sockets and event loop", /gateway\/(io|main|random)/],
];

export async function profileSignalling(options: SignallingOptions): Promise<Profile[]> {
  const callee = await openCallee(PBX_PORT);
  try {
    const profiles: Profile[] = [];
    for (const what of ["OPTIONS", "REGISTER", "call"] as const) {
      profiles.push(await profileOf(what, options));
    }
    return profiles;
  } finally {
    callee.stop();
  }
}

async function profileOf(what: What, options: SignallingOptions): Promise<Profile> {
  const directory = mkdtempSync(join(tmpdir(), "profile-"));
  const sampling = [
    "--cpu-prof",
    `--cpu-prof-interval=${SAMPLE_US}`,
    `--cpu-prof-dir=${directory}`,
  ];
  const gateway = await openGateway(options.phones, [process.execPath, ...sampling, MAIN]);
  try {
    const scenario = gateway.scenarios.findLast((it) => it.what === what);
    if (!scenario) throw new Error(`${what} is not measured`);
    await bear(scenario.load, options.warmup);
    const before = threadSeconds(gateway.pid);
    const start = performance.now();
    const done = await bear(scenario.load, options.seconds);
    const after = threadSeconds(gateway.pid);
    await gateway.stop();
    const windowUs = (performance.now() - start) * 1_000;
    const [file = ""] = readdirSync(directory);
    const profile = (await Bun.file(join(directory, file)).json()) as CpuProfile;
    const layers = new Map<string, number>();
    for (const layer of sampledLayers(profile, windowUs)) {
      layers.set(layer, (layers.get(layer) ?? 0) + SAMPLE_US / done);
    }
    const threads = new Map<string, number>();
    for (const [thread, seconds] of after) {
      const name = thread.slice(thread.indexOf(" ") + 1);
      const used = ((seconds - (before.get(thread) ?? 0)) * 1_000_000) / done;
      threads.set(name, (threads.get(name) ?? 0) + used);
    }
    return { what, how: scenario.how, layers: mostFirst(layers), threads: mostFirst(threads) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The layer of each sample in the last `windowUs` of a profile. */
export function sampledLayers(profile: CpuProfile, windowUs: number): string[] {
  const frames = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) {
    for (const child of children) parents.set(child, id);
  }
  const layerOf = (id: number): string => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const url = frames.get(at)?.callFrame.url ?? "";
      const layer = LAYERS.find(([, pattern]) => pattern.test(url));
      if (layer) return layer[0];
    }
    return "else";
  };
  const layers = new Map<number, string>();
  const sampled: string[] = [];
  let left = windowUs;
  for (let index = profile.samples.length - 1; index >= 0 && left > 0; index--) {
    const id = profile.samples[index] ?? 0;
    const layer = layers.get(id) ?? layerOf(id);
    layers.set(id, layer);
    sampled.push(layer);
    left -= profile.timeDeltas[index] ?? 0;
  }
  return sampled;
}

function mostFirst(figures: ReadonlyMap<string, number>): [string, number][] {
  return [...figures].sort(([, a], [, b]) => b - a);
}
