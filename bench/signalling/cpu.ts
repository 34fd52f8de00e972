/** What processes cost, from the kernel's own accounting (proc(5)): it counts what ran, not what waited. */
import { readdirSync, readFileSync } from "node:fs";
import { threadSeconds } from "../load/proc.ts";

/** Of Linux's `sysconf(_SC_CLK_TCK)`: the same on every machine we run on. */
const TICKS_PER_SECOND = 100;
/** What the runtime calls the threads of Web Workers: our database is the first, then our media. */
const WORKER_THREAD = "Worker";

/** CPU seconds of the gateway, user and system, up to now. */
export interface GatewaySeconds {
  /** Everything but the media threads: what the runtime does beside the main thread counts too. */
  readonly signalling: number;
  readonly media: number;
}

export function gatewaySeconds(pid: number): GatewaySeconds {
  const workers = [...threadSeconds(pid)].filter(([name]) => name.endsWith(` ${WORKER_THREAD}`));
  const media = workers.slice(1).reduce((sum, [, seconds]) => sum + seconds, 0);
  return { signalling: cpuSeconds(pid) - media, media };
}

/** CPU seconds of a process with all its threads, user and system, up to now. */
export function cpuSeconds(pid: number): number {
  return secondsIn(statOf(String(pid)) ?? "");
}

/** A process and its children's. */
export function familySeconds(pid: number): number {
  let sum = cpuSeconds(pid);
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = statOf(name);
    if (stat !== undefined && Number(fieldsOf(stat)[1]) === pid) sum += secondsIn(stat);
  }
  return sum;
}

/** Undefined where it ended while we looked. */
function statOf(task: string): string | undefined {
  try {
    return readFileSync(`/proc/${task}/stat`, "utf8");
  } catch {
    return undefined;
  }
}

/** The fields behind the name, which may hold spaces: state, ppid, … */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function secondsIn(stat: string): number {
  const fields = fieldsOf(stat);
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
