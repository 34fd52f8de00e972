/** Looks for the most calls whose audio stays good: doubled until it doesn't, then halved between. */
import { type CampaignOptions, campaign, type TargetReport } from "./campaign.ts";
import type { MeasureEvents, RunFigures } from "./measure.ts";
import type { Target } from "./targets.ts";

const FIRST_CALLS = 4;

export interface Limit {
  /** One sentence for each target. */
  readonly text: string;
  /** At the limit of each. */
  readonly reports: TargetReport[];
  /** What was tried, in order. */
  readonly steps: LimitStep[];
}

export interface LimitStep {
  readonly target: string;
  readonly calls: number;
  readonly run: RunFigures | undefined;
  /** Empty where all was good. */
  readonly why: string;
}

export async function findLimit(
  targets: readonly Target[],
  options: CampaignOptions,
  events: MeasureEvents,
): Promise<Limit> {
  const reports: TargetReport[] = [];
  const sentences: string[] = [];
  const steps: LimitStep[] = [];
  for (const target of targets) {
    const most = options.plan.calls;
    let [good, bad] = [0, most + 1];
    let best: TargetReport | undefined;
    let why = "";
    for (let calls = Math.min(FIRST_CALLS, most); calls > good && calls < bad; ) {
      const [report] = await campaign(
        [target],
        { ...options, runs: 1, plan: { ...options.plan, calls } },
        events,
      );
      const run = report?.runs[0];
      // Where the generator could not keep up, its limit was found, not the target's.
      const reason = [...(run?.doubts ?? []), ...(run?.faults ?? [])][0] ?? "";
      const isGood = run?.faults.length === 0;
      if (report && isGood) {
        [good, best] = [calls, report];
      } else {
        [bad, why] = [calls, reason];
      }
      steps.push({ target: target.name, calls, run, why: isGood ? "" : reason });
      const isDoubling = bad > most;
      calls = isDoubling ? Math.min(most, 2 * good) : (good + bad) >> 1;
      // Within a tenth is near enough.
      if (!isDoubling && bad - good <= Math.max(1, good / 10)) break;
    }
    if (best) reports.push(best);
    const end = bad > most ? ", as many as were asked for" : `; with ${bad}: ${why}`;
    sentences.push(`${target.name}: ${good} calls with good audio${end}`);
  }
  return { text: sentences.join("; "), reports, steps };
}
