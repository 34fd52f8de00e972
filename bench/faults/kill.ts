/** A gateway whose media workers can be killed from outside, one at a time. */
import { join } from "node:path";
import type { Target } from "../load/targets.ts";

const ROOT = join(import.meta.dir, "..", "..");

/** What starts it: the gateway's own program, with `killable.ts` before it. */
export function killableGateway(): string[] {
  const preload = ["--preload", join(import.meta.dir, "killable.ts")];
  return [process.execPath, ...preload, join(ROOT, "gateway", "main.ts")];
}

export function killWorker({ pid }: Target): void {
  if (pid !== undefined) process.kill(pid, "SIGUSR2");
}
