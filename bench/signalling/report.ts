/** What signalling cost, as figures, plots and a table. */
import { type ComparedGoal, SIGNALLING_AT_MOST } from "../report/goals.ts";
import type { Findings } from "../report/report.ts";
import { type NamedFigure, printFigure, single } from "../report/sections.ts";
import type { Measured } from "./signalling.ts";

const NAMES = { gateway: "jackfield", kamailio: "Kamailio" };

/** What both did, with how many times Kamailio's CPU ours took. */
function pairsOf(all: readonly Measured[]) {
  return all.filter(isOurs).flatMap(({ what, how, cost }) => {
    const theirs = all.find((one) => !isOurs(one) && one.what === what && one.how === how);
    // Shorter than the kernel's tick, it was not seen.
    if (!theirs || theirs.cost.median <= 0) return [];
    return [{ what, how, times: cost.median / theirs.cost.median }];
  });
}

export function comparedGoals(all: readonly Measured[]): ComparedGoal[] {
  return pairsOf(all).map(({ what, how, times }) => {
    const name = `${what} over ${how}, to Kamailio`;
    return { name, measured: times, atMost: SIGNALLING_AT_MOST };
  });
}

export function signallingFindings(all: readonly Measured[]): Findings {
  return {
    figures: [
      ...all.filter(isOurs).flatMap(figuresOf),
      ...pairsOf(all).map(({ what, how, times }): NamedFigure => {
        const name = `${what} over ${how}, to Kamailio's CPU`;
        const key = `kamailio ${what} ${how}`;
        return { key, name, unit: "times", value: single(times), digits: 1 };
      }),
    ],
    sections: [
      {
        kind: "bars",
        title: "CPU for each",
        unit: "µs",
        bars: all.map(({ what, how, who, cost }) => ({
          name: `${what} ${how}, ${NAMES[who]}`,
          value: cost.median,
          low: cost.min,
          high: cost.max,
          group: who === "gateway" ? 0 : 1,
        })),
      },
      {
        kind: "table",
        title: "Side by side",
        columns: [
          "",
          "how",
          "who",
          "CPU µs",
          "a second per core",
          "took ms, p50 p99 max",
          "the load's own CPU µs",
        ],
        rows: all.map(rowOf),
      },
    ],
    faults: [],
    doubts: [],
  };
}

function figuresOf({ what, how, cost, tookMs }: Measured): NamedFigure[] {
  const key = `${what} ${how}`;
  const name = `${what} over ${how}`;
  return [
    { key: `cpuUs ${key}`, name: `${name}, CPU`, unit: "µs", value: cost, digits: 0 },
    { key: `p99Ms ${key}`, name: `${name}, p99`, unit: "ms", value: single(tookMs.p99), digits: 1 },
  ];
}

function rowOf({ what, how, who, cost, load, tookMs }: Measured): string[] {
  const isSeen = cost.median > 0;
  const took = [tookMs.p50, tookMs.p99, tookMs.max].map((ms) => ms.toFixed(1)).join("  ");
  const [own, rate] = isSeen
    ? [printFigure(cost, 0), String(Math.round(1_000_000 / cost.median))]
    : ["not seen", ""];
  return [what, how, NAMES[who], own, rate, took, load.median.toFixed(0)];
}

function isOurs({ who }: Measured): boolean {
  return who === "gateway";
}
