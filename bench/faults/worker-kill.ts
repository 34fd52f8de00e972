/**
 * `bench worker-kill` (R1): calls that hum, a media worker that is killed in the middle of them, and how
 * long each end did not hear the other.
 */
import { Command } from "commander";
import { campaign } from "../load/campaign.ts";
import { LOAD_CODECS } from "../load/codecs.ts";
import type { RunFigures } from "../load/measure.ts";
import { type CodecOptions, whole, withCodecs, withReports } from "../load/options.ts";
import { quantile } from "../load/samples.ts";
import { startGateway } from "../load/targets.ts";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import { type NamedFigure, single } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { killableGateway, killWorker } from "./kill.ts";

interface Options extends CodecOptions, ReportOptions {
  calls: number;
  workers: number;
  seconds: number;
  kills: number;
}

/** R1's, ms. */
const GOALS = { p50: 100, p99: 200, max: 500 };
/** Shorter silences are the machine's, and the calls of another worker's: a lone worker has them all. */
const TOUCHED_MS = 45;
/** A packet's time and what hearing takes: no kill is over so soon. */
const UNTOUCHED_MS = 25;

export function workerKillCommand(): Command {
  const command = new Command("worker-kill")
    .description(
      "R1: a media worker is killed in the middle of calls; how long nothing is heard, at both ends of each",
    )
    .option("--calls <n>", "at once", whole(1, 1_000), 20)
    .option("--workers <n>", "media workers, of which one is killed", whole(1, 64), 2)
    .option("--kills <n>", "one in each run", whole(1, 50), 3)
    .option("--seconds <n>", "of each run; the kill is after a quarter", whole(4, 600), 12);
  const { opus, G722 } = LOAD_CODECS;
  return withReports(withCodecs(command, opus, G722)).action(async (options: Options) => {
    const { calls, workers, kills } = options;
    const title = `${calls} calls on ${workers} media workers, one killed, ${kills} times`;
    await runScenario({ name: "worker-kill", title }, options, async (terminal) =>
      findingsOf(await runs(options, terminal), options),
    );
  });
}

async function runs(options: Options, terminal: Terminal): Promise<RunFigures[]> {
  const { calls, workers, seconds, kills, codec, pbxCodec } = options;
  const target = await startGateway(
    { softphone: codec, pbx: pbxCodec },
    { workers, command: killableGateway() },
  );
  const plan = {
    ...{ calls, ramp: 20, seconds, listen: 0, voice: "hum" as const },
    softphoneCodec: codec.name,
    pbxCodec: pbxCodec.name,
  };
  try {
    const settings = { plan, runs: kills, warmUp: 0 };
    const [report] = await campaign([target], settings, {
      onProgress: (text, share) => terminal.update(text, share),
      onSteady: () => void setTimeout(() => killWorker(target), (seconds * 1_000) / 4),
    });
    return [...(report?.runs ?? [])];
  } finally {
    await target.stop();
  }
}

function findingsOf(all: readonly RunFigures[], { kills, workers }: Options): Findings {
  const ends = ["softphone", "pbx"] as const;
  const silences = all.flatMap(({ outcomes }, run) =>
    outcomes.flatMap(({ index, silence }) =>
      ends.flatMap((end) => (silence ? [{ run, index, end, ...silence[end] }] : [])),
    ),
  );
  const touched = silences.filter(({ gapMs }) => workers === 1 || gapMs > TOUCHED_MS);
  const sorted = (list: readonly { gapMs: number }[]) =>
    list.map(({ gapMs }) => gapMs).sort((a, b) => a - b);
  const gaps = sorted(touched);
  const gap = (key: string, name: string, value: number, atMost: number): NamedFigure => {
    const goal = { atMost, source: "R1" };
    return { key, name, unit: "ms", value: single(value), digits: 0, goal };
  };
  const lost = silences.filter(({ isBack }) => !isBack);
  const rows = ends.map((end) => {
    const own = sorted(touched.filter((one) => one.end === end));
    const told = [quantile(own, 0.5), quantile(own, 0.99), own.at(-1) ?? 0];
    const count = `${own.length} of ${silences.filter((one) => one.end === end).length}`;
    return [end === "pbx" ? "PBX" : end, count, ...told.map((ms) => ms.toFixed(0))];
  });
  const hasInterrupted = touched.some(({ gapMs }) => gapMs > UNTOUCHED_MS);
  return {
    figures: [
      gap("gapP50Ms", "audio gap, p50", quantile(gaps, 0.5), GOALS.p50),
      gap("gapP99Ms", "audio gap, p99", quantile(gaps, 0.99), GOALS.p99),
      gap("gapMaxMs", "audio gap, longest", gaps.at(-1) ?? 0, GOALS.max),
      {
        ...{ key: "callsLost", name: "ends that never heard again", unit: "" },
        ...{ value: single(lost.length), digits: 0, goal: { atMost: 0, source: "R1" } },
      },
    ],
    sections: [
      {
        kind: "table",
        title: "Silence by who listened, ms",
        columns: ["end", "interrupted", "p50", "p99", "longest"],
        rows,
      },
      {
        kind: "bars",
        title: "Longest silence of each end that was interrupted, the worst 40",
        unit: "ms",
        bars: [...touched]
          .sort((a, b) => b.gapMs - a.gapMs)
          .slice(0, 40)
          .map(({ run, index, end, gapMs }) => {
            const name = `run ${run + 1}, call ${index}, ${end === "pbx" ? "PBX" : end}`;
            return { name, value: gapMs, low: gapMs, high: gapMs, group: end === "pbx" ? 1 : 0 };
          }),
      },
    ],
    faults: [
      // Packets are missing in a gap: only calls that never came about are bad besides.
      ...all.flatMap(({ faults }) => faults.filter((fault) => !fault.includes("delivered"))),
      ...(hasInterrupted ? [] : [`no call was interrupted by ${kills} kills`]),
    ],
    doubts: [...new Set(all.flatMap(({ doubts }) => doubts))],
  };
}
