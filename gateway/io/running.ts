/** Which process serves a data directory: told by a file in it, for commands that need it stopped. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "gateway.pid";

/** Says that this process serves the directory; returns how to take that back. */
export function claimRunning(directory: string): () => void {
  const file = join(directory, FILE);
  try {
    writeFileSync(file, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // On a disk that is full calls matter more than this.
  }
  return () => rmSync(file, { force: true });
}

/** The process that serves the directory; undefined where none does any more. */
export function runningGateway(directory: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(directory, FILE), "utf8"));
    if (!Number.isInteger(pid) || pid < 1 || pid === process.pid) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
