/** A report as one page that needs nothing else: its verdict, figures, plots, tables, and how it was made. */
import { barPlot, colourOf, flamePlot, linePlot } from "./plots.ts";
import type { Report } from "./report.ts";
import {
  isMet,
  type NamedFigure,
  printFigure,
  printGoal,
  type Section,
  type TableSection,
} from "./sections.ts";
import { STYLE } from "./style.ts";
import { textReport } from "./text.ts";

export function htmlReport(report: Report): string {
  const { scenario, title, at, figures, ratios, sections, faults, doubts } = report;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>bench ${escaped(scenario)}, ${escaped(at)}</title>
<style>${STYLE}</style></head><body><main>
<header><h1>bench ${escaped(scenario)}</h1>${verdictOf(report)}<p>${escaped(title)}</p></header>
${listOf("What is bad", "bad", faults)}
<dl class="figures">${figures.map(figureCard).join("")}</dl>
${ratios.length > 0 ? ratioCard(ratios) : ""}
${sections.map(sectionCard).join("\n")}
${listOf("Doubts: these figures may be the machine's", "doubt", doubts)}
${factsCard(report)}
<section><details><summary>As text</summary><pre>${escaped(textReport(report))}</pre></details></section>
<section><details><summary>As JSON</summary><pre>${escaped(JSON.stringify(report, withoutBulk, 1))}</pre></details></section>
</main></body></html>
`;
}

function verdictOf({ faults, doubts }: Report): string {
  if (faults.length > 0) return `<span class="verdict bad">bad</span>`;
  if (doubts.length > 0) return `<span class="verdict doubt">good, with doubts</span>`;
  return `<span class="verdict good">good</span>`;
}

function figureCard(figure: NamedFigure): string {
  const { name, unit, value, digits, goal } = figure;
  const { median, min, max } = value;
  const spread = min === max ? "" : `${min.toFixed(digits)} to ${max.toFixed(digits)}`;
  const asked = goal ? `${printGoal(goal)}: ${isMet(figure) ? "met" : "missed"}` : "";
  const colour = goal ? (isMet(figure) ? "good" : "bad") : "";
  return `<div><dt>${escaped(name)}</dt><dd>${median.toFixed(digits)} <span>${escaped(unit)}</span></dd><small>${spread}</small>${asked ? `<small class="${colour}">${escaped(asked)}</small>` : ""}</div>`;
}

function ratioCard(ratios: Report["ratios"]): string {
  const rows = ratios.map(({ against, cpu }) => {
    const share = Math.min(100, 100 * cpu.median);
    return `<div class="ratio"><span>of ${escaped(against)}’s</span><b>${printFigure(cpu, 2)}</b><span class="meter"><i style="width:${share.toFixed(1)}%"></i></span></div>`;
  });
  return `<section><h2>CPU, as a share <small>run by run; a full bar is as much or more</small></h2>${rows.join("")}</section>`;
}

function sectionCard(section: Section): string {
  switch (section.kind) {
    case "table":
      return card(section.title, "", tableOf(section));
    case "bars":
      return card(section.title, section.unit, barPlot(section));
    case "lines": {
      const names = section.series.map(({ name }) => name);
      return card(section.title, section.unit, legend(names) + linePlot(section));
    }
    case "flame": {
      const names = section.layers.map(
        ({ layer, share, ms }) => `${layer} ${(100 * share).toFixed(1)} %, ${ms.toFixed(2)} ms`,
      );
      return card(section.title, `ms per ${section.unit}`, legend(names) + flamePlot(section));
    }
  }
}

function card(title: string, unit: string, inside: string): string {
  const small = unit === "" ? "" : ` <small>${escaped(unit)}</small>`;
  return `<section><h2>${escaped(title)}${small}</h2>${inside}</section>`;
}

function legend(names: readonly string[]): string {
  const entries = names.map(
    (name, index) => `<span><i style="background:${colourOf(index)}"></i>${escaped(name)}</span>`,
  );
  return `<div class="legend">${entries.join("")}</div>`;
}

function tableOf({ columns, rows }: TableSection): string {
  const head = columns.map((cell) => `<th>${escaped(cell)}</th>`).join("");
  const body = rows.map(
    (cells) => `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`,
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

function listOf(title: string, colour: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  const items = lines.map((line) => `<li>${escaped(line)}</li>`).join("");
  return `<section><h2 class="${colour}">${escaped(title)}</h2><ul>${items}</ul></section>`;
}

function factsCard({ at, machine, options }: Report): string {
  const { cpu, cores, memoryGib, linux, bun, commit, rtpengine, kamailio, loadBefore } = machine;
  const facts: [string, string][] = [
    ["When", at],
    ["Machine", `${cpu}, ${cores} cores, ${memoryGib} GiB`],
    ["Load before", `${loadBefore.toFixed(1)} tasks wanted to run`],
    ["Versions", `commit ${commit}, Bun ${bun}, Linux ${linux}`],
    ...(rtpengine ? [["rtpengine", rtpengine] as [string, string]] : []),
    ...(kamailio ? [["Kamailio", kamailio] as [string, string]] : []),
    [
      "Options",
      Object.entries(options)
        .map(([key, value]) => `${key} ${shown(value)}`)
        .join(", "),
    ],
  ];
  const rows = facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`);
  return `<section><h2>How it was made</h2><dl class="facts">${rows.join("")}</dl></section>`;
}

/** Every call and every sample are for `--json`. */
function withoutBulk(key: string, value: unknown): unknown {
  return key === "outcomes" || key === "root" ? undefined : value;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function escaped(text: string): string {
  return Bun.escapeHTML(text);
}
