/**
 * `bench loss`: how calls sound on bad networks. What both ends send is lost and delayed on its way
 * to the target by the same chance for every target; what comes out is scored against what was said.
 * Losses on the way from the target to its listeners would say nothing of it.
 */
import { Command } from "commander";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import { type NamedFigure, single } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { type CampaignOptions, campaign } from "./campaign.ts";
import { LOAD_CODECS } from "./codecs.ts";
import type { Impairments } from "./impairment.ts";
import type { DirectionFigures } from "./measure.ts";
import {
  type CodecOptions,
  type TargetOptions,
  whole,
  withCodecs,
  withReports,
  withTargets,
} from "./options.ts";
import { type Target, withOpenTargets } from "./targets.ts";

/** What calls on bad networks are like; `losses` are percentages. */
export interface LossOptions extends CodecOptions {
  calls: number;
  seconds: number;
  burst: number;
  jitter: number;
  losses: number[];
}

interface Options extends LossOptions, TargetOptions, ReportOptions {}

export interface LossRow extends Impairments {
  readonly target: string;
  readonly toPbx: DirectionFigures;
  readonly toSoftphone: DirectionFigures;
  readonly faults: readonly string[];
  readonly doubts: readonly string[];
}

export function lossCommand(): Command {
  const command = new Command("loss")
    .description("How calls sound when packets are lost, in bursts or late: SNR and STOI for each")
    .option("--losses <list>", "percent of packets lost", percentages, [0, 1, 5, 10, 20])
    .option(
      "--burst <n>",
      "packets lost in a row on average; 1 is by chance alone",
      whole(1, 20),
      1,
    )
    .option("--jitter <ms>", "packets come up to this much later", whole(0, 200), 0)
    .option("--calls <n>", "at once", whole(1, 100), 6)
    .option("--seconds <n>", "of each", whole(3, 600), 8);
  const { opus, G722 } = LOAD_CODECS;
  return withReports(withTargets(withCodecs(command, opus, G722))).action(
    async (options: Options) => {
      const { calls, codec, pbxCodec, burst, jitter } = options;
      const title = `${calls} calls, ${codec.name} to ${pbxCodec.name}; ${burst} packets lost in a row, up to ${jitter} ms late`;
      await runScenario({ name: "loss", title }, options, (terminal) =>
        withOpenTargets(options, async (targets) =>
          findingsOf(await scores(targets, options, terminal)),
        ),
      );
    },
  );
}

/** One row for each loss and target. */
export async function scores(
  targets: readonly Target[],
  options: LossOptions,
  terminal: Terminal,
): Promise<LossRow[]> {
  const rows: LossRow[] = [];
  for (const percent of options.losses) {
    const impair = { loss: percent / 100, burst: options.burst, jitterMs: options.jitter };
    const settings: CampaignOptions = {
      plan: {
        calls: options.calls,
        ramp: 20,
        seconds: options.seconds,
        softphoneCodec: options.codec.name,
        pbxCodec: options.pbxCodec.name,
        listen: options.calls,
        impair,
      },
      runs: 1,
      warmUp: 0,
    };
    const reports = await campaign(targets, settings, {
      onProgress: (text, share = 0) =>
        terminal.update(
          `${percent} % lost: ${text}`,
          (options.losses.indexOf(percent) + share) / options.losses.length,
        ),
    });
    for (const { name, runs } of reports) {
      const [run] = runs;
      if (run) rows.push({ ...impair, ...run, target: name });
    }
  }
  return rows;
}

function findingsOf(rows: readonly LossRow[]): Findings {
  const columns = ["lost", "target", "way", "SNR dB", "STOI", "longest gap ms", "delay ms"];
  const cells = rows.flatMap((row) =>
    (["toPbx", "toSoftphone"] as const).map((way) => {
      const { snrDb, stoi, gapMs, delayMs } = row[way];
      const scores = [snrDb.toFixed(1), stoi.toFixed(3), String(gapMs), delayMs.p50.toFixed(0)];
      return [percent(row.loss), row.target, WAYS[way], ...scores];
    }),
  );
  const names = [...new Set(rows.map(({ target }) => target))];
  const series = names.flatMap((target) =>
    (["toPbx", "toSoftphone"] as const).map((way) => ({
      name: `${target}, ${WAYS[way]}`,
      points: rows
        .filter((row) => row.target === target)
        .map((row): [number, number] => [100 * row.loss, row[way].stoi]),
    })),
  );
  const figures = rows
    .filter(({ target }) => target === names[0])
    .flatMap((row) =>
      (["toPbx", "toSoftphone"] as const).map((way): NamedFigure => {
        const key = `stoi ${percent(row.loss)} ${way}`;
        const name = `intelligibility ${WAYS[way]}, ${percent(row.loss)} lost`;
        return { key, name, unit: "of 1", value: single(row[way].stoi), digits: 3 };
      }),
    );
  return {
    figures,
    sections: [
      {
        kind: "lines",
        title: "Intelligibility (STOI) by loss",
        unit: "of 1",
        along: "% of packets lost",
        series,
      },
      { kind: "table", title: "Scores", columns, rows: cells },
    ],
    faults: rows.flatMap(({ target, loss, faults }) =>
      target === names[0] ? faults.map((fault) => `${percent(loss)} lost: ${fault}`) : [],
    ),
    doubts: rows.flatMap(({ target, doubts }) => doubts.map((doubt) => `${target}: ${doubt}`)),
  };
}

const WAYS = { toPbx: "to PBX", toSoftphone: "to softphone" };

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function percentages(text: string): number[] {
  return text.split(",").map(whole(0, 60));
}
