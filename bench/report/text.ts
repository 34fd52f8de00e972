/** A report for the terminal. */
import type { Report } from "./report.ts";
import { printMachine } from "./report.ts";
import {
  type BarsSection,
  type FlameSection,
  isMet,
  type LinesSection,
  type NamedFigure,
  printFigure,
  printGoal,
  type Section,
  type TableSection,
} from "./sections.ts";

const BAR_CELLS = 40;
const SPARK_CELLS = 60;
const SPARKS = "▁▂▃▄▅▆▇█";

export function textReport(report: Report): string {
  const lines = [
    `${report.scenario}: ${report.title}`,
    printMachine(report.machine),
    "",
    ...figureLines(report.figures),
    ...(report.ratios.length > 0 ? [""] : []),
    ...report.ratios.map(({ against, cpu }) => `CPU: ${printFigure(cpu, 2)} of ${against}'s`),
    ...report.sections.flatMap((section) => ["", ...sectionLines(section)]),
    ...(report.faults.length + report.doubts.length > 0 ? [""] : []),
    ...report.faults.map((fault) => `BAD    ${fault}`),
    ...report.doubts.map((doubt) => `doubt  ${doubt}`),
  ];
  return `${lines.join("\n")}\n`;
}

function figureLines(figures: readonly NamedFigure[]): string[] {
  const cells = figures.map((figure) => [
    figure.name,
    `${printFigure(figure.value, figure.digits)} ${figure.unit}`.trimEnd(),
    printGoal(figure.goal),
    figure.goal ? (isMet(figure) ? "met" : "MISSED") : "",
  ]);
  return aligned(cells);
}

function sectionLines(section: Section): string[] {
  switch (section.kind) {
    case "table":
      return tableLines(section);
    case "bars":
      return barLines(section);
    case "lines":
      return sparkLines(section);
    case "flame":
      return layerLines(section);
  }
}

function tableLines({ title, columns, rows }: TableSection): string[] {
  return [title, ...aligned([columns, ...rows].map((cells) => [...cells])).map(indented)];
}

function barLines({ title, unit, bars }: BarsSection): string[] {
  const most = Math.max(1e-9, ...bars.map(({ value }) => value));
  const cells = bars.map(({ name, value }) => [
    name,
    value.toFixed(2),
    "█".repeat(Math.round((BAR_CELLS * value) / most)),
  ]);
  return [headline(title, unit), ...aligned(cells).map(indented)];
}

function sparkLines({ title, unit, series, limit }: LinesSection): string[] {
  const cells = series.map(({ name, points }) => {
    const values = points.map(([, value]) => value);
    const most = values.reduce((max, value) => Math.max(max, value), 0);
    return [name, spark(values, most), `up to ${most.toFixed(1)}`];
  });
  const end = limit === undefined ? "" : `; at most ${limit}`;
  return [`${headline(title, unit)}${end}`, ...aligned(cells).map(indented)];
}

function layerLines({ title, unit, layers }: FlameSection): string[] {
  const cells = layers.map(({ layer, share, ms }) => [
    layer,
    `${(100 * share).toFixed(1).padStart(5)} %`,
    `${ms.toFixed(2).padStart(6)} ms`,
    "█".repeat(Math.round(BAR_CELLS * share)),
  ]);
  return [`${title}, ms per ${unit}`, ...aligned(cells).map(indented)];
}

/** At most `SPARK_CELLS` wide: of neighbours that share a cell the highest counts. */
export function spark(values: readonly number[], most: number): string {
  const cells = Math.min(SPARK_CELLS, values.length);
  return Array.from({ length: cells }, (_, cell) => {
    const from = Math.floor((cell * values.length) / cells);
    const to = Math.max(from + 1, Math.floor(((cell + 1) * values.length) / cells));
    const value = Math.max(0, ...values.slice(from, to));
    const level = most > 0 ? Math.round((value / most) * (SPARKS.length - 1)) : 0;
    return SPARKS[level] ?? "";
  }).join("");
}

function headline(title: string, unit: string): string {
  return unit === "" ? title : `${title}, ${unit}`;
}

function indented(line: string): string {
  return `  ${line}`.trimEnd();
}

/** Cells below each other, each column as wide as it must be. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const cells of rows) {
    for (const [column, cell] of cells.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3))
      .join("")
      .trimEnd(),
  );
}
