/** The bench as developers run it: a process, its report, and what it said. */
import { expect } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "../../bench/report/report.ts";

/** For a test with runs of the bench in it: they start gateways, load them and listen. */
export const BENCH_MS = 240_000;

const root = join(import.meta.dir, "..", "..");

/** Runs `npm run bench` with these arguments: its exit status and all it said. */
export async function bench(...args: string[]) {
  const child = Bun.spawn([process.execPath, "bench/run.ts", ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { status: await child.exited, out, err };
}

/** What is said on standard error while nobody looks: a stage by line, and nothing else. */
const PROGRESS = /^bench [a-z-]+: \S/;

/** Runs a scenario; its report, each figure's median by its key, and what it said but progress. */
export async function report(...args: string[]) {
  const directory = mkdtempSync(join(tmpdir(), "bench-"));
  const json = join(directory, "report.json");
  const ran = await bench(...args, `--json=${json}`);
  const text = existsSync(json) ? readFileSync(json, "utf8") : undefined;
  rmSync(directory, { recursive: true, force: true });
  if (text === undefined) throw new Error(`${args.join(" ")}: ${ran.out}${ran.err}`);
  const read = JSON.parse(text) as Report;
  const value = (key: string) => read.figures.find((figure) => figure.key === key)?.value.median;
  const complaints = ran.err.split("\n").filter((line) => line !== "" && !PROGRESS.test(line));
  return { ...ran, report: read, value, complaints };
}

/** Times that missed their goal, and packets that came late: of a machine that has more to do. */
const OF_THE_MACHINE = /: [\d.]+ (?:ms|s), at most |% delivered$/;

/** Found nothing bad, ends as it found, and complains of nothing. */
export async function goodReport(...args: string[]) {
  const made = await report(...args);
  const { status, complaints, report: found } = made;
  const faults = found.faults.filter((fault) => !OF_THE_MACHINE.test(fault));
  const said = { faults, complaints, status };
  const wanted = { faults: [], complaints: [], status: found.faults.length > 0 ? 1 : 0 };
  expect(said, made.out).toEqual(wanted);
  return made;
}
