/** `bench soak` (R15): calls that come and go for hours beside faults by a seed, and what leaks. */
import { Command } from "commander";
import { killableGateway, killWorker } from "../faults/kill.ts";
import { LOAD_CODECS } from "../load/codecs.ts";
import { GeneratorProcess } from "../load/generator-process.ts";
import { measure } from "../load/measure.ts";
import { type CodecOptions, someOf, whole, withCodecs, withReports } from "../load/options.ts";
import { startGateway, type Target } from "../load/targets.ts";
import { type ReportOptions, runScenario } from "../report/scenario.ts";
import type { Terminal } from "../report/terminal.ts";
import {
  FAULT_KINDS,
  type FaultKind,
  PBX_SILENT_MS,
  type PlannedFault,
  plannedFaults,
} from "./faults.ts";
import { findingsOf, type Injected } from "./findings.ts";
import { type Inventory, inventoryOf } from "./inventory.ts";
import { Registering, type RegisteringOptions } from "./registering.ts";

export interface SoakOptions extends CodecOptions, ReportOptions, RegisteringOptions {
  seconds: number;
  ramp: number;
  hold: number;
  workers: number;
  listenEvery: number;
  faults: FaultKind[];
  faultEvery: number;
  seed: number;
  warmUp: number;
}

const SAMPLES = 600;
/** For the last call's transactions and a worker's legs; nothing real takes longer. */
const IDLE_WITHIN_MS = 60_000;

export function soakCommand(): Command {
  const command = new Command("soak")
    .description(
      "R15: calls come and go and softphones refresh for hours while media workers are killed (R1), the PBX falls silent (R4) and WebSockets break (R7), at random by a seed; then whether anything is left of them",
    )
    .option("--seconds <n>", "of load", whole(5, 864_000), 3_600)
    .option("--ramp <n>", "calls a second", whole(1, 100), 5)
    .option("--hold <ms>", "that each is held", whole(100, 600_000), 3_000)
    .option("--listen-every <n>", "one call of so many is listened to; 0: none", whole(0, 1e6), 50)
    .option("--softphones <n>", "others, that only register", whole(0, 5_000), 300)
    .option("--every <s>", "between the REGISTERs of one of them", whole(1, 3_000), 10)
    .option(
      "--reconnect-every <n>",
      "one REGISTER of so many is its WebSocket's last",
      whole(0, 1e6),
      60,
    )
    .option("--workers <n>", "media workers of the gateway", whole(1, 64), 2)
    .option(
      "--faults <list>",
      `${FAULT_KINDS.join(",")}, or none`,
      (text) => (text === "none" ? [] : someOf(...FAULT_KINDS)(text)),
      [...FAULT_KINDS],
    )
    .option("--fault-every <s>", "seconds between faults, on average", whole(2, 86_400), 60)
    .option("--seed <n>", "another one is another order of faults", whole(0, 2 ** 31 - 1), 1)
    .option("--warm-up <s>", "seconds of load before anything counts", whole(0, 600), 10);
  const { opus, G722 } = LOAD_CODECS;
  return withReports(withCodecs(command, opus, G722)).action(async (options: SoakOptions) => {
    const { seconds, ramp, hold, faults, faultEvery, seed } = options;
    const disturbed =
      faults.length > 0 ? `${faults.join(", ")} every ${faultEvery} s` : "no faults";
    const title = `${ramp} calls a second of ${hold} ms for ${seconds} s; ${disturbed}, seed ${seed}`;
    await runScenario({ name: "soak", title }, options, (terminal) => soak(options, terminal));
  });
}

async function soak(options: SoakOptions, terminal: Terminal) {
  const { codec, pbxCodec, workers, ramp, hold, seconds, warmUp, listenEvery } = options;
  const target = await startGateway(
    { softphone: codec, pbx: pbxCodec },
    { workers, command: killableGateway() },
  );
  const generator = await GeneratorProcess.start();
  const swarm = new Registering(target, options);
  // Enough numbers for calls that take ten seconds longer than they should.
  const calls = Math.ceil(ramp * (hold / 1_000 + 10));
  const plan = {
    ...{ calls, ramp, seconds, churnHoldMs: hold, listen: listenEvery },
    softphoneCodec: codec.name,
    pbxCodec: pbxCodec.name,
  };
  const told = (what: string) => (text: string, share?: number) =>
    terminal.update(`${what}: ${text}`, share);
  try {
    if (warmUp > 0) {
      const before = { ...plan, seconds: warmUp, listen: 0 };
      await measure(generator, target, before, 0, { onProgress: told("warm-up") });
    }
    // SIP's transactions still wait for repetitions: that there are fewer at the end is no leak.
    await target.rig?.untilFree().catch(() => {});
    const before = await inventory(target, 0);
    await swarm.start();
    const watch = new Watch(target, options);
    const planned = plannedFaults(options.faults, { ...options, every: options.faultEvery });
    const run = await measure(generator, target, plan, 0, {
      onProgress: (text, share) => terminal.update(`${watch.last}: ${text}`, share),
      onSteady: () => watch.start(planned, generator),
    }).finally(() => watch.stop());
    const phones = await swarm.stop();
    terminal.update("waiting until nothing is left of any call", 1);
    // What is there when patience ends is a leak.
    await target.rig?.untilIdle(IDLE_WITHIN_MS).catch(() => {});
    const after = await inventory(target, seconds);
    return findingsOf({
      run,
      phones,
      before,
      after,
      inventories: watch.inventories,
      injected: watch.injected,
      seconds,
    });
  } finally {
    await swarm.stop();
    await generator.stop();
    await target.stop();
  }
}

async function inventory({ rig }: Target, at: number): Promise<Inventory> {
  if (!rig) throw new Error("soak is for a gateway of our own");
  return inventoryOf(rig, at);
}

/** Samples what the gateway holds, and does the faults at their times. */
class Watch {
  readonly inventories: Inventory[] = [];
  readonly injected: Injected[] = [];
  last = "no fault yet";
  readonly #target: Target;
  readonly #everyMs: number;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #started = 0;

  constructor(target: Target, { seconds }: SoakOptions) {
    this.#target = target;
    this.#everyMs = Math.max(1_000, (1_000 * seconds) / SAMPLES);
  }

  start(planned: readonly PlannedFault[], generator: GeneratorProcess): void {
    this.#started = performance.now();
    this.#timers.push(setInterval(() => void this.#look(), this.#everyMs));
    for (const fault of planned) {
      const { kind, at } = fault;
      this.#timers.push(setTimeout(() => this.#inject(kind, generator), 1_000 * at));
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #look(): Promise<void> {
    const { rig } = this.#target;
    const at = (performance.now() - this.#started) / 1_000;
    if (rig) this.inventories.push(await inventoryOf(rig, at));
  }

  #inject(kind: FaultKind, generator: GeneratorProcess): void {
    const at = (performance.now() - this.#started) / 1_000;
    this.injected.push({ kind, at, when: Date.now() });
    this.last = `after ${this.injected.length} faults, the last ${kind}`;
    if (kind === "worker") killWorker(this.#target);
    else if (kind === "reconnect") generator.disturb({ kind });
    else generator.disturb({ kind: "pbx-silent", forMs: PBX_SILENT_MS });
  }
}
