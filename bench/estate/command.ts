/** `bench register`, `restart` (R3) and `connections`: what registers, how fast, and what it costs. */
import { Command } from "commander";
import { whole, withReports } from "../load/options.ts";
import { quantile } from "../load/samples.ts";
import type { Findings } from "../report/report.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import { type Goal, type NamedFigure, type Section, single } from "../report/sections.ts";
import type { Terminal } from "../report/terminal.ts";
import { Estate, type EstateOptions } from "./estate.ts";
import { ratesOf, WINDOW_MS } from "./rates.ts";
import { registerCommand } from "./register.ts";

interface Options extends EstateOptions, ReportOptions {
  /** Seconds that are watched once all are registered. */
  seconds: number;
  /** Seconds they may take. */
  within: number;
}

const R3 = { perHost: 20, total: 200, backSeconds: 60, ratio: 2 };
const MIB = 1_048_576;
/** Memory and CPU at rest are known after that; an hour is for how evenly REGISTERs come. */
const REST_SECONDS_MAX = 120;

export function estateCommands(): Command[] {
  const restart = estateCommand("restart", {
    ...{ connections: 1_000, hosts: 20, softphones: 500, perUser: 1, seconds: 120, every: 60 },
    about:
      "R3: the gateway is killed and started again; how fast all connections and softphones are back, and how evenly their REGISTERs come, in windows of five seconds",
  });
  const connections = estateCommand("connections", {
    ...{ connections: 1_000, hosts: 20, softphones: 5_000, perUser: 10, seconds: 30, every: 300 },
    about:
      "Very many connections and softphones in one gateway: memory, CPU at rest, and the time to register all after a restart",
  });
  return [registerCommand(), restart, connections];
}

interface Defaults extends Omit<EstateOptions, "expires" | "ramp"> {
  readonly seconds: number;
  readonly about: string;
}

function estateCommand(name: "restart" | "connections", defaults: Defaults): Command {
  const command = new Command(name)
    .description(defaults.about)
    .option("--connections <n>", "that register at PBXs", whole(0, 5_000), defaults.connections)
    .option("--hosts <n>", "of those PBXs", whole(1, 250), defaults.hosts)
    .option("--expires <s>", "that the PBXs grant", whole(60, 3_600), 300)
    .option("--softphones <n>", "that register here", whole(0, 10_000), defaults.softphones)
    .option("--per-user <n>", "softphones of one user", whole(1, 10), defaults.perUser)
    .option("--every <s>", "between a softphone's REGISTERs", whole(1, 3_000), defaults.every)
    .option("--ramp <n>", "softphones that begin in a second", whole(1, 1_000), 100)
    .option(
      "--seconds <n>",
      "that are watched when all are there",
      whole(2, 86_400),
      defaults.seconds,
    )
    .option("--within <s>", "patience with whoever does not come", whole(5, 3_600), 180);
  return withReports(command).action(async (options: Options) => {
    const { connections, hosts, softphones } = options;
    const title = `${connections} connections at ${hosts} PBXs, ${softphones} softphones; killed and started again`;
    await runScenario({ name, title }, options, (terminal) =>
      restarted(name === "restart", options, terminal),
    );
  });
}

async function restarted(
  isJudged: boolean,
  options: Options,
  terminal: Terminal,
): Promise<Findings> {
  const estate = await Estate.open(options);
  const told = (what: string, from: number, to: number) => (text: string, share: number) =>
    terminal.update(`${what}: ${text}`, from + (to - from) * share);
  try {
    const empty = estate.residentBytes;
    const furnishing = performance.now();
    await estate.furnish((share) => terminal.update("making users and connections", 0.2 * share));
    const furnishedSeconds = (performance.now() - furnishing) / 1_000;
    estate.populate();
    await estate.untilAll(options.within, told("first registration", 0.2, 0.4));
    const restSeconds = Math.min(options.seconds, REST_SECONDS_MAX);
    const rest = await watch(estate, restSeconds, told("at rest", 0.4, 0.6));
    const started = await estate.restart();
    const up = (Date.now() - started) / 1_000;
    const back = await estate.untilAll(options.within, told("after the restart", 0.6, 0.8));
    await watch(estate, options.seconds, told("watching", 0.8, 1));
    const { pbxs, phones } = await estate.seen();
    const after = { started, until: Date.now(), back, up, pbxs, phones };
    return findingsOf(options, isJudged, { empty, rest, furnishedSeconds }, after);
  } finally {
    await estate.close();
  }
}

interface Rest {
  readonly resident: number;
  /** Share of a core. */
  readonly cpu: number;
}

