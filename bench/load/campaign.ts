/**
 * Load calls on one or several targets: a warm-up for each, then rounds in which all take their turn
 * with the same packets, so that whatever else the machine does hits them alike.
 */
import { type Figure, figureOf } from "../signalling/figures.ts";
import { GeneratorProcess } from "./generator-process.ts";
import { type MeasureEvents, measure, type RunFigures } from "./measure.ts";
import { residentBytes } from "./proc.ts";
import type { LoadPlan } from "./protocol.ts";
import type { Target } from "./targets.ts";

export interface CampaignOptions {
  readonly plan: Omit<LoadPlan, "path">;
  readonly runs: number;
  /** Seconds of load on each target before anything counts. */
  readonly warmUp: number;
}

export interface TargetReport {
  readonly name: string;
  readonly cpu: Figure | undefined;
  readonly kibPerCall: number | undefined;
  readonly runs: readonly RunFigures[];
}

const FEW_CALLS = 2;

/** The first target is the one that is judged; the others stand beside it. */
export async function campaign(
  targets: readonly Target[],
  { plan, runs, warmUp }: CampaignOptions,
  events: MeasureEvents,
): Promise<TargetReport[]> {
  const generator = await GeneratorProcess.start();
  const done = targets.map((target) => ({ target, idle: 0, runs: [] as RunFigures[] }));
  const weights = { few: 1, all: 2, run: 3 };
  const whole =
    targets.length * ((warmUp > 0 ? weights.few + weights.all : 0) + runs * weights.run);
  let before = 0;
  /** Progress of one stage as a share of everything; the next begins where it ends. */
  const say = (name: string, what: string, weight: number): MeasureEvents => {
    const from = before;
    before += weight;
    return {
      ...events,
      onProgress: (text, share = 0) =>
        events.onProgress(`${name}, ${what}: ${text}`, (from + weight * share) / whole),
    };
  };
  try {
    for (const one of done) {
      const { target } = one;
      one.idle = residentNow(target);
      if (warmUp === 0) continue;
      // A few calls bring in what is loaded and compiled once; the memory of calls counts from there.
      const few = { ...plan, calls: Math.min(FEW_CALLS, plan.calls), seconds: warmUp, listen: 0 };
      await measure(generator, target, few, 0, say(target.name, "first calls", weights.few));
      one.idle = residentNow(target);
      const all = { ...plan, seconds: warmUp, listen: 0 };
      await measure(generator, target, all, one.idle, say(target.name, "warm-up", weights.all));
    }
    for (let run = 1; run <= runs; run++) {
      for (const { target, idle, runs: figures } of done) {
        const told = say(target.name, `run ${run} of ${runs}`, weights.run);
        figures.push(await measure(generator, target, plan, idle, told));
      }
    }
  } finally {
    await generator.stop();
  }
  return done.map(({ target, runs: figures }) => reportOf(target.name, figures));
}

function residentNow({ pid }: Target): number {
  return pid === undefined ? 0 : residentBytes(pid);
}

function reportOf(name: string, runs: readonly RunFigures[]): TargetReport {
  const cpus = runs.flatMap(({ cpu }) => cpu ?? []);
  const kib = runs.flatMap(({ kibPerCall }) => kibPerCall ?? []);
  return {
    name,
    cpu: cpus.length > 0 ? figureOf(cpus) : undefined,
    kibPerCall: kib.length > 0 ? figureOf(kib).median : undefined,
    runs,
  };
}

/** CPU of the first target against each other's, within these runs; below 1 the first is cheaper. */
export function ratiosOf(
  reports: readonly TargetReport[],
): { readonly against: string; readonly cpu: Figure }[] {
  const [ours, ...others] = reports;
  return others.flatMap((other) => {
    const ratios = other.runs.flatMap(({ cpu: theirs }, run) => {
      const own = ours?.runs[run]?.cpu;
      return own !== undefined && theirs !== undefined && theirs > 0 ? [own / theirs] : [];
    });
    return ratios.length > 0 ? [{ against: other.name, cpu: figureOf(ratios) }] : [];
  });
}
