/** How evenly registrations come: in windows of five seconds, of all hosts and of each (R3). */
import type { Registration } from "./protocol.ts";

export const WINDOW_MS = 5_000;

export interface Rates {
  /** A second, in each window. */
  readonly perWindow: readonly number[];
  /** The most of all hosts in a window, a second; and of one host. */
  readonly most: number;
  readonly mostOfHost: number;
  readonly mean: number;
  /** Of the busiest window to the mean. */
  readonly ratio: number;
}

/** Between `from` and `until`, ms since the epoch; the last window counts if it is whole. */
export function ratesOf(
  registrations: readonly Registration[],
  from: number,
  until: number,
): Rates {
  const windows = Math.max(1, Math.floor((until - from) / WINDOW_MS));
  const all = new Array<number>(windows).fill(0);
  const ofHosts = new Map<number, number[]>();
  for (const { at, host } of registrations) {
    const window = Math.floor((at - from) / WINDOW_MS);
    if (window < 0 || window >= windows) continue;
    all[window] = (all[window] ?? 0) + 1;
    const own = ofHosts.get(host) ?? new Array<number>(windows).fill(0);
    own[window] = (own[window] ?? 0) + 1;
    ofHosts.set(host, own);
  }
  const aSecond = 1_000 / WINDOW_MS;
  const total = all.reduce((sum, count) => sum + count, 0);
  const mean = (total * aSecond) / windows;
  const most = Math.max(...all) * aSecond;
  const mostOfHost = Math.max(0, ...[...ofHosts.values()].flat()) * aSecond;
  return {
    perWindow: all.map((count) => count * aSecond),
    most,
    mostOfHost,
    mean,
    ratio: mean > 0 ? most / mean : 0,
  };
}
