/** One run of load calls on one target: what it cost, from the kernel's accounting, and how it sounded. */
import type { GeneratorProcess } from "./generator-process.ts";
import type { Heard } from "./hearing.ts";
import { idleShare } from "./proc.ts";
import type { CallOutcome, GeneratorReport, LoadPlan, Refusal } from "./protocol.ts";
import { type Quantiles, Samples } from "./samples.ts";
import { growthOf, type Snapshot, snapshotOf, threadsBetween, timelineOf } from "./snapshot.ts";
import type { Target } from "./targets.ts";

export interface DirectionFigures {
  readonly loss: number;
  readonly jitterMs: number;
  readonly delayMs: Quantiles;
  /** How far packets came from the times their timestamps name, ms: the target's timers. */
  readonly spacingMs: Quantiles;
  readonly gapMs: number;
  /** The farthest off. */
  readonly levelDb: number;
  /** The worst call's. */
  readonly correlation: number;
  /** The mean. */
  readonly snrDb: number;
  /** The mean. */
  readonly stoi: number;
}

export interface RunFigures {
  readonly target: string;
  readonly calls: number;
  readonly seconds: number;
  /** Of every call that came about. */
  readonly outcomes: readonly CallOutcome[];
  /** Of every one that didn't. */
  readonly refused: readonly Refusal[];
  /** What CPU is counted by: calls held, or calls that came and went. */
  readonly per: "call-second" | "call";
  /** CPU ms for each of those; undefined where the process can't be seen. */
  readonly cpu: number | undefined;
  /** The same by thread; threads of one name together, the busiest first. */
  readonly threads: readonly { readonly name: string; readonly cpu: number }[];
  /** Calls a whole core carries, or sets up in a second. */
  readonly perCore: number | undefined;
  /** Resident memory above what it was with two calls, KiB; never given back once it was needed. */
  readonly kibPerCall: number | undefined;
  readonly setupMs: { readonly answered: Quantiles; readonly connected: Quantiles };
  readonly toPbx: DirectionFigures;
  readonly toSoftphone: DirectionFigures;
  /** Packets that came of those sent, over all calls. */
  readonly delivered: number;
  readonly generator: GeneratorReport;
  /** Of the machine's CPU, what nobody used. */
  readonly idle: number;
  /** Datagrams the target's sockets had no room for. */
  readonly dropped: number;
  /** CPU of the target, one value a second, ms. */
  readonly timeline: readonly number[];
  /** Resident memory of the target at the same times, KiB. */
  readonly memoryKib: readonly number[];
  /** How fast that grew over the second half of the run, KiB a minute: what leaks, in a long run. */
  readonly growthKibPerMinute: number;
  /** Why the run is bad. */
  readonly faults: readonly string[];
  /** Why the figures may be the generator's fault. */
  readonly doubts: readonly string[];
}

export interface MeasureEvents {
  /** `share` of the run that is done, 0 to 1. */
  onProgress(text: string, share?: number): void;
  /** All calls are up and listened to. */
  onSteady?(): void;
}

const FAULTS_SHOWN = 5;
/** Of the run's time, what setting up and listening take. */
const SETTING_UP = 0.15;
const HOLDING = 0.75;
/** Later than this, a packet is not where the far end expects it. */
const LATENESS_P99_MS_MAX = 8;
const GENERATOR_CPU_MAX = 0.85;
const IDLE_MIN = 0.03;

/** `idleResident` is the target's memory before the first call. */
export async function measure(
  generator: GeneratorProcess,
  target: Target,
  plan: Omit<LoadPlan, "path">,
  idleResident: number,
  events: MeasureEvents,
): Promise<RunFigures> {
  const { pid } = target;
  const snapshots: Snapshot[] = [];
  const look = () => void snapshots.push(snapshotOf(pid));
  let asked: Promise<string[]> | undefined;
  const isChurn = plan.churnHoldMs !== undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  const result = await generator
    .run(
      { ...plan, path: target.path },
      {
        onProgress: (up, failed) =>
          events.onProgress(
            `${isChurn ? up : `${up} of ${plan.calls}`} calls up${failed ? `, ${failed} failed` : ""}`,
            (SETTING_UP * Math.min(up, plan.calls)) / plan.calls,
          ),
        onSteady: () => {
          look();
          asked = modesOf(target, plan);
          events.onSteady?.();
          timer = setInterval(() => {
            look();
            const [cpu = 0] = timelineOf(snapshots.slice(-2));
            const elapsed = snapshots.length - 1;
            const mib = (snapshots.at(-1)?.resident ?? 0) / 2 ** 20;
            const time =
              elapsed > plan.seconds ? "the last calls" : `${elapsed} of ${plan.seconds} s`;
            events.onProgress(
              `${time}, ${(cpu / 10).toFixed(0)} % of a core, ${mib.toFixed(0)} MiB`,
              SETTING_UP + HOLDING * Math.min(1, elapsed / plan.seconds),
            );
          }, 1_000);
        },
        onHeld: () => {
          clearInterval(timer);
          look();
        },
        onStage: (stage) => events.onProgress(stage, SETTING_UP + HOLDING),
      },
    )
    .finally(() => clearInterval(timer));
  const [first, last] = [snapshots[0], snapshots.at(-1)];
  if (!first || !last) throw new Error("the load was never steady");
  const established = result.calls.length;
  const seconds = (last.at - first.at) / 1_000;
  const per = isChurn ? "call" : "call-second";
  const units = per === "call" ? established : established * seconds;
  const seen = pid !== undefined && units > 0;
  const cpu = seen ? (1_000 * (last.cpuSeconds - first.cpuSeconds)) / units : undefined;
  // The least: between two collections the rest is garbage.
  const leastResident = Math.min(...snapshots.map(({ resident }) => resident));
  const idle = idleShare(first.machine, last.machine);
  return {
    target: target.name,
    calls: established,
    seconds,
    outcomes: result.calls,
    refused: result.refused,
    per,
    cpu,
    threads: seen ? threadsBetween(first, last, units) : [],
    perCore: cpu === undefined ? undefined : 1_000 / cpu,
    kibPerCall: seen ? (leastResident - idleResident) / 1_024 / established : undefined,
    setupMs: {
      answered: quantilesOf(result.calls.map(({ answeredMs }) => answeredMs)),
      connected: quantilesOf(result.calls.map(({ connectedMs }) => connectedMs)),
    },
    toPbx: directionOf(result.calls.flatMap(({ pbx }) => pbx ?? [])),
    toSoftphone: directionOf(result.calls.flatMap(({ softphone }) => softphone ?? [])),
    delivered: meanOf(result.calls.map(({ delivered }) => delivered)),
    generator: result.report,
    idle,
    dropped: last.dropped - first.dropped,
    timeline: timelineOf(snapshots),
    memoryKib: snapshots.map(({ resident }) => resident / 1_024),
    growthKibPerMinute: growthOf(snapshots),
    faults: [...((await asked) ?? []), ...faultsOf(result.calls, result.refused, plan)],
    doubts: doubtsOf(result.report, idle),
  };
}

