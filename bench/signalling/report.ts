/** What signalling cost, as figures, plots and a table. */
import type { Findings } from "../report/report.ts";
import { type NamedFigure, printFigure, single } from "../report/sections.ts";
import type { Measured } from "./signalling.ts";

const NAMES = { gateway: "jackfield", kamailio: "Kamailio" };

export function signallingFindings(all: readonly Measured[]): Findings {
  const pairs = all.filter(isOurs).flatMap((ours) => {
    const theirs = all.find(
      (one) => !isOurs(one) && one.what === ours.what && one.how === ours.how,
    );
    // Shorter than the kernel's tick, it was not seen.
    return theirs && theirs.cost.median > 0 ? [{ ours, theirs }] : [];
  });
  return {
    figures: [
      ...all.filter(isOurs).flatMap(figuresOf),
      ...pairs.map(({ ours, theirs }): NamedFigure => {
        const name = `${ours.what} over ${ours.how}, to Kamailio's CPU`;
        const value = single(ours.cost.median / theirs.cost.median);
        return { key: `kamailio ${ours.what} ${ours.how}`, name, unit: "times", value, digits: 1 };
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
