/** A time that is asked about: written as RFC 3339 has it, or in milliseconds since 1970. */
import { KEPT_MS } from "../schema/happenings.ts";

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/i;
const EPOCH_MS = /^\d{1,15}$/;
const DAY_MS = 86_400_000;

export type PastTime = { readonly at: number } | { readonly problem: string };

/** A time that is over and of which history is kept; else what was wrong, and what is right. */
export function pastTime(text: string, now: number): PastTime {
  const at = EPOCH_MS.test(text) ? Number(text) : RFC_3339.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) {
    const example = new Date(now - DAY_MS).toISOString();
    return { problem: `at is a time like ${example}, or milliseconds since 1970` };
  }
  if (at > now)
    return { problem: "at is in the future: only what was can be told, or what is now" };
  if (at < now - KEPT_MS) {
    const days = KEPT_MS / DAY_MS;
    return { problem: `at is too long ago: history is kept for ${days} days` };
  }
  return { at };
}
