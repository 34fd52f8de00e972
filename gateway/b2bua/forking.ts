/** Which of several failures the caller hears: RFC 3261 §16.7 step 6, for a fork that lost. */

import type { Ending } from "./reason.ts";

const NOTHING: Ending = { status: 480, reason: "nobody could be reached" };

/**
 * A 6xx wins; else the lowest class, and inside 4xx the answer that tells the caller most. 503 is
 * a statement about one device, not about the user: it becomes 500 (§16.7 step 6).
 */
export function bestFailure(failures: readonly Ending[]): Ending {
  const [first = NOTHING, ...rest] = failures;
  if (rest.length === 0) return first;
  const best = rest.reduce((best, other) => (rank(other) < rank(best) ? other : best), first);
  return best.status === 503 ? { ...best, status: 500 } : best;
}

function rank({ status }: Ending): number {
  if (status >= 600) return 0;
  const preferred = [486, 480, 408].indexOf(status);
  return Math.floor(status / 100) * 1_000 + (preferred < 0 ? 100 + (status % 100) : preferred);
}
