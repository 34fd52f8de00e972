/**
 * A budget: what a report's figures may be at most, or must be at least, for CI. Ratios within one run
 * hold on any machine; absolute figures only where they were measured.
 */
import { z } from "zod";
import type { Report } from "./report.ts";

const bounds = z.strictObject({ atMost: z.number().optional(), atLeast: z.number().optional() });

const budget = z.strictObject({
  /** CPU against another target's, by its name: `{ "rtpengine": 0.25 }`. */
  ratios: z.record(z.string(), z.number().positive()).default({}),
  /** Any figure by its key, as `--json` names them: a number is the most it may be. */
  figures: z.record(z.string(), z.union([z.number(), bounds])).default({}),
  /** CPU ms per call-second. */
  cpu: z.number().positive().optional(),
  kibPerCall: z.number().positive().optional(),
  /** Of the worst call, by content, ms. */
  delayToPbxP99Ms: z.number().positive().optional(),
  delayToSoftphoneP99Ms: z.number().positive().optional(),
});

export type Budget = z.infer<typeof budget>;

/** Throws with a sentence where the file is no budget. */
export async function readBudget(path: string): Promise<Budget> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new Error(`there is no budget ${path}`);
  const result = budget.safeParse(await file.json());
  if (!result.success) throw new Error(`${path} is no budget: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** What is beyond the budget, a line each. What was not measured is beyond it too. */
export function overBudget(
  { figures, ratios }: Pick<Report, "figures" | "ratios">,
  limits: Budget,
): string[] {
  const over: string[] = [];
  const check = (what: string, limit: z.infer<typeof bounds>, value: number | undefined) => {
    const { atMost, atLeast } = limit;
    const [told, high, low] = [value?.toFixed(2) ?? "not measured", atMost, atLeast];
    if (high !== undefined && !(value !== undefined && value <= high)) {
      over.push(`${what} is ${told}, at most ${high}`);
    }
    if (low !== undefined && !(value !== undefined && value >= low)) {
      over.push(`${what} is ${told}, at least ${low}`);
    }
  };
  const { ratios: allowed, figures: named, cpu, ...others } = limits;
  const byKey = { ...others, ...(cpu === undefined ? {} : { cpuMsPerCallSecond: cpu }), ...named };
  for (const [key, limit] of Object.entries(byKey)) {
    if (limit === undefined) continue;
    const found = figures.find((figure) => figure.key === key);
    const what = found ? `${found.name} (${key})` : key;
    check(what, typeof limit === "number" ? { atMost: limit } : limit, found?.value.median);
  }
  for (const [against, limit] of Object.entries(allowed)) {
    const found = ratios.find((ratio) => ratio.against === against);
    check(`CPU against ${against}`, { atMost: limit }, found?.cpu.median);
  }
  return over;
}
