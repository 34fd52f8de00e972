/** What processes use, as Linux accounts for it (proc(5)): CPU by thread, memory, lost datagrams. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Of Linux's `sysconf(_SC_CLK_TCK)`: the same on every machine we run on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds of each thread up to now, by `tid name`; the first is the main thread. */
export function threadSeconds(pid: number): Map<string, number> {
  const threads = new Map<string, number>();
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, "utf8");
      const name =
        tid === String(pid) ? "main" : stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const ticks = Number(fields[11]) + Number(fields[12]);
      threads.set(`${tid} ${name}`, ticks / TICKS_PER_SECOND);
    } catch {
      // It ended while we looked.
    }
  }
  return threads;
}

/** Resident memory, bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return 1_024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
}

/** CPU seconds of a whole process up to now, of threads that have ended too. */
export function processSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Open file descriptors, and how many of them are sockets. */
export function openDescriptors(pid: number): { all: number; sockets: number } {
  const names = readdirSync(`/proc/${pid}/fd`);
  let sockets = 0;
  for (const name of names) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${name}`).startsWith("socket:")) sockets += 1;
    } catch {
      // It was closed while we looked.
    }
  }
  return { all: names.length, sockets };
}

/** Datagrams the process's UDP sockets had no room for, so far. */
export function droppedDatagrams(pid: number): number {
  const own = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode) own.add(inode);
    } catch {
      // It was closed while we looked.
    }
  }
  let dropped = 0;
  for (const table of ["udp", "udp6"]) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (own.has(fields[9] ?? "")) dropped += Number(fields[12] ?? 0);
    }
  }
  return dropped;
}

/** Share of the machine's CPU time that nobody used, between two `machineTicks`. */
export function idleShare(before: MachineTicks, after: MachineTicks): number {
  const total = after.total - before.total;
  return total > 0 ? (after.idle - before.idle) / total : 1;
}

export interface MachineTicks {
  readonly total: number;
  readonly idle: number;
}

export function machineTicks(): MachineTicks {
  const [first = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const fields = first.split(/\s+/).slice(1).map(Number);
  // user nice system idle iowait irq softirq steal; guests are counted in user already.
  const total = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0);
  return { total, idle: (fields[3] ?? 0) + (fields[4] ?? 0) };
}
