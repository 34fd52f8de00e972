/** How many calls a connection carries at once, and whether it takes another (LIM-01 to LIM-04). */
import type { Connection } from "../../schema/config.ts";

/** Calls a connection carries now, by who began them. */
export interface Usage {
  readonly inbound: number;
  readonly outbound: number;
}

/** LIM-03: what other products write for "no limit". */
const UNLIMITED = 9_999;

type Limits = Pick<Connection, "maxCalls" | "maxInbound" | "maxOutbound">;

/** Why there is no place for one more call in that direction; undefined where there is one. */
export function fullness(
  { maxCalls, maxInbound, maxOutbound }: Limits,
  { inbound, outbound }: Usage,
  direction: keyof Usage,
): string | undefined {
  const own = direction === "inbound" ? maxInbound : maxOutbound;
  if (isReached(own, direction === "inbound" ? inbound : outbound)) {
    return own === 0 ? `no ${direction} calls are allowed` : `${own} ${direction} calls are up`;
  }
  if (!isReached(maxCalls, inbound + outbound)) return undefined;
  return maxCalls === 0 ? "no calls are allowed" : `${maxCalls} calls are up`;
}

/** The share of its places that is taken, 0 to 1; next to nothing where there is no limit. */
export function load({ maxCalls, maxOutbound }: Limits, { inbound, outbound }: Usage): number {
  const total = (inbound + outbound) / Math.max(1, maxCalls ?? UNLIMITED);
  return Math.max(total, outbound / Math.max(1, maxOutbound ?? UNLIMITED));
}

function isReached(limit: number | undefined, calls: number): boolean {
  return limit !== undefined && limit < UNLIMITED && calls >= limit;
}
