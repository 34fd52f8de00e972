/**
 * What the gateway is to cost beside others, and whether it does: ratios of CPU in one run. Where one
 * is missed the report goes on to say where the time goes.
 */
import type { TableSection } from "./sections.ts";

export interface ComparedGoal {
  /** What is compared: `OPTIONS over UDP, to Kamailio`. */
  readonly name: string;
  readonly measured: number;
  readonly atMost: number;
}

/** By mode and by what it stands beside; others have no goal. */
const MEDIA: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  transcode: { rtpengine: 0.25, "rtpengine tuned": 0.5 },
  bridge: { rtpengine: 1 },
};
/** Kamailio's cost for each transaction, within this factor. */
export const SIGNALLING_AT_MOST = 2;

export function mediaGoals(
  mode: string,
  ratios: readonly { readonly against: string; readonly cpu: { readonly median: number } }[],
): ComparedGoal[] {
  return ratios.flatMap(({ against, cpu }) => {
    const atMost = MEDIA[mode]?.[against];
    const name = `${mode}, to ${against}`;
    return atMost === undefined ? [] : [{ name, measured: cpu.median, atMost }];
  });
}

export function isMissed({ measured, atMost }: ComparedGoal): boolean {
  return measured > atMost;
}

/** None where nothing was compared that has a goal. */
export function goalsSection(goals: readonly ComparedGoal[]): TableSection[] {
  if (goals.length === 0) return [];
  const rows = goals.map((goal) => [
    goal.name,
    goal.measured.toFixed(2),
    `at most ${goal.atMost}`,
    isMissed(goal) ? "missed: below is where the time goes" : "met",
  ]);
  return [{ kind: "table", title: "Goals", columns: ["CPU", "times", "goal", ""], rows }];
}
