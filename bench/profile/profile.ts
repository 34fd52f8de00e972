/** `bench profile`: where the gateway's CPU goes under load calls, by layer (perf, Linux). */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { LOAD_CODECS } from "../load/codecs.ts";
import { GeneratorProcess } from "../load/generator-process.ts";
import { measure, type RunFigures } from "../load/measure.ts";
import { type CodecOptions, whole, withCodecs, withReports } from "../load/options.ts";
import { type GatewayOptions, startGateway } from "../load/targets.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import { type FlameSection, type NamedFigure, single } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { flameOf } from "./flame.ts";
import { JitDump } from "./jit-dump.ts";
import { layersOf } from "./layers.ts";

export interface ProfileOptions extends CodecOptions {
  readonly calls: number;
  /** Seconds that are looked at, and of load before. */
  readonly seconds: number;
  readonly warmUp: number;
  readonly gateway?: Omit<GatewayOptions, "workers">;
}

/** Samples a second of each thread: a prime, so that they fall into no step with 20 ms. */
const SAMPLES_PER_SECOND = 997;

export function profileCommand(): Command {
  const command = new Command("profile")
    .description("Where the gateway's CPU goes under load: UDP, SRTP, Opus, G.722, the rest")
    .option("--calls <n>", "at once", whole(1, 1_000), 40)
    .option("--seconds <n>", "that are looked at", whole(2, 600), 10)
    .option("--warm-up <s>", "of load before", whole(0, 600), 10);
  const { opus, G722 } = LOAD_CODECS;
  return withReports(withCodecs(command, opus, G722)).action(
    async (options: ProfileOptions & ReportOptions) => {
      const { calls, codec, pbxCodec, seconds } = options;
      const title = `${calls} calls, ${codec.name} to ${pbxCodec.name}, ${seconds} s`;
      await runScenario({ name: "profile", title }, options, async (terminal) => {
        const section = await profileSection(options, terminal);
        const figures = section.layers.map(({ layer, ms }): NamedFigure => {
          const name = `${layer}, per call-second`;
          return { key: `profile ${layer}`, name, unit: "ms", value: single(ms), digits: 2 };
        });
        return { figures, sections: [section], faults: [], doubts: [] };
      });
    },
  );
}

/** A gateway of its own under load, sampled by perf. */
export async function profileSection(
  options: ProfileOptions,
  terminal: Terminal,
): Promise<FlameSection> {
  if (!Bun.which("perf")) throw new Error("perf is not installed: apt-get install linux-perf");
  const directory = mkdtempSync(join(tmpdir(), "profile-"));
  try {
    terminal.update("profile: learning what G.722's code looks like");
    const g722 = await namesOfG722(directory);
    const dumps = join(directory, "gateway");
    const run = await record(options, join(directory, "perf.data"), dumps, terminal);
    terminal.update("profile: reading the samples");
    const perf = Bun.spawnSync(
      ["perf", "script", "-i", join(directory, "perf.data"), "-F", "comm,ip,dso"],
      { stderr: "ignore", maxBuffer: 2 ** 31 - 1 },
    );
    const script = perf.stdout.toString();
    const dump = dumpIn(dumps);
    const isG722 = (name: string) => g722.has(bare(name));
    const layers = layersOf(script, dump, isG722);
    const total = [...layers.values()].reduce((sum, count) => sum + count, 0);
    if (total === 0) throw new Error("perf saw nothing: is it allowed to? (perf_event_paranoid)");
    const cpu = run.cpu ?? 0;
    return {
      kind: "flame",
      title: `Where ${cpu.toFixed(2)} ms of CPU go, profiler included`,
      unit: "call-second",
      layers: [...layers]
        .sort((a, b) => b[1] - a[1])
        .map(([layer, count]) => ({ layer, share: count / total, ms: (count / total) * cpu })),
      root: flameOf(script, dump, isG722),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function record(
  options: ProfileOptions,
  data: string,
  dumps: string,
  terminal: Terminal,
): Promise<RunFigures> {
  const codecs = { softphone: options.codec, pbx: options.pbxCodec };
  const target = await startGateway(codecs, {
    ...options.gateway,
    workers: 1,
    environment: jitDumpTo(dumps),
  });
  const generator = await GeneratorProcess.start();
  const plan = {
    calls: options.calls,
    ramp: 20,
    seconds: options.warmUp + options.seconds,
    softphoneCodec: options.codec.name,
    pbxCodec: options.pbxCodec.name,
    listen: 0,
  };
  let perf: Bun.Subprocess | undefined;
  const begin = async () => {
    await Bun.sleep(1_000 * options.warmUp);
    perf = Bun.spawn(
      [
        ...["perf", "record", "-g", "-k", "mono", "-F", String(SAMPLES_PER_SECOND), "-o", data],
        ...["-p", String(target.pid), "--", "sleep", String(options.seconds)],
      ],
      { stdio: ["ignore", "ignore", "ignore"] },
    );
  };
  try {
    const run = await measure(generator, target, plan, 0, {
      onProgress: (text, share) => terminal.update(`profile: ${text}`, share),
      onSteady: () => void begin(),
    });
    await perf?.exited;
    return run;
  } finally {
    await generator.stop();
    await target.stop();
  }
}

async function namesOfG722(directory: string): Promise<Set<string>> {
  const dumps = join(directory, "g722");
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "g722-alone.ts")], {
    env: { ...process.env, ...jitDumpTo(dumps) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await child.exited;
  return new Set(
    dumpIn(dumps)
      .names.filter((name) => name.includes("wasm-function"))
      .map(bare),
  );
}

/** Without the compiler's tier: the same function is compiled twice. */
function bare(name: string): string {
  return name.replace(/^\S+ /, "");
}

function jitDumpTo(directory: string): Record<string, string> {
  mkdirSync(directory);
  return { BUN_JSC_useJITDump: "1", BUN_JSC_jitDumpDirectory: directory };
}

/** The largest: helper processes leave some too. */
function dumpIn(directory: string): JitDump {
  const files = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
  const [largest] = files.sort((a, b) => b.length - a.length);
  return new JitDump(largest ?? new Uint8Array(0));
}
