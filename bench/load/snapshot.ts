/** What a target's process had used at one moment, and what lies between two moments. */
import {
  droppedDatagrams,
  type MachineTicks,
  machineTicks,
  processSeconds,
  residentBytes,
  threadSeconds,
} from "./proc.ts";

export interface Snapshot {
  readonly at: number;
  /** CPU seconds up to then, by `tid name`. */
  readonly threads: ReadonlyMap<string, number>;
  /** Of the whole process, threads that have ended included. */
  readonly cpuSeconds: number;
  readonly machine: MachineTicks;
  readonly dropped: number;
  readonly resident: number;
}

/** What the runtime calls the threads of Web Workers: the gateway's database is the first, then its media. */
const WORKER = "Worker";

/** Of nothing but the machine where the process can't be seen. */
export function snapshotOf(pid: number | undefined): Snapshot {
  return {
    at: performance.now(),
    threads: pid === undefined ? new Map() : threadSeconds(pid),
    cpuSeconds: pid === undefined ? 0 : processSeconds(pid),
    machine: machineTicks(),
    dropped: pid === undefined ? 0 : droppedDatagrams(pid),
    resident: pid === undefined ? 0 : residentBytes(pid),
  };
}

/**
 * CPU ms by thread for each of `units`, the busiest first. Every worker stands alone, in the order they
 * were started; other threads of one name are one line.
 */
export function threadsBetween(before: Snapshot, after: Snapshot, units: number) {
  const byName = new Map<string, number>();
  let workers = 0;
  for (const [thread, seconds] of after.threads) {
    const bare = thread.slice(thread.indexOf(" ") + 1);
    if (bare === WORKER) workers += 1;
    const name = bare === WORKER ? `worker ${workers}` : bare;
    const used = seconds - (before.threads.get(thread) ?? 0);
    byName.set(name, (byName.get(name) ?? 0) + used);
  }
  return [...byName]
    .map(([name, seconds]) => ({ name, cpu: (1_000 * seconds) / units }))
    .filter(({ cpu }) => cpu > 0)
    .sort((a, b) => b.cpu - a.cpu);
}

/** CPU ms in each second. */
export function timelineOf(snapshots: readonly Snapshot[]): number[] {
  return snapshots.slice(1).flatMap((after, index) => {
    const before = snapshots[index];
    if (!before || after.at - before.at < 500) return [];
    return [(1e6 * (after.cpuSeconds - before.cpuSeconds)) / (after.at - before.at)];
  });
}

/** How fast memory grew over the second half, KiB a minute, by the line that fits best. */
export function growthOf(snapshots: readonly Snapshot[]): number {
  const half = snapshots.slice(snapshots.length >> 1);
  return slopeOf(half.map(({ at, resident }) => [at / 60_000, resident / 1_024]));
}

/** Of the straight line that fits best (least squares); 0 where there is none. */
export function slopeOf(points: readonly (readonly [number, number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  let [above, below] = [0, 0];
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return below > 0 ? above / below : 0;
}