/** Memory at its lowest and CPU over so many seconds. */
async function watch(
  estate: Estate,
  seconds: number,
  told: (text: string, share: number) => void,
): Promise<Rest> {
  const [began, before] = [performance.now(), estate.cpuSeconds];
  let resident = Number.POSITIVE_INFINITY;
  for (let second = 0; second < seconds; second++) {
    await Bun.sleep(1_000);
    resident = Math.min(resident, estate.residentBytes);
    told(`${second + 1} of ${seconds} s, ${(resident / MIB).toFixed(0)} MiB`, second / seconds);
  }
  const elapsed = (performance.now() - began) / 1_000;
  return { resident, cpu: (estate.cpuSeconds - before) / elapsed };
}

type Seen = Awaited<ReturnType<Estate["seen"]>>;

interface After extends Seen {
  readonly started: number;
  readonly until: number;
  readonly up: number;
  readonly back: Awaited<ReturnType<Estate["untilAll"]>>;
}

function findingsOf(
  { connections, softphones }: Options,
  isJudged: boolean,
  { empty, rest, furnishedSeconds }: { empty: number; rest: Rest; furnishedSeconds: number },
  { started, until, up, back, pbxs, phones }: After,
): Findings {
  const rates = ratesOf(pbxs.registrations, started, until);
  // While all come back at once the mean says nothing: evenly is how they come from then on.
  const settled = ratesOf(pbxs.registrations, back.pbxs.lastAt, until);
  const took = [...phones.tookMs].sort((a, b) => a - b);
  const of = (key: string, name: string, unit: string, value: number, digits = 1, goal?: Goal) => {
    const figure = { key, name, unit, value: single(value), digits };
    return (goal ? { ...figure, goal } : figure) satisfies NamedFigure;
  };
  const asked = (atMost: number) => (isJudged ? { atMost, source: "R3" } : undefined);
  const since = (at: number) => Math.max(0, (at - started) / 1_000);
  const whole = Math.max(since(back.pbxs.lastAt), since(back.phones.lastAt));
  const grown = rest.resident - empty;
  const figures: NamedFigure[] = [
    of("backSeconds", "all registered again after", "s", whole, 1, asked(R3.backSeconds)),
    of("connectionsBackSeconds", "connections, all after", "s", since(back.pbxs.lastAt)),
    of("softphonesBackSeconds", "softphones, all after", "s", since(back.phones.lastAt)),
    of("upSeconds", "started after", "s", up),
    of(
      "registerPerHost",
      "REGISTERs at one PBX, most a second",
      "",
      rates.mostOfHost,
      1,
      asked(R3.perHost),
    ),
    of("registerTotal", "REGISTERs at all PBXs, most a second", "", rates.most, 1, asked(R3.total)),
    of(
      "registerRatio",
      "busiest window to the mean, once all are back",
      "",
      settled.ratio,
      2,
      asked(R3.ratio),
    ),
    of("registerP99Ms", "a softphone's REGISTER, p99", "ms", quantile(took, 0.99)),
    of("residentMib", "memory with all of them", "MiB", rest.resident / MIB, 0),
    of(
      "kibEach",
      "memory for each of them",
      "KiB",
      grown / 1_024 / Math.max(1, connections + softphones),
    ),
    of("cpuAtRest", "CPU at rest", "% of a core", 100 * rest.cpu, 2),
    of("furnishedSeconds", "made through the API in", "s", furnishedSeconds),
  ];
  return {
    figures,
    sections: [windows(rates.perWindow)],
    faults: missing(back, pbxs.refused, connections, softphones),
    doubts: [],
  };
}

function windows(perWindow: readonly number[]): Section {
  const step = WINDOW_MS / 1_000;
  return {
    kind: "lines",
    title: "REGISTERs at the PBXs after the restart, in windows of 5 s",
    unit: "a second",
    along: "s",
    series: [
      {
        name: "all PBXs",
        points: perWindow.map((rate, index): [number, number] => [step * index, rate]),
      },
    ],
  };
}

function missing(
  { pbxs, phones, isDone }: After["back"],
  refused: number,
  connections: number,
  softphones: number,
): string[] {
  const faults: string[] = [];
  if (!isDone) {
    const { accounts } = pbxs;
    const { registered } = phones;
    faults.push(
      `not all came back: ${accounts} of ${connections} connections, ${registered} of ${softphones} softphones`,
    );
  }
  if (refused > 0) faults.push(`${refused} REGISTERs had a wrong digest`);
  return faults;
}
