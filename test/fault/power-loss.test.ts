/**
 * D3: the power fails. A program that saves users is watched while it writes, and its disk is put
 * together as it may stand at hundreds of moments: what was acknowledged is there, and nothing is
 * torn. The same without the waits that the gateway asks its database for loses something, so the
 * test would see it.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { Disk, type DiskEvent, readDiskLog, TRACED } from "../rigs/disk-log.ts";
import { scaled } from "../rigs/scale.ts";
import { seededRandom } from "../sim/random.ts";

/** It is installed, and system calls may be watched here. */
const canWatch =
  Bun.which("strace") !== null && Bun.spawnSync(["strace", "-o", "/dev/null", "true"]).success;
const CUTS = 500;
const USERS = 120;

/** What the program did to its disk. */
async function watched(synchronous?: string): Promise<DiskEvent[]> {
  const directory = mkdtempSync(join(tmpdir(), "power-"));
  const log = join(directory, "strace.log");
  const data = join(directory, "data");
  const watch = ["strace", "-f", "-xx", "-y", "-s", "1000000", "-e", `trace=${TRACED}`, "-o", log];
  const writer = [process.execPath, join(import.meta.dir, "killed-writer.ts")];
  const command = [
    ...watch,
    ...writer,
    data,
    "u",
    String(USERS),
    ...(synchronous ? [synchronous] : []),
  ];
  const child = Bun.spawn(command, { stdio: ["ignore", "ignore", "pipe"] });
  const [status, complaint] = [await child.exited, await new Response(child.stderr).text()];
  try {
    expect([status, complaint]).toEqual([0, ""]);
    return readDiskLog(readFileSync(log, "utf8"), data);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What is wrong with the database that is left; empty where nothing is. */
function lossAt(disk: Disk, seed: number): string {
  const directory = mkdtempSync(join(tmpdir(), "cut-"));
  try {
    disk.cut(directory, seededRandom(seed));
    // Before the first user is said to be saved there may be no database at all.
    if (disk.said.length === 0) return "";
    const database = new Libsql(join(directory, "jackfield.db"));
    const verdict = JSON.stringify(database.pragma("integrity_check"));
    if (!verdict.includes('"ok"')) return `torn: ${verdict.slice(0, 200)}`;
    const rows = database.prepare("select name from user").all() as { name: string }[];
    database.close();
    const names = new Set(rows.map(({ name }) => name));
    const lost = disk.said.filter((name) => !names.has(name));
    return lost.length === 0 ? "" : `lost: ${lost.join(", ")}`;
  } catch (error) {
    return `unusable: ${error}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The power fails at `cuts` moments, spread over all that was done. */
function losses(events: readonly DiskEvent[], cuts: number): string[] {
  const disk = new Disk();
  const found: string[] = [];
  events.forEach((event, index) => {
    disk.take(event);
    const due = (at: number) => Math.floor((at * cuts) / events.length);
    if (due(index + 1) === due(index)) return;
    const loss = lossAt(disk, index);
    if (loss !== "") found.push(`after ${index + 1} of ${events.length} calls: ${loss}`);
  });
  expect(disk.said).toHaveLength(USERS);
  return found;
}

test.skipIf(!canWatch)(
  "D3: the power fails at any moment: what was acknowledged is there, and whole",
  async () => {
    const events = await watched();
    expect(events.some(({ type }) => type === "sync")).toBe(true);
    expect(losses(events, scaled("D3 cuts", CUTS, 0.4))).toEqual([]);
  },
  300_000,
);

test.skipIf(!canWatch)(
  "D3: without the waits something is lost, as it must be seen to be",
  async () => {
    const events = await watched("OFF");
    expect(losses(events, 40).length).toBeGreaterThan(0);
  },
  300_000,
);
