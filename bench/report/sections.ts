/**
 * What a report is made of, whatever the scenario: figures with their goals, tables and plots, as
 * plain data. text.ts and html.ts print them, budget.ts judges them, `--json` writes them.
 */
import type { Figure } from "../signalling/figures.ts";

/** One result that counts: what it is called in a budget and to people, and what it should be. */
export interface NamedFigure {
  /** In a budget file: `cpuMsPerCallSecond`. */
  readonly key: string;
  readonly name: string;
  readonly unit: string;
  readonly value: Figure;
  /** Decimals that mean something. */
  readonly digits: number;
  readonly goal?: Goal;
}

/** Missed, the run is bad; `source` says whose goal it is: `R3`. */
export interface Goal {
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly source: string;
}

export type Section = TableSection | BarsSection | LinesSection | FlameSection;

export interface TableSection {
  readonly kind: "table";
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** From where to where the line beside it goes: the spread, or up to the worst. */
  readonly low: number;
  readonly high: number;
  /** Bars of one group have one colour. */
  readonly group: number;
}

export interface BarsSection {
  readonly kind: "bars";
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface LinesSection {
  readonly kind: "lines";
  readonly title: string;
  readonly unit: string;
  /** Of the axis along the bottom: `s`. */
  readonly along: string;
  readonly series: readonly Series[];
  /** What happened when: faults that were injected, a restart. */
  readonly marks?: readonly { readonly at: number; readonly name: string }[];
  /** A line that should not be crossed. */
  readonly limit?: number;
}

/** Where time went: a box is as wide as its samples, and its children lie on it. */
export interface FlameBox {
  readonly name: string;
  readonly layer: string;
  readonly samples: number;
  readonly children: readonly FlameBox[];
}

export interface FlameSection {
  readonly kind: "flame";
  readonly title: string;
  /** Of each layer, milliseconds for what the scenario counts by. */
  readonly layers: readonly {
    readonly layer: string;
    readonly share: number;
    readonly ms: number;
  }[];
  readonly unit: string;
  readonly root: FlameBox;
}

/** A figure that was taken once. */
export function single(value: number): Figure {
  return { median: value, min: value, max: value };
}

export function isMet({ value, goal }: NamedFigure): boolean {
  if (!goal) return true;
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = goal;
  return value.median <= atMost && value.median >= atLeast;
}

/** `at most 60 (R3)`; empty without a goal. */
export function printGoal(goal: Goal | undefined): string {
  if (!goal) return "";
  const bounds = [
    goal.atLeast === undefined ? [] : [`at least ${goal.atLeast}`],
    goal.atMost === undefined ? [] : [`at most ${goal.atMost}`],
  ].flat();
  return `${bounds.join(", ")} (${goal.source})`;
}

/** `4.12 (4.01 to 4.40)`; without the spread where there is none. */
export function printFigure({ median, min, max }: Figure, digits: number): string {
  const text = median.toFixed(digits);
  return min === max ? text : `${text} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

/** Of figures with goals, those that were missed, a sentence each. */
export function missedGoals(figures: readonly NamedFigure[]): string[] {
  return figures
    .filter((figure) => !isMet(figure))
    .map(({ name, unit, value, digits, goal }) =>
      [`${name}: ${value.median.toFixed(digits)} ${unit}`.trimEnd(), printGoal(goal)].join(", "),
    );
}
