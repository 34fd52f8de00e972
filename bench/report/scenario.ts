/**
 * What every scenario's command does around its work: describes the machine, shows progress, prints
 * the report, writes it, and ends with status 1 where it is bad or beyond its budget.
 */
import { overBudget, readBudget } from "./budget.ts";
import { htmlReport } from "./html.ts";
import { describeMachine, type Findings, type Report } from "./report.ts";
import { missedGoals } from "./sections.ts";
import { Terminal } from "./terminal.ts";
import { textReport } from "./text.ts";

export interface ReportOptions {
  json?: string;
  html?: string;
  budget?: string;
}

export interface Scenario {
  readonly name: string;
  /** One line: what is done, with its sizes. */
  readonly title: string;
}

/** All given options but secrets stand in the report. */
export async function runScenario(
  { name, title }: Scenario,
  options: ReportOptions & object,
  work: (terminal: Terminal) => Promise<Findings>,
): Promise<Report> {
  const budget = options.budget === undefined ? undefined : await readBudget(options.budget);
  const machine = describeMachine();
  const terminal = new Terminal(`bench ${name}`);
  try {
    const findings = await work(terminal);
    const report: Report = {
      scenario: name,
      title,
      at: new Date().toISOString(),
      machine,
      options: told(options),
      targets: [],
      ratios: [],
      ...findings,
      faults: [...findings.faults, ...missedGoals(findings.figures)],
    };
    terminal.clear();
    process.stdout.write(textReport(report));
    const { json, html } = options;
    if (json !== undefined) await Bun.write(json, `${JSON.stringify(report, undefined, 2)}\n`);
    if (html !== undefined) await Bun.write(html, htmlReport(report));
    const over = budget ? overBudget(report, budget) : [];
    for (const line of over) process.stderr.write(`over budget: ${line}\n`);
    if (report.faults.length > 0 || over.length > 0) process.exitCode = 1;
    return report;
  } finally {
    terminal.clear();
  }
}

/** Codecs by name, without passwords and where the report goes. */
function told(options: object): Record<string, unknown> {
  const hidden = new Set(["password", "json", "html", "budget"]);
  const entries = Object.entries(options).filter(([key]) => !hidden.has(key));
  return Object.fromEntries(
    entries.map(([key, value]: [string, unknown]) => {
      const isNamed = typeof value === "object" && value !== null && "name" in value;
      return [key, isNamed ? value.name : value];
    }),
  );
}
