/** What a gateway of our own holds at one moment: memory, descriptors, and everything it counts as alive. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { GatewayRig } from "../../test/rigs/gateway.ts";
import { openDescriptors, residentBytes } from "../load/proc.ts";
import { slopeOf } from "../load/snapshot.ts";

export interface Inventory {
  /** Seconds since the beginning. */
  readonly at: number;
  readonly counts: Readonly<Record<string, number>>;
}

export const RESIDENT = "memory, MiB";
/** Records of calls stay: what each adds is to be the same, however many there are. */
export const DATABASE = "database, KiB";
/** Come and go by themselves: transactions wait 32 s for repetitions, streams keep their framing. */
const LASTING = new Set([RESIDENT, DATABASE, "bindings", "framings"]);

export async function inventoryOf(gateway: GatewayRig, at: number): Promise<Inventory> {
  const { alive, workers } = await gateway.status();
  const { all, sockets } = openDescriptors(gateway.pid);
  const sum = (of: (worker: (typeof workers)[number]) => number) =>
    workers.reduce((total, worker) => total + of(worker), 0);
  return {
    at,
    counts: {
      [RESIDENT]: residentBytes(gateway.pid) / 2 ** 20,
      [DATABASE]: databaseBytes(gateway.directory) / 2 ** 10,
      descriptors: all,
      sockets,
      "media sessions": sum(({ sessions }) => sessions),
      // A leg towards a PBX holds a pair of ports.
      "media legs": sum(({ legs }) => legs),
      ...alive,
    },
  };
}

/** Of all its files, the write-ahead log among them. */
function databaseBytes(directory: string): number {
  const data = join(directory, "data");
  const sizes = readdirSync(data).map((name) =>
    statSync(join(data, name), { throwIfNoEntry: false }),
  );
  return sizes.reduce((sum, found) => sum + (found?.isFile() ? found.size : 0), 0);
}

export interface Leak {
  readonly what: string;
  readonly before: number;
  readonly after: number;
}

/** What there is more of when all calls are over than there was before the first. */
export function leaksBetween(before: Inventory, after: Inventory): Leak[] {
  return Object.entries(after.counts).flatMap(([what, count]) => {
    const former = before.counts[what] ?? 0;
    return count > former && !LASTING.has(what) ? [{ what, before: former, after: count }] : [];
  });
}

/** How fast each grew over the second half, an hour. */
export function slopes(all: readonly Inventory[]): Record<string, number> {
  const half = all.slice(all.length >> 1);
  const names = Object.keys(all.at(-1)?.counts ?? {});
  return Object.fromEntries(
    names.map((name) => [
      name,
      slopeOf(half.map(({ at, counts }): [number, number] => [at / 3_600, counts[name] ?? 0])),
    ]),
  );
}
