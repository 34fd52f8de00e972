/** `bench signalling`: what SIP costs, beside Kamailio, and where the time goes. */
import { Command } from "commander";
import { oneOf, type TargetOptions, whole, withReports, withTarget } from "../load/options.ts";
import { goalsSection, isMissed } from "../report/goals.ts";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import type { Section } from "../report/sections.ts";
import { type Profile, profileSignalling } from "./profile.ts";
import { comparedGoals, signallingFindings } from "./report.ts";
import { benchSignalling, type SignallingOptions } from "./signalling.ts";

type Options = SignallingOptions & TargetOptions & ReportOptions & { profile?: true };

export function signallingCommand(): Command {
  const command = new Command("signalling")
    .description(
      "OPTIONS, REGISTER with digest and calls without audio: CPU for each, and how long",
    )
    .option("--seconds <n>", "of load in each run", whole(1, 600), 5)
    .option("--runs <n>", "repetitions; the median counts", whole(1, 50), 3)
    .option("--warmup <n>", "seconds of each load before, which don't count", whole(0, 600), 20)
    .option("--phones <n>", "at once", whole(1, 60), 60)
    .option("--compare <name>", "kamailio, in the same run", oneOf("kamailio"))
    .option("--profile", "where the gateway's time goes, instead");
  return withReports(withTarget(command)).action(async (options: Options) => {
    const { phones, runs, seconds } = options;
    const title = `${phones} phones, ${runs} runs of ${seconds} s of each`;
    await runScenario({ name: "signalling", title }, options, async (terminal) => {
      if (options.profile) return profiled(await profileSignalling(options));
      const all = await benchSignalling(options, (text, share) => terminal.update(text, share));
      const found = signallingFindings(all);
      const goals = comparedGoals(all);
      const sections = [...goalsSection(goals), ...found.sections];
      if (!goals.some(isMissed) || options.target) return { ...found, sections };
      terminal.update("a goal is missed: looking where the time goes");
      const { sections: where } = profiled(await profileSignalling(options));
      return { ...found, sections: [...sections, ...where] };
    });
  });
}

function profiled(profiles: readonly Profile[]): Findings {
  const sections = profiles.flatMap(({ what, how, layers, threads }): Section[] => {
    const sum = layers.reduce((total, [, microseconds]) => total + microseconds, 0);
    return [
      {
        kind: "bars",
        title: `${what}, ${how}: JavaScript on the main thread, ${sum.toFixed(0)} µs each`,
        unit: "µs",
        bars: layers.map(([name, value]) => ({ name, value, low: value, high: value, group: 0 })),
      },
      {
        kind: "table",
        title: `${what}: threads, user and system, the profiler among them`,
        columns: ["thread", "µs each"],
        rows: threads
          .filter(([, microseconds]) => microseconds >= 1)
          .map(([name, microseconds]) => [name, microseconds.toFixed(1)]),
      },
    ];
  });
  return { figures: [], sections, faults: [], doubts: [] };
}
