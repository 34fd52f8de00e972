/** `bench calls`, `bridge`, `relay` and `setup`: load on chosen targets, measured and reported. */
import { Command } from "commander";
import type { MediaMode } from "../../gateway/b2bua/status.ts";
import { profileSection } from "../profile/profile.ts";
import { goalsSection, isMissed, mediaGoals } from "../report/goals.ts";
import { mediaFindings } from "../report/media.ts";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import { type NamedFigure, type Section, single } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { campaign } from "./campaign.ts";
import { LOAD_CODECS, type LoadCodec } from "./codecs.ts";
import { findLimit, type LimitStep } from "./limit.ts";
import {
  type CodecOptions,
  type TargetOptions,
  whole,
  withCodec,
  withCodecs,
  withReports,
  withTargets,
  withWorkers,
} from "./options.ts";
import type { LoadPlan } from "./protocol.ts";
import { type Target, withOpenTargets } from "./targets.ts";

interface Options extends CodecOptions, TargetOptions, ReportOptions {
  calls: number;
  seconds: number;
  runs: number;
  ramp: number;
  warmUp: number;
  listen: number;
  findLimit?: boolean;
  profile?: boolean;
  /** Of calls that come and go: how long each is held, ms. */
  hold?: number;
}

const { opus, G722, PCMU } = LOAD_CODECS;

export function loadCommands(): Command[] {
  return [
    heldCalls("calls", opus, G722).description(
      "Calls held for a time: softphones with ICE, DTLS-SRTP and Opus, a PBX with RTP. Every call says its own speech, and what comes out is compared with it",
    ),
    heldCalls("bridge", PCMU, PCMU).description(
      "The same with one codec on both sides: SRTP to RTP, nothing transcoded",
    ),
    relayed().description(
      "DTLS-SRTP passed on undecrypted (SIP over TLS, transcoding off): the two ends share keys the gateway never has",
    ),
    comingAndGoing(),
  ];
}

function heldCalls(name: string, softphone: LoadCodec, pbx: LoadCodec): Command {
  const command = withReports(withTargets(withCodecs(withHold(name), softphone, pbx)));
  return command.action((options: Options) => run(name, options));
}

/** A gateway of our own alone: no codec is changed, and rtpengine would end DTLS. */
function relayed(): Command {
  const command = withReports(withWorkers(withCodec(withHold("relay"), opus)));
  return command.action((options: Options) =>
    run("relay", { ...options, pbxCodec: options.codec }),
  );
}

function withHold(name: string): Command {
  return new Command(name)
    .option("--calls <n>", "at once", whole(1, 5_000), 40)
    .option("--seconds <n>", "that they are held in each run", whole(1, 86_400), 10)
    .option("--runs <n>", "repetitions; the median counts", whole(1, 50), 3)
    .option("--ramp <n>", "calls set up in a second", whole(1, 1_000), 20)
    .option("--warm-up <s>", "seconds of load before anything counts", whole(0, 600), 8)
    .option("--listen <n>", "so many calls are listened to, all are counted", whole(0, 5_000), 16)
    .option("--find-limit", "look for the most calls, up to --calls, whose audio stays good")
    .option("--profile", "then say where the gateway's CPU went, by layer (perf)");
}

function comingAndGoing(): Command {
  const command = new Command("setup")
    .description(
      "Calls set up and hung up at a rate, with ICE, DTLS and a moment of audio: CPU for each call, set-up times",
    )
    .option("--ramp <n>", "calls a second", whole(1, 1_000), 10)
    .option("--hold <ms>", "that each is held", whole(100, 60_000), 1_000)
    .option("--seconds <n>", "of load in each run", whole(1, 864_000), 10)
    .option("--runs <n>", "repetitions; the median counts", whole(1, 50), 3)
    .option("--warm-up <s>", "seconds of load before anything counts", whole(0, 600), 5);
  return withReports(withTargets(withCodecs(command, opus, G722))).action((options: Options) => {
    // Enough numbers for calls that take ten seconds longer than they should.
    const calls = Math.ceil(options.ramp * ((options.hold ?? 0) / 1_000 + 10));
    return run("setup", { ...options, calls, listen: 0 });
  });
}

async function run(name: string, options: Options): Promise<void> {
  const { calls, ramp, seconds, runs, codec, pbxCodec, hold } = options;
  const own = { relay: name === "relay" };
  const mode: MediaMode = own.relay ? "relay" : codec === pbxCodec ? "bridge" : "transcode";
  const plan = {
    ...{ calls, ramp, seconds, listen: options.listen },
    softphoneCodec: codec.name,
    pbxCodec: pbxCodec.name,
    ...(hold === undefined ? {} : { churnHoldMs: hold }),
    mode,
  };
  const what = hold === undefined ? `${calls} calls` : `${ramp} calls a second`;
  const title = `${what}, ${codec.name} to ${pbxCodec.name}, ${runs} runs of ${seconds} s`;
  await runScenario({ name, title }, options, async (terminal) => {
    const found = await withOpenTargets(
      options,
      (targets) => findings(targets, plan, options, terminal),
      own,
    );
    const goals = mediaGoals(mode, found.ratios ?? []);
    const sections = [...goalsSection(goals), ...found.sections];
    // Of another's gateway nothing would be learned here.
    const isAsked = goals.some(isMissed) && !options.target && Bun.which("perf") !== null;
    if (!options.profile && !isAsked) return { ...found, sections };
    const profiled = { codec, pbxCodec, calls, seconds, warmUp: options.warmUp, gateway: own };
    const section = await profileSection(profiled, terminal);
    return { ...found, sections: [section, ...sections] };
  });
}

async function findings(
  targets: readonly Target[],
  plan: Omit<LoadPlan, "path">,
  { runs, warmUp, findLimit: isLimitWanted }: Options,
  terminal: Terminal,
): Promise<Findings> {
  const settings = { plan, runs, warmUp };
  const events = { onProgress: (text: string, share?: number) => terminal.update(text, share) };
  if (!isLimitWanted) return mediaFindings(await campaign(targets, settings, events));
  const limit = await findLimit(targets, settings, events);
  terminal.clear();
  process.stdout.write(`${limit.text}\n`);
  const found = mediaFindings(limit.reports);
  return {
    ...found,
    figures: [...limitFigures(limit.reports), ...found.figures],
    sections: [limitSteps(limit.steps), ...found.sections],
  };
}

function limitFigures(reports: readonly { name: string; runs: readonly { calls: number }[] }[]) {
  return reports.map(({ name, runs }, index): NamedFigure => {
    const key = index === 0 ? "callsMost" : `callsMost ${name}`;
    const value = single(runs[0]?.calls ?? 0);
    return { key, name: `most calls with good audio, ${name}`, unit: "", value, digits: 0 };
  });
}

function limitSteps(steps: readonly LimitStep[]): Section {
  const rows = steps.map(({ target, calls, run, why }) => [
    target,
    String(calls),
    run?.cpu === undefined ? "" : run.cpu.toFixed(2),
    run ? Math.max(run.toPbx.delayMs.p99, run.toSoftphone.delayMs.p99).toFixed(0) : "",
    run ? Math.min(run.toPbx.stoi, run.toSoftphone.stoi).toFixed(3) : "",
    why === "" ? "good" : why,
  ]);
  const columns = ["target", "calls", "CPU ms", "delay p99 ms", "STOI", "verdict"];
  return { kind: "table", title: "On the way to the limit", columns, rows };
}
