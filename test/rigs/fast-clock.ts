/**
 * Loaded before the gateway's own code by tests of long calls: the clocks and timers of its main
 * thread run `JACKFIELD_CLOCK_FACTOR` times as fast. Media workers keep the real time, as packets do.
 */
import { isMainThread } from "node:worker_threads";

const factor = Number(process.env["JACKFIELD_CLOCK_FACTOR"] ?? 1);
const monotonic = performance.now.bind(performance);
const wall = Date.now;
const timer = globalThis.setTimeout;
const start = monotonic();
const epoch = wall();

if (isMainThread) {
  performance.now = () => start + (monotonic() - start) * factor;
  Date.now = () => Math.round(epoch + (wall() - epoch) * factor);
  const fast = (act: () => void, ms = 0) => timer(act, ms / factor);
  globalThis.setTimeout = fast as typeof setTimeout;
}
