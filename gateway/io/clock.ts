/** The two clocks of the process: monotonic for every timer, wall for what people read. */
import type { Millis, WallMillis } from "../machine.ts";

/** Milliseconds since the process started; never goes back. */
export function monotonicNow(): Millis {
  return performance.now();
}

/** The wall clock's reading at a monotonic time near now. */
export function wallClockAt(at: Millis): WallMillis {
  return Math.round(Date.now() + (at - performance.now()));
}
