/** What a soak says: calls that failed though nothing was done to them, and what grew or is left. */
import type { SwarmSeen } from "../estate/protocol.ts";
import type { RunFigures } from "../load/measure.ts";
import type { Findings } from "../report/report.ts";
import { type Goal, type NamedFigure, type Section, single } from "../report/sections.ts";
import { type FaultKind, isExcused, windowOf } from "./faults.ts";
import { DATABASE, type Inventory, leaksBetween, RESIDENT, slopes } from "./inventory.ts";

export interface Injected {
  readonly kind: FaultKind;
  /** Seconds after the beginning, and ms since the epoch. */
  readonly at: number;
  readonly when: number;
}

export interface Soaked {
  readonly run: RunFigures;
  /** Softphones that only registered, if there were any. */
  readonly phones: SwarmSeen | undefined;
  readonly before: Inventory;
  readonly after: Inventory;
  readonly inventories: readonly Inventory[];
  readonly injected: readonly Injected[];
  readonly seconds: number;
}

/** R15 asks for no growth after a quarter of an hour; shorter runs show it, no more. */
const JUDGED_SECONDS = 1_800;
const GROWTH_MIB_PER_HOUR = 1;
const DELIVERED_MIN = 0.8;
const SHOWN_MAX = 8;

export function findingsOf({
  run,
  phones,
  before,
  after,
  inventories,
  injected,
  seconds,
}: Soaked): Findings {
  const windows = injected.map(({ kind, when }) => windowOf(kind, when));
  const bad = [
    ...run.refused,
    ...run.outcomes.flatMap(({ beganAt = 0, endedAt = 0, delivered, softphone, pbx }) => {
      const fault = softphone?.fault ?? pbx?.fault;
      const lost = `${(100 * delivered).toFixed(0)} % of its packets came`;
      const reason = fault ?? (delivered < DELIVERED_MIN ? lost : undefined);
      return reason === undefined ? [] : [{ beganAt, endedAt, reason }];
    }),
  ];
  const failed = bad.filter((call) => !isExcused(call, windows));
  const leaks = leaksBetween(before, after);
  const growth = slopes(inventories);
  const goal = (atMost: number): Goal => ({ atMost, source: "R15" });
  const figure = (
    key: string,
    name: string,
    unit: string,
    value: number,
    digits = 0,
    of?: Goal,
  ) => {
    const made = { key, name, unit, value: single(value), digits };
    return (of ? { ...made, goal: of } : made) satisfies NamedFigure;
  };
  const memory = growth[RESIDENT] ?? 0;
  const callsAnHour = (3_600 * run.outcomes.length) / seconds;
  const database = (growth[DATABASE] ?? 0) / Math.max(1, callsAnHour);
  const isLong = seconds >= JUDGED_SECONDS;
  const listened = run.outcomes.filter(({ softphone }) => softphone).length;
  return {
    figures: [
      figure("calls", "calls", "", run.outcomes.length + run.refused.length),
      figure("callsFailed", "good calls that failed", "", failed.length, 0, goal(0)),
      figure("callsDisturbed", "calls a fault spoilt", "", bad.length - failed.length),
      figure("callsListened", "calls that were listened to", "", listened),
      ...(phones === undefined
        ? []
        : [
            figure("refreshes", "REGISTERs of softphones", "", phones.done),
            figure("refreshesFailed", "of them failed", "", phones.failures.length, 0, goal(0)),
            figure("reconnects", "softphones that came back", "", phones.reconnects),
          ]),
      figure("faults", "faults", "", injected.length),
      figure("leaks", "kinds of things left over", "", leaks.length, 0, goal(0)),
      figure(
        ...(["growthMibPerHour", "memory grew, second half", "MiB an hour", memory, 1] as const),
        isLong ? goal(GROWTH_MIB_PER_HOUR) : undefined,
      ),
      figure("databaseKibPerCall", "database, for each call", "KiB", database, 2),
      ...(run.cpu === undefined ? [] : [figure("cpuMsPerCall", "CPU per call", "ms", run.cpu, 1)]),
      figure("setupP50Ms", "set-up, p50", "ms", run.setupMs.connected.p50, 1),
      figure("setupP99Ms", "set-up, p99", "ms", run.setupMs.connected.p99, 1),
    ],
    sections: sectionsOf({ before, after, inventories, injected, growth }),
    faults: [
      ...failed.slice(0, SHOWN_MAX).map(({ reason }) => `a good call failed: ${reason}`),
      ...(phones?.failures ?? []).slice(0, SHOWN_MAX),
      ...leaks.map(
        ({ what, before: former, after: left }) => `${what}: ${former} before, ${left} after`,
      ),
    ],
    doubts: run.doubts,
  };
}

function sectionsOf({
  before,
  after,
  inventories,
  injected,
  growth,
}: Pick<Soaked, "before" | "after" | "inventories" | "injected"> & {
  growth: Readonly<Record<string, number>>;
}): Section[] {
  const marks = injected.map(({ at, kind }) => ({ at, name: kind }));
  const series = (name: string) => ({
    name,
    points: inventories.map(({ at, counts }): [number, number] => [at, counts[name] ?? 0]),
  });
  const lines = (title: string, unit: string, names: readonly string[]): Section => {
    return { kind: "lines", title, unit, along: "s", marks, series: names.map(series) };
  };
  const most = (name: string) => Math.max(0, ...inventories.map(({ counts }) => counts[name] ?? 0));
  const names = Object.keys(after.counts);
  const shown = (name: string, value: number) => value.toFixed(name === RESIDENT ? 1 : 0);
  return [
    lines("Memory, and what was done", "MiB", [RESIDENT]),
    lines("Alive", "", ["descriptors", "sockets", "dialogs", "media legs", "serverTransactions"]),
    {
      kind: "table",
      title: "What there is",
      columns: ["", "before", "most", "after", "grew, an hour"],
      rows: names.map((name) => [
        name,
        shown(name, before.counts[name] ?? 0),
        shown(name, most(name)),
        shown(name, after.counts[name] ?? 0),
        (growth[name] ?? 0).toFixed(1),
      ]),
    },
    {
      kind: "table",
      title: "Faults",
      columns: ["after s", "fault"],
      rows: injected.map(({ at, kind }) => [at.toFixed(1), kind]),
    },
  ];
}
