/** `bench flood` (S9): calls that are listened to while strangers flood the gateway, one flood after the other. */
import { Command } from "commander";
import type { FloodPlan } from "../../test/rigs/flood.ts";
import { LOAD_CODECS } from "../load/codecs.ts";
import { GeneratorProcess } from "../load/generator-process.ts";
import { measure, type RunFigures } from "../load/measure.ts";
import { type CodecOptions, someOf, whole, withCodecs, withReports } from "../load/options.ts";
import { quantile } from "../load/samples.ts";
import { startGateway, type Target } from "../load/targets.ts";
import { mediaFindings } from "../report/media.ts";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import { type NamedFigure, single } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { endure, type Seen } from "./endure.ts";

interface Options extends CodecOptions, ReportOptions {
  calls: number;
  seconds: number;
  share: number;
  floods: Kind[];
  workers: number;
}

type Kind = keyof typeof FLOODS;

/** HARDENING S9, and the same over streams: messages a second of all sources together. */
const FLOODS = {
  T1: { transport: "udp", rate: 2_000, sources: 500 },
  T2: { transport: "udp", rate: 20_000, sources: 1 },
  T3: { transport: "udp", rate: 100_000, sources: 1 },
  TCP: { transport: "tcp", rate: 2_000, sources: 16 },
  WebSocket: { transport: "ws", rate: 2_000, sources: 16 },
} as const;
const KINDS = Object.keys(FLOODS) as Kind[];
const PAUSE_SECONDS = 1;
const MIB = 1_048_576;
const GOALS = { growthMib: 50, registerMs: 500, recoveryMs: 2_000 };

export function floodCommand(): Command {
  const command = new Command("flood")
    .description(
      "S9: strangers send INVITE, REGISTER, OPTIONS and garbage while calls go on. T1: 2,000 a second of 500 sources; T2: 20,000 of one; T3: 100,000 of one; TCP and WebSocket: 2,000",
    )
    .option("--calls <n>", "that are listened to meanwhile", whole(1, 1_000), 50)
    .option("--seconds <n>", "of each flood", whole(1, 600), 10)
    .option("--floods <list>", KINDS.join(","), someOf(...KINDS), KINDS)
    .option("--share <percent>", "of the floods' rates", whole(1, 100), 100)
    .option("--workers <n>", "media workers of the gateway", whole(1, 64), 1);
  const { opus, G722 } = LOAD_CODECS;
  return withReports(withCodecs(command, opus, G722)).action(async (options: Options) => {
    const { calls, floods, seconds, share } = options;
    const title = `${calls} calls beside ${floods.join(", ")}, ${seconds} s of each at ${share} % of its rate`;
    await runScenario({ name: "flood", title }, options, (terminal) => floodOf(options, terminal));
  });
}

async function floodOf(options: Options, terminal: Terminal): Promise<Findings> {
  const { calls, codec, pbxCodec, floods, seconds } = options;
  const target = await startGateway(
    { softphone: codec, pbx: pbxCodec },
    { workers: options.workers },
  );
  const generator = await GeneratorProcess.start();
  try {
    const plan = {
      ...{ calls, ramp: 20, listen: Math.min(calls, 16) },
      seconds: floods.length * (seconds + PAUSE_SECONDS) + 3,
      softphoneCodec: codec.name,
      pbxCodec: pbxCodec.name,
    };
    const steady = Promise.withResolvers<void>();
    let stage = "before the first flood";
    const running = measure(generator, target, plan, 0, {
      onProgress: (text, share) => terminal.update(`${stage}: ${text}`, share),
      onSteady: steady.resolve,
    });
    await Promise.race([steady.promise, running]);
    const seen: Seen[] = [];
    let from = 0;
    for (const kind of floods) {
      stage = kind;
      const plan = planOf(kind, options, target, from);
      from += plan.sources;
      seen.push(await endure(rigOf(target), accountOf(target), kind, plan));
      await Bun.sleep(1_000 * PAUSE_SECONDS);
    }
    return findingsOf(await running, seen);
  } finally {
    await generator.stop();
    await target.stop();
  }
}

/** From addresses that never spoke before. */
function planOf(kind: Kind, { seconds, share }: Options, target: Target, from: number): FloodPlan {
  const { transport, rate, sources } = FLOODS[kind];
  const rig = rigOf(target);
  const port = transport === "ws" ? Number(new URL(rig.url).port) : rig.sipPort;
  return { transport, port, rate: Math.ceil((rate * share) / 100), sources, from, seconds };
}

function rigOf({ rig }: Target) {
  if (!rig) throw new Error("floods are for a gateway of our own");
  return rig;
}

function accountOf({ path }: Target): { user: string; password: string } {
  if (path.kind !== "sip") throw new Error("floods are for SIP");
  return path;
}

function findingsOf(run: RunFigures, seen: readonly Seen[]): Findings {
  const report = { name: "jackfield", cpu: undefined, kibPerCall: undefined, runs: [run] };
  const media = mediaFindings([report]);
  const most = (of: (one: Seen) => number) => Math.max(0, ...seen.map(of));
  const registrations = seen.flatMap((one) => one.registrations).sort((a, b) => a - b);
  const figure = (key: string, name: string, unit: string, value: number, atMost: number) => {
    const goal = { atMost, source: "S9" };
    return { key, name, unit, value: single(value), digits: 0, goal } satisfies NamedFigure;
  };
  const { growthMib, registerMs, recoveryMs } = GOALS;
  return {
    figures: [
      figure(
        "registerP99Ms",
        "REGISTER meanwhile, p99",
        "ms",
        quantile(registrations, 0.99),
        registerMs,
      ),
      figure(
        "recoveryMs",
        "well again after",
        "ms",
        most(({ recovery }) => recovery),
        recoveryMs,
      ),
      figure("growthMib", "memory grew", "MiB", most(({ growth }) => growth) / MIB, growthMib),
      ...media.figures,
    ],
    sections: [
      {
        kind: "table",
        title: "Floods",
        columns: [
          "flood",
          "sent",
          "a second",
          "answered",
          "most to one",
          "MiB",
          "REGISTER ms",
          "page ms",
          "well after ms",
        ],
        rows: seen.map((one) => [
          one.name,
          String(one.flood.sent),
          (one.flood.sent / one.plan.seconds).toFixed(0),
          String(one.flood.replies),
          String(one.flood.mostReplies),
          (one.growth / MIB).toFixed(1),
          Math.max(0, ...one.registrations).toFixed(0),
          Math.max(0, ...one.answers).toFixed(0),
          one.recovery.toFixed(0),
        ]),
      },
      ...media.sections,
    ],
    faults: [
      ...media.faults,
      ...seen
        .filter(({ flood: { sent } }) => sent === 0)
        .map(({ name }) => `${name}: nothing could be sent`),
    ],
    targets: media.targets,
    doubts: [
      ...media.doubts,
      ...seen.flatMap(({ name, flood: { sent }, plan: { rate, seconds } }) =>
        sent < 0.8 * rate * seconds
          ? [
              `${name}: the flooder sent ${((100 * sent) / rate / seconds).toFixed(0)} % of its rate`,
            ]
          : [],
      ),
    ],
  };
}
