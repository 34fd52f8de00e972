/**
 * `bench register`: softphones that register over WebSockets of their own, all at a rate and then again
 * and again, at a gateway of our own or at any URL.
 */
import { join } from "node:path";
import { Command } from "commander";
import { GatewayRig } from "../../test/rigs/gateway.ts";
import { type TargetOptions, whole, withReports, withTarget } from "../load/options.ts";
import { quantile } from "../load/samples.ts";
import { type Snapshot, snapshotOf, threadsBetween, timelineOf } from "../load/snapshot.ts";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import { type NamedFigure, single } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { makeAccounts, placesAt } from "./accounts.ts";
import { HelperProcess } from "./helper-process.ts";
import type { FromSwarm, SwarmPlan, SwarmSeen, ToSwarm } from "./protocol.ts";

interface Options extends TargetOptions, ReportOptions {
  softphones: number;
  ramp: number;
  every: number;
  seconds: number;
}

const PATIENCE_SECONDS = 60;
const SWARM_CPU_MAX = 0.85;
const KIB = 1_024;

export function registerCommand(): Command {
  const command = new Command("register")
    .description(
      "Softphones that register with digest over WebSockets, all at a rate, then refreshing: how long a REGISTER takes, CPU and memory for each",
    )
    .option("--softphones <n>", "each with a WebSocket", whole(1, 10_000), 500)
    .option("--ramp <n>", "that begin in a second", whole(1, 2_000), 100)
    .option("--every <s>", "between a softphone's REGISTERs", whole(1, 3_000), 5)
    .option("--seconds <n>", "of refreshing that are measured", whole(2, 86_400), 20);
  return withReports(withTarget(command)).action(async (options: Options) => {
    const { softphones, every, seconds } = options;
    const title = `${softphones} softphones, each registering every ${every} s, for ${seconds} s`;
    await runScenario({ name: "register", title }, options, (terminal) =>
      measured(options, terminal),
    );
  });
}

async function measured(options: Options, terminal: Terminal): Promise<Findings> {
  const own = options.target === undefined ? await GatewayRig.start() : undefined;
  const swarm = await HelperProcess.start<ToSwarm, FromSwarm>(join(import.meta.dir, "swarm.ts"));
  try {
    if (own) {
      await makeAccounts(own, options, (text, share) => terminal.update(text, 0.1 * share));
    }
    const pid = own?.pid ?? options.pid;
    const before = snapshotOf(pid);
    swarm.send({ type: "open", plan: planOf(options, own) });
    const first = await untilAll(swarm, options, terminal);
    await swarm.ask({ type: "forget" }, "forgotten");
    const snapshots = [snapshotOf(pid)];
    for (let second = 0; second < options.seconds; second++) {
      await Bun.sleep(1_000);
      snapshots.push(snapshotOf(pid));
      const [cpu = 0] = timelineOf(snapshots.slice(-2));
      terminal.update(
        `refreshing: ${second + 1} of ${options.seconds} s, ${(cpu / 10).toFixed(0)} % of a core`,
        0.4 + (0.6 * second) / options.seconds,
      );
    }
    const seen = await swarm.ask({ type: "tell" }, "seen");
    return findingsOf(options, { before, first, snapshots, seen, isSeen: pid !== undefined });
  } finally {
    await swarm.stop();
    await own?.stop();
  }
}

/** At a URL there is one account. */
function planOf(options: Options, own: GatewayRig | undefined): SwarmPlan {
  const { target = "", user, softphones, ramp, every, password, insecure = false } = options;
  const elsewhere = { server: target, user, perUser: 0, perAddress: 0, insecure };
  return {
    ...{ softphones, ramp, password, everySeconds: every },
    ...{ returnWithinSeconds: 1, reconnectEvery: 0 },
    ...(own ? placesAt(own) : elsewhere),
  };
}

async function untilAll(
  swarm: HelperProcess<ToSwarm, FromSwarm>,
  { softphones, ramp }: Options,
  terminal: Terminal,
): Promise<SwarmSeen & { readonly seconds: number }> {
  const began = performance.now();
  for (;;) {
    const seen = await swarm.ask({ type: "tell" }, "seen");
    const seconds = (performance.now() - began) / 1_000;
    const { registered } = seen;
    terminal.update(
      `registering: ${registered} of ${softphones} softphones`,
      0.1 + (0.3 * registered) / softphones,
    );
    const isOver = seconds > PATIENCE_SECONDS + softphones / ramp;
    if (registered >= softphones || isOver) return { ...seen, seconds };
    await Bun.sleep(100);
  }
}

interface Found {
  readonly before: Snapshot;
  readonly first: SwarmSeen & { readonly seconds: number };
  readonly snapshots: readonly Snapshot[];
  readonly seen: SwarmSeen;
  /** The target's process is on this machine. */
  readonly isSeen: boolean;
}

function findingsOf(options: Options, { before, first, snapshots, seen, isSeen }: Found): Findings {
  const [start = before, end = before] = [snapshots[0], snapshots.at(-1)];
  const took = [...seen.tookMs].sort((a, b) => a - b);
  const elapsed = (end.at - start.at) / 1_000;
  const figure = (key: string, name: string, unit: string, value: number, digits = 1) =>
    ({ key, name, unit, value: single(value), digits }) satisfies NamedFigure;
  const cpuUs = (1e6 * (end.cpuSeconds - start.cpuSeconds)) / Math.max(1, seen.done);
  const least = Math.min(...snapshots.map(({ resident }) => resident));
  const own = seen.cpuSeconds / elapsed;
  const { softphones } = options;
  return {
    figures: [
      figure("registersPerSecond", "REGISTERs a second", "", seen.done / elapsed),
      figure("registerP50Ms", "a REGISTER with its challenge, p50", "ms", quantile(took, 0.5), 2),
      figure("registerP99Ms", "p99", "ms", quantile(took, 0.99), 2),
      figure("registerMaxMs", "longest", "ms", took.at(-1) ?? 0, 2),
      figure("allSeconds", `all ${softphones} registered after`, "s", first.seconds),
      ...(isSeen
        ? [
            figure("cpuUsPerRegister", "CPU for each", "µs", cpuUs, 0),
            figure(
              "kibPerSoftphone",
              "memory for each softphone",
              "KiB",
              (least - before.resident) / KIB / softphones,
            ),
          ]
        : []),
    ],
    sections: [
      {
        kind: "lines",
        title: "CPU while they refresh",
        unit: "ms a second",
        along: "s",
        series: [
          {
            name: "gateway",
            points: timelineOf(snapshots).map((value, at): [number, number] => [at, value]),
          },
        ],
      },
      {
        kind: "table",
        title: "CPU by thread",
        columns: ["thread", "µs a REGISTER"],
        rows: threadsBetween(start, end, Math.max(1, seen.done))
          .slice(0, 6)
          .map(({ name, cpu }) => [name, (1_000 * cpu).toFixed(0)]),
      },
    ],
    faults: [
      ...(seen.registered < softphones
        ? [`${softphones - seen.registered} of ${softphones} softphones are not registered`]
        : []),
      ...new Set([...first.failures, ...seen.failures]),
    ],
    doubts:
      own > SWARM_CPU_MAX
        ? [`the softphones themselves used ${(100 * own).toFixed(0)} % of a core`]
        : [],
  };
}
