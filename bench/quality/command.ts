/**
 * `bench quality`: how the gateway sounds, as tables. First each way it can encode Opus, on the way
 * to a softphone that loses packets; then whole calls through the gateway and what stands beside
 * it, Opus to G.722 and to PCMA, whose packets are lost by chance or in bursts, or late. The
 * measures are segmental SNR and STOI (bench/audio). Above: run.ts. Below: load/loss.ts.
 */
import { Command } from "commander";
import { type Codecs, loadCodecs } from "../../media-wasm/codec.ts";
import { LOAD_CODECS } from "../load/codecs.ts";
import { type LossRow, scores } from "../load/loss.ts";
import { type TargetOptions, whole, withReports, withTargets } from "../load/options.ts";
import { withOpenTargets } from "../load/targets.ts";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import type { Section } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { OPUS_WAYS, type OpusScore, scoreOf } from "./opus-modes.ts";

interface Options extends TargetOptions, ReportOptions {
  calls: number;
  seconds: number;
  modesOnly?: boolean;
}

const LOSSES = [0, 1, 2, 5, 10, 20];
const BURST_PACKETS = 3;

/** The networks of whole calls: losses in percent, late packets in ms. */
const NETWORKS: readonly { losses: number[]; burst: number; jitter: number }[] = [
  { losses: [0, 1, 5, 10, 20], burst: 1, jitter: 0 },
  { losses: [1, 5, 10, 20], burst: BURST_PACKETS, jitter: 0 },
  { losses: [0], burst: 1, jitter: 20 },
  { losses: [0], burst: 1, jitter: 60 },
];

export function qualityCommand(): Command {
  const command = new Command("quality")
    .description("How it sounds, as tables: each Opus mode, and calls on bad networks")
    .option("--modes-only", "Opus modes alone: no calls, the same figures on every machine")
    .option("--calls <n>", "at once", whole(1, 100), 4)
    .option("--seconds <n>", "of each", whole(3, 600), 8);
  return withReports(withTargets(command)).action(async (options: Options) => {
    const title = "recorded speech against what a listener hears: segmental SNR, dB, and STOI";
    await runScenario({ name: "quality", title }, options, async (terminal) => {
      const modes = modesSection(await loadCodecs(), terminal);
      if (options.modesOnly) return { figures: [], sections: [modes], faults: [], doubts: [] };
      const calls = await callFindings(options, terminal);
      return { ...calls, sections: [modes, ...calls.sections] };
    });
  });
}

/** The way the policy takes is judged by these, see opus-policy.ts. */
function modesSection(codecs: Codecs, terminal: Terminal): Section {
  const networks = [
    ...LOSSES.map((percent) => ({ percent, burst: 1 })),
    ...LOSSES.filter((percent) => percent > 1).map((percent) => ({
      percent,
      burst: BURST_PACKETS,
    })),
  ];
  const cell = ({ snrDb, stoi }: OpusScore) => `${snrDb.toFixed(1)}, ${stoi.toFixed(3)}`;
  const rows = networks.map(({ percent, burst }, index) => {
    terminal.update(`Opus modes, ${percent} % lost`, index / networks.length);
    const network = { loss: percent / 100, burst };
    return [
      `${percent} %${burst > 1 ? `, ${burst} in a row` : ""}`,
      ...OPUS_WAYS.map((way) => cell(scoreOf(codecs, way, network))),
    ];
  });
  const rates = OPUS_WAYS.map((way) => {
    const { kbitPerSecond } = scoreOf(codecs, way, { loss: 0, burst: 1 });
    return `${kbitPerSecond.toFixed(0)} kbit/s`;
  });
  return {
    kind: "table",
    title: "Opus to a softphone: SNR dB, STOI",
    columns: ["lost", ...OPUS_WAYS.map(({ name }) => name)],
    rows: [["sent", ...rates], ...rows],
  };
}

async function callFindings(options: Options, terminal: Terminal): Promise<Findings> {
  const { calls, seconds } = options;
  const found: { pbxCodec: string; row: LossRow }[] = [];
  for (const pbxCodec of [LOAD_CODECS.G722, LOAD_CODECS.PCMA]) {
    const codecs = { codec: LOAD_CODECS.opus, pbxCodec };
    await withOpenTargets({ ...options, ...codecs }, async (targets) => {
      for (const network of NETWORKS) {
        const rows = await scores(targets, { calls, seconds, ...codecs, ...network }, terminal);
        found.push(...rows.map((row) => ({ pbxCodec: pbxCodec.name, row })));
      }
    });
  }
  const cells = found.map(({ pbxCodec, row }) => {
    const { toPbx, toSoftphone } = row;
    const heard = [toPbx, toSoftphone].flatMap(({ snrDb, stoi }) => [
      snrDb.toFixed(1),
      stoi.toFixed(3),
    ]);
    return [pbxCodec, networkName(row), row.target, ...heard];
  });
  const own = found[0]?.row.target;
  return {
    figures: [],
    sections: [
      {
        kind: "table",
        title: "Calls whose packets are lost or late on their way to the target",
        columns: [
          "Opus to",
          "network",
          "target",
          "to PBX: SNR",
          "STOI",
          "to softphone: SNR",
          "STOI",
        ],
        rows: cells,
      },
    ],
    faults: found.flatMap(({ pbxCodec, row }) =>
      row.target === own
        ? row.faults.map((fault) => `${pbxCodec}, ${networkName(row)}: ${fault}`)
        : [],
    ),
    doubts: found.flatMap(({ row }) => row.doubts.map((doubt) => `${row.target}: ${doubt}`)),
  };
}

function networkName({ loss, burst, jitterMs }: LossRow): string {
  if (jitterMs > 0) return `up to ${jitterMs} ms late`;
  const percent = `${(100 * loss).toFixed(0)} % lost`;
  return burst > 1 ? `${percent}, ${burst} in a row` : percent;
}
