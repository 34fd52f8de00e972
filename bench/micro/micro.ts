/** `bench micro`: what the pieces cost, each alone and beside something known. */
import { Command } from "commander";
import { withReports } from "../load/options.ts";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import type { NamedFigure } from "../report/sections.ts";
import type { Figure } from "../signalling/figures.ts";
import { codecResults } from "./codecs.ts";
import { dtlsResults } from "./dtls.ts";
import { sipResults } from "./sip.ts";
import { srtpResults } from "./srtp.ts";

export interface MicroResult {
  readonly name: string;
  /** Microseconds of CPU each time. */
  readonly ours: Figure;
  readonly theirs?: Figure | undefined;
  /** What `theirs` is. */
  readonly beside?: string;
}

const PIECES: Record<string, () => Promise<MicroResult[]> | MicroResult[]> = {
  codecs: codecResults,
  srtp: srtpResults,
  sip: sipResults,
  dtls: dtlsResults,
};

export function microCommand(): Command {
  const command = new Command("micro")
    .description("Codecs, SRTP, SIP parser and DTLS handshake, each alone: microseconds of CPU")
    .argument("[pieces...]", `of ${Object.keys(PIECES).join(", ")}; all unless given`);
  return withReports(command).action(async (pieces: string[], options: ReportOptions) => {
    const chosen = pieces.length > 0 ? pieces : Object.keys(PIECES);
    const unknown = chosen.find((name) => !PIECES[name]);
    if (unknown) throw new Error(`${unknown} is none of ${Object.keys(PIECES).join(", ")}`);
    await runScenario({ name: "micro", title: chosen.join(", ") }, options, async (terminal) => {
      const results: MicroResult[] = [];
      for (const [index, name] of chosen.entries()) {
        terminal.update(name, index / chosen.length);
        results.push(...((await PIECES[name]?.()) ?? []));
      }
      return findingsOf(results);
    });
  });
}

function findingsOf(results: readonly MicroResult[]): Findings {
  return {
    figures: results.map(({ name, ours }): NamedFigure => {
      return { key: name, name, unit: "µs", value: ours, digits: 1 };
    }),
    sections: [
      {
        kind: "bars",
        title: "Beside something known",
        unit: "times its CPU",
        bars: results.flatMap(({ name, ours, theirs, beside }) => {
          if (!theirs) return [];
          const value = ours.median / theirs.median;
          const [low, high] = [ours.min / theirs.median, ours.max / theirs.median];
          return [{ name: `${name}: ${beside}`, value, low, high, group: 0 }];
        }),
      },
    ],
    faults: [],
    doubts: [],
  };
}
