/** What a report says of media under load: figures, tables and plots of the targets, side by side. */
import { ratiosOf, type TargetReport } from "../load/campaign.ts";
import type { DirectionFigures, RunFigures } from "../load/measure.ts";
import type { Quantiles } from "../load/samples.ts";
import type { Findings } from "./report.ts";
import {
  type BarsSection,
  type NamedFigure,
  printFigure,
  type Section,
  single,
} from "./sections.ts";

const THREADS_SHOWN = 8;

/** The first target is judged, the others stand beside it: their audio is told, no more. */
export function mediaFindings(targets: readonly TargetReport[]): Required<Findings> {
  const told = (list: (run: RunFigures) => readonly string[], of: readonly TargetReport[]) =>
    of.flatMap(({ name, runs }) =>
      runs.flatMap((run, index) => list(run).map((text) => `${name}, run ${index + 1}: ${text}`)),
    );
  const [judged, ...others] = targets;
  return {
    figures: judged ? figuresOf(judged) : [],
    ratios: ratiosOf(targets),
    sections: sectionsOf(targets),
    faults: told(({ faults }) => faults, judged ? [judged] : []),
    doubts: [
      ...told(({ doubts }) => doubts, targets),
      ...told(({ faults }) => faults.map((fault) => `bad audio: ${fault}`), others),
    ],
    targets,
  };
}

function figuresOf(target: TargetReport): NamedFigure[] {
  const run = middleRun(target);
  const unit = run?.per ?? "call-second";
  const figures: NamedFigure[] = [];
  const add = (key: string, name: string, unit: string, value: number | undefined, digits = 1) => {
    if (value !== undefined) figures.push({ key, name, unit, value: single(value), digits });
  };
  if (target.cpu) {
    const { median, min, max } = target.cpu;
    const key = unit === "call" ? "cpuMsPerCall" : "cpuMsPerCallSecond";
    figures.push({ key, name: `CPU per ${unit}`, unit: "ms", value: target.cpu, digits: 2 });
    const value = { median: 1_000 / median, min: 1_000 / max, max: 1_000 / min };
    const name = unit === "call" ? "calls a second per core" : "calls per core";
    figures.push({ key: "callsPerCore", name, unit: "", value, digits: 0 });
  }
  add("kibPerCall", "memory per call", "KiB", target.kibPerCall, 0);
  if (!run) return figures;
  add("setupP50Ms", "set-up, p50", "ms", run.setupMs.connected.p50);
  add("setupP99Ms", "set-up, p99", "ms", run.setupMs.connected.p99);
  const isHeard = run.toPbx.correlation > 0 || run.toSoftphone.correlation > 0;
  if (!isHeard) return figures;
  add("delayToPbxP99Ms", "delay to PBX, p99", "ms", run.toPbx.delayMs.p99);
  add("delayToSoftphoneP99Ms", "delay to softphone, p99", "ms", run.toSoftphone.delayMs.p99);
  add("stoiToPbx", "intelligibility to PBX", "of 1", run.toPbx.stoi, 3);
  add("stoiToSoftphone", "intelligibility to softphone", "of 1", run.toSoftphone.stoi, 3);
  return figures;
}

function sectionsOf(targets: readonly TargetReport[]): Section[] {
  const unit = targets[0]?.runs[0]?.per ?? "call-second";
  const bars = targets.flatMap(({ name, cpu }, group) =>
    cpu ? [{ name, value: cpu.median, low: cpu.min, high: cpu.max, group }] : [],
  );
  const delays = delayBars(targets);
  const sections: Section[] = [
    ...(bars.length > 0
      ? [{ kind: "bars" as const, title: "CPU", unit: `ms per ${unit}`, bars }]
      : []),
    ...(delays.bars.length > 0 ? [delays] : []),
    {
      kind: "table",
      title: "Side by side",
      columns: ["", ...targets.map(({ name }) => name)],
      rows: rowsOf(targets),
    },
    over("CPU over time", "ms a second", targets, ({ timeline }) => timeline),
    over("Memory over time", "MiB", targets, ({ memoryKib }) => memoryKib.map((k) => k / 1_024)),
  ];
  const threads = threadRows(targets);
  if (threads.length > 0) {
    const columns = ["target", "thread", `ms per ${unit}`];
    sections.push({ kind: "table", title: "CPU by thread", columns, rows: threads });
  }
  return sections;
}

function over(
  title: string,
  unit: string,
  targets: readonly TargetReport[],
  valuesOf: (run: RunFigures) => readonly number[],
): Section {
  const series = targets.map(({ name, runs }) => ({
    name,
    points: runs.flatMap(valuesOf).map((value, second): [number, number] => [second, value]),
  }));
  return { kind: "lines", title, unit, along: "s, run after run", series };
}

