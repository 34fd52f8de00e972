/**
 * `bench dtmf`: keys both ways in every form: softphones press them as telephone-events or by INFO, the
 * PBX takes and sends them as telephone-events, by INFO or as tones. What was heard is counted.
 */
import { Command } from "commander";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import { type NamedFigure, single } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { campaign } from "./campaign.ts";
import { LOAD_CODECS } from "./codecs.ts";
import { hitsOf, type KeyForm } from "./keypad.ts";
import type { RunFigures } from "./measure.ts";
import {
  type CodecOptions,
  someOf,
  type TargetOptions,
  whole,
  withCodecs,
  withReports,
  withTarget,
} from "./options.ts";
import type { KeyPlan } from "./protocol.ts";
import { withOpenTargets } from "./targets.ts";

interface Options extends CodecOptions, TargetOptions, ReportOptions {
  calls: number;
  keys: number;
  hold: number;
  pause: number;
  softphone: ("events" | "info")[];
  pbxKeys: KeyForm[];
}

interface Way {
  readonly softphone: KeyPlan["softphone"];
  readonly pbx: KeyForm;
  readonly run: RunFigures;
}

/** What the connection is told for each form of the PBX's. */
const MODES = { events: "rfc2833", info: "info", tones: "inband" } as const;
/** What comes last has so long to arrive. */
const TAIL_SECONDS = 1.5;

export function dtmfCommand(): Command {
  const command = new Command("dtmf")
    .description(
      "Keys pressed at both ends of calls, in every form: telephone-events, INFO, tones. Hits are counted",
    )
    .option("--calls <n>", "at once, for each pair of forms", whole(1, 200), 10)
    .option("--keys <n>", "that each end of each call presses", whole(1, 1_000), 20)
    .option("--hold <ms>", "that a key is held", whole(40, 2_000), 120)
    .option("--pause <ms>", "between keys", whole(60, 5_000), 120)
    .option(
      "--softphone <forms>",
      "how softphones send keys: events,info",
      someOf("events", "info"),
      ["events", "info"],
    )
    .option(
      "--pbx-keys <forms>",
      "how the PBX takes and sends them: events,info,tones",
      someOf("events", "info", "tones"),
      ["events", "info", "tones"],
    );
  const { opus, G722 } = LOAD_CODECS;
  return withReports(withTarget(withCodecs(command, opus, G722))).action(
    async (options: Options) => {
      const { calls, keys, codec, pbxCodec } = options;
      const title = `${calls} calls of ${codec.name} to ${pbxCodec.name} for each pair of forms, ${keys} keys at each end`;
      await runScenario({ name: "dtmf", title }, options, async (terminal) =>
        findingsOf(await ways(options, terminal)),
      );
    },
  );
}

async function ways(options: Options, terminal: Terminal): Promise<Way[]> {
  const found: Way[] = [];
  const total = options.pbxKeys.length * options.softphone.length;
  for (const pbx of options.pbxKeys) {
    await withOpenTargets(
      options,
      async (targets) => {
        for (const softphone of options.softphone) {
          const keys = { softphone, pbx, count: options.keys, holdMs: options.hold };
          const seconds = (options.keys * (options.hold + options.pause)) / 1_000 + TAIL_SECONDS;
          const plan = {
            ...{ calls: options.calls, ramp: 20, seconds, listen: 0, voice: "murmur" as const },
            softphoneCodec: options.codec.name,
            pbxCodec: options.pbxCodec.name,
            keys: { ...keys, pauseMs: options.pause },
          };
          const [report] = await campaign(
            targets,
            { plan, runs: 1, warmUp: 0 },
            {
              onProgress: (text, share = 0) =>
                terminal.update(`${softphone} to ${pbx}: ${text}`, (found.length + share) / total),
            },
          );
          const run = report?.runs[0];
          if (run) found.push({ softphone, pbx, run });
        }
      },
      { dtmfMode: MODES[pbx] },
    );
  }
  return found;
}

interface Count {
  pressed: number;
  hits: number;
  extra: number;
}

function countOf(run: RunFigures, end: "softphone" | "pbx"): Count {
  const count = { pressed: 0, hits: 0, extra: 0 };
  for (const { keys } of run.outcomes) {
    const at = keys?.[end];
    if (!at) continue;
    const hits = hitsOf(at.pressed, at.heard);
    count.pressed += at.pressed.length;
    count.hits += hits;
    count.extra += at.heard.length - hits;
  }
  return count;
}

function findingsOf(all: readonly Way[]): Findings {
  const figures: NamedFigure[] = [];
  const rows: string[][] = [];
  const faults: string[] = [];
  const doubts: string[] = [];
  for (const { softphone, pbx, run } of all) {
    const ends = [
      ["pbx", `softphone's ${softphone} to the PBX's ${pbx}`],
      ["softphone", `the PBX's ${pbx} to a softphone with ${softphone}`],
    ] as const;
    for (const [end, name] of ends) {
      const { pressed, hits, extra } = countOf(run, end);
      const share = pressed === 0 ? 0 : (100 * hits) / pressed;
      const key = `hits ${softphone} ${pbx} ${end}`;
      const goal = { atLeast: 100, source: "every key" };
      figures.push({ key, name, unit: "% of keys", value: single(share), digits: 1, goal });
      rows.push([name, String(pressed), String(hits), String(pressed - hits), String(extra)]);
      if (extra > 0) faults.push(`${name}: ${extra} keys were heard that nobody pressed`);
    }
    // A key takes the place of audio: that less of it came is what was asked for.
    faults.push(...run.faults.filter((fault) => !fault.includes("delivered")));
    doubts.push(...run.doubts);
  }
  const columns = ["way", "pressed", "heard", "missed", "too many"];
  return {
    figures,
    sections: [{ kind: "table", title: "Keys", columns, rows }],
    faults: [...new Set(faults)],
    doubts: [...new Set(doubts)],
  };
}