/** A gateway of our own says of every call what it does with its audio. */
async function modesOf(
  { rig }: Target,
  { mode, churnHoldMs }: Pick<LoadPlan, "mode" | "churnHoldMs">,
): Promise<string[]> {
  if (!rig || mode === undefined || churnHoldMs !== undefined) return [];
  const { calls } = await rig.status();
  const others = calls.filter((call) => call.mode !== mode);
  if (others.length === 0) return [];
  return [
    `${others.length} of ${calls.length} calls are not in the mode ${mode}: ${others[0]?.mode}`,
  ];
}

function directionOf(heard: readonly Heard[]): DirectionFigures {
  const most = (value: (one: Heard) => number) => Math.max(0, ...heard.map(value));
  return {
    loss: meanOf(heard.map(({ loss }) => loss)),
    jitterMs: most(({ jitterMs }) => jitterMs),
    delayMs: {
      p50: quantilesOf(heard.map(({ delayMs }) => delayMs.p50)).p50,
      // The worst call's: what its two people have to live with.
      p99: most(({ delayMs }) => delayMs.p99),
      max: most(({ delayMs }) => delayMs.max),
    },
    spacingMs: {
      p50: quantilesOf(heard.map(({ spacingMs }) => spacingMs.p50)).p50,
      p99: most(({ spacingMs }) => spacingMs.p99),
      max: most(({ spacingMs }) => spacingMs.max),
    },
    gapMs: most(({ gapMs }) => gapMs),
    levelDb: heard.reduce(
      (worst, { levelDb }) => (Math.abs(levelDb) > Math.abs(worst) ? levelDb : worst),
      0,
    ),
    correlation: heard.length > 0 ? Math.min(...heard.map(({ correlation }) => correlation)) : 0,
    snrDb: meanOf(heard.map(({ snrDb }) => snrDb)),
    stoi: meanOf(heard.map(({ stoi }) => stoi)),
  };
}

function faultsOf(
  calls: readonly CallOutcome[],
  refused: readonly Refusal[],
  { impair, churnHoldMs }: Pick<LoadPlan, "impair" | "churnHoldMs">,
): string[] {
  const faults = refused.map(({ reason }) => reason);
  // On a bad network the scores are what is asked for.
  if (impair) return faults;
  // Of a second of audio the beginning and the end are always missing.
  const least = churnHoldMs === undefined ? 0.98 : 0.8;
  for (const { index, softphone, pbx, delivered } of calls) {
    if (softphone?.fault) faults.push(`call ${index}, softphone: ${softphone.fault}`);
    if (pbx?.fault) faults.push(`call ${index}, PBX: ${pbx.fault}`);
    if (delivered < least)
      faults.push(`call ${index}: ${(100 * delivered).toFixed(1)} % delivered`);
  }
  const more = faults.length - FAULTS_SHOWN;
  return more > 0 ? [...faults.slice(0, FAULTS_SHOWN), `and ${more} more`] : faults;
}

function doubtsOf({ sendLatenessMs, cpu, dropped }: GeneratorReport, idle: number): string[] {
  const doubts: string[] = [];
  if (sendLatenessMs.p99 > LATENESS_P99_MS_MAX) {
    doubts.push(`the generator sent ${sendLatenessMs.p99.toFixed(1)} ms late (p99)`);
  }
  if (cpu > GENERATOR_CPU_MAX)
    doubts.push(`the generator used ${(100 * cpu).toFixed(0)} % of a core`);
  if (dropped > 0) doubts.push(`the generator's sockets dropped ${dropped} datagrams`);
  if (idle < IDLE_MIN) doubts.push(`the machine had ${(100 * idle).toFixed(0)} % of its CPU left`);
  return doubts;
}

function quantilesOf(values: readonly number[]): Quantiles {
  const samples = new Samples();
  samples.addAll(values);
  return samples.quantiles();
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