function delayBars(targets: readonly TargetReport[]): BarsSection {
  const bars = targets.flatMap((target, group) => {
    const run = middleRun(target);
    if (!run) return [];
    const ways = [
      ["to PBX", run.toPbx],
      ["to softphone", run.toSoftphone],
    ] as const;
    return ways
      .filter(([, { correlation }]) => correlation > 0)
      .map(([way, { delayMs }]) => {
        const name = `${target.name}, ${way}`;
        return { name, value: delayMs.p50, low: delayMs.p50, high: delayMs.p99, group };
      });
  });
  return {
    kind: "bars",
    title: "Delay by content: median, line to the worst call's p99",
    unit: "ms",
    bars,
  };
}

function rowsOf(targets: readonly TargetReport[]): string[][] {
  const isHeard = targets.some(({ runs }) => runs.some(({ toPbx }) => toPbx.correlation > 0));
  const unit = targets[0]?.runs[0]?.per ?? "call-second";
  const rows: [string, (target: TargetReport) => string][] = [
    [`CPU ms per ${unit}`, ({ cpu }) => (cpu ? printFigure(cpu, 2) : "not seen")],
    [
      unit === "call" ? "calls a second per core" : "calls per core",
      ({ cpu }) => (cpu ? (1_000 / cpu.median).toFixed(0) : ""),
    ],
    ["KiB per call", ({ kibPerCall }) => kibPerCall?.toFixed(0) ?? ""],
    ["set-up ms, p50 p99", of(({ setupMs }) => quantiles(setupMs.connected, false))],
    ["main thread lag ms, p50 p99 max", of(({ generator }) => lagOf(generator.signallingMs))],
    ["media thread lag ms, p50 p99 max", of(({ generator }) => quantiles(generator.roundTripMs))],
    ["packets delivered", of(({ delivered }) => `${(100 * delivered).toFixed(2)} %`)],
    ...(isHeard ? directionRows("to PBX", ({ toPbx }) => toPbx) : []),
    ...(isHeard ? directionRows("to softphone", ({ toSoftphone }) => toSoftphone) : []),
    ["memory grew, KiB a minute", of((run) => run.growthKibPerMinute.toFixed(0))],
    ["generator late ms, p50 p99 max", of(({ generator }) => quantiles(generator.sendLatenessMs))],
    ["generator CPU, idle left", of((run) => `${share(run.generator.cpu)}, ${share(run.idle)}`)],
  ];
  return rows.map(([name, cell]) => [name, ...targets.map(cell)]);
}

function directionRows(
  name: string,
  direction: (run: RunFigures) => DirectionFigures,
): [string, (target: TargetReport) => string][] {
  const row = (what: string, cell: (figures: DirectionFigures) => string) =>
    [`${name}: ${what}`, of((run) => cell(direction(run)))] as [
      string,
      (target: TargetReport) => string,
    ];
  return [
    row("delay ms, p50 p99 max", ({ delayMs }) => quantiles(delayMs)),
    row("sent late ms, p50 p99 max", ({ spacingMs }) => quantiles(spacingMs)),
    row("loss, jitter", (it) => `${(100 * it.loss).toFixed(2)} %, ${it.jitterMs.toFixed(1)} ms`),
    row("SNR, STOI", ({ snrDb, stoi }) => `${snrDb.toFixed(1)} dB, ${stoi.toFixed(3)}`),
    row("level, gap", ({ levelDb, gapMs }) => `${levelDb.toFixed(1)} dB, ${gapMs} ms`),
  ];
}

/** The run whose CPU is the middle one. */
export function middleRun({ runs }: TargetReport): RunFigures | undefined {
  const sorted = [...runs].sort((a, b) => (a.cpu ?? 0) - (b.cpu ?? 0));
  return sorted[(sorted.length - 1) >> 1];
}

function of(cell: (run: RunFigures) => string): (target: TargetReport) => string {
  return (target) => {
    const run = middleRun(target);
    return run ? cell(run) : "";
  };
}

function threadRows(targets: readonly TargetReport[]): string[][] {
  return targets.flatMap((target) => {
    const threads = middleRun(target)?.threads ?? [];
    return threads
      .slice(0, THREADS_SHOWN)
      .map(({ name, cpu }) => [target.name, name, cpu.toFixed(2)]);
  });
}

/** Nothing was asked where nothing took time. */
function lagOf(lag: Quantiles): string {
  return lag.max === 0 ? "not asked" : quantiles(lag);
}

export function quantiles({ p50, p99, max }: Quantiles, withMax = true): string {
  const values = withMax ? [p50, p99, max] : [p50, p99];
  return values.map((value) => value.toFixed(1)).join(" / ");
}

function share(value: number): string {
  return `${(100 * value).toFixed(0)} %`;
}
