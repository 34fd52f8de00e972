/** A whole report: what was measured where, with what, and the figures. */
import { cpus, loadavg, release, totalmem } from "node:os";
import type { TargetReport } from "../load/campaign.ts";
import { RtpengineProcess } from "../load/rtpengine-process.ts";
import type { Figure } from "../signalling/figures.ts";
import type { NamedFigure, Section } from "./sections.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly linux: string;
  readonly bun: string;
  /** Of this repository; `-dirty` where files were changed since. */
  readonly commit: string;
  readonly rtpengine: string | undefined;
  readonly kamailio: string | undefined;
  /** How many tasks wanted to run, over the last minute: anything but 0 is somebody else's. */
  readonly loadBefore: number;
}

/** What a scenario found. */
export interface Findings {
  readonly figures: readonly NamedFigure[];
  readonly sections: readonly Section[];
  /** Why the run is bad: audio, calls, goals that were missed. */
  readonly faults: readonly string[];
  /** Why the figures may be the generator's or the machine's. */
  readonly doubts: readonly string[];
  /** Of media under load: all there is of each target. */
  readonly targets?: readonly TargetReport[];
  /** Of the first target's CPU to the others'. */
  readonly ratios?: readonly { readonly against: string; readonly cpu: Figure }[];
}

export interface Report extends Required<Findings> {
  readonly scenario: string;
  /** One line: what was done. */
  readonly title: string;
  readonly at: string;
  readonly machine: Machine;
  readonly options: Readonly<Record<string, unknown>>;
}

/** To be called before the load begins. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    linux: release(),
    bun: Bun.version,
    commit: firstLineOf(["git", "describe", "--always", "--dirty"]) ?? "unknown",
    rtpengine: RtpengineProcess.isInstalled() ? RtpengineProcess.version() : undefined,
    kamailio: /\d+\.\d+\.\d+/.exec(firstLineOf(["kamailio", "-v"]) ?? "")?.[0],
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** `Xeon, 2 cores, Linux 6.18, Bun 1.4.5, commit abc, rtpengine 10.5; load before: 0.3`. */
export function printMachine(machine: Machine): string {
  const { cpu, cores, memoryGib, linux, bun, commit, rtpengine, kamailio, loadBefore } = machine;
  const parts = [
    ...[cpu, `${cores} cores`, `${memoryGib} GiB`, `Linux ${linux}`, `Bun ${bun}`],
    `commit ${commit}`,
    ...(rtpengine ? [`rtpengine ${rtpengine}`] : []),
    ...(kamailio ? [`Kamailio ${kamailio}`] : []),
  ];
  return `${parts.join(", ")}; load before: ${loadBefore.toFixed(1)}`;
}

/** Undefined where the program is not there. */
function firstLineOf([program = "", ...args]: readonly string[]): string | undefined {
  const path = Bun.which(program, { PATH: `${process.env["PATH"]}:/usr/sbin` });
  if (path === null) return undefined;
  const { stdout } = Bun.spawnSync([path, ...args], { cwd: import.meta.dir, stderr: "ignore" });
  return stdout.toString().split("\n")[0]?.trim() || undefined;
}
