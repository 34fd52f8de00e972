/**
 * What an overloaded gateway leaves out, in order: first what makes lossy calls sound better at
 * several times the cost, then transcoding where new calls can do without, then new calls. The
 * calls it has lose nothing. A thread's busy share and lateness, once a second, decide; it climbs
 * when three seconds in a row ask for it and comes down a step when five are well below. Above: the
 * media workers and their pool. Below nothing.
 */

export const LOAD_LEVELS = ["normal", "economical", "sparing", "full"] as const;
export type LoadLevel = (typeof LOAD_LEVELS)[number];

/** One second of a thread. */
export interface Load {
  /** Share of the time it worked, 0 to 1. */
  busy: number;
  /** How late its timer was served at worst, milliseconds. */
  lateMs: number;
}

/** Busy shares from which `economical`, `sparing` and `full` hold. */
const BUSY_FROM = [0.6, 0.75, 0.88];
/** A timer this late means that the processor is somebody else's; at 50 ms audio would suffer. */
const LATE_FROM_MS = [15, 25, 35];
/** But not of a thread with little to do: it is late by other people's work, whatever it takes on. */
const LATE_COUNTS_FROM_BUSY = 0.3;
/** A step down needs this much less than what led up to it. */
const DOWN_AT = 0.85;
const SECONDS_UP = 3;
const SECONDS_DOWN = 5;

export class LoadLadder {
  #step = 0;
  #above = 0;
  /** The lowest step asked for in the seconds counted by `above`. */
  #asked = 0;
  #below = 0;

  get level(): LoadLevel {
    return LOAD_LEVELS[this.#step] ?? "full";
  }

  /** Takes a second in; the level from now on. */
  measured(load: Load): LoadLevel {
    const step = stepOf(load, 1);
    if (step > this.#step) {
      this.#asked = this.#above === 0 ? step : Math.min(this.#asked, step);
      this.#above += 1;
      this.#below = 0;
      if (this.#above >= SECONDS_UP) this.#go(this.#asked);
    } else {
      this.#above = 0;
      this.#below = stepOf(load, DOWN_AT) < this.#step ? this.#below + 1 : 0;
      if (this.#below >= SECONDS_DOWN) this.#go(this.#step - 1);
    }
    return this.level;
  }

  #go(step: number): void {
    this.#step = step;
    this.#above = 0;
    this.#below = 0;
  }
}

/** True where `level` is at least `other`. */
export function isAtLeast(level: LoadLevel, other: LoadLevel): boolean {
  return LOAD_LEVELS.indexOf(level) >= LOAD_LEVELS.indexOf(other);
}

/** The highest step whose threshold, times `factor`, is reached. */
function stepOf({ busy, lateMs }: Load, factor: number): number {
  const byBusy = BUSY_FROM.filter((from) => busy >= from * factor).length;
  const countedMs = busy < LATE_COUNTS_FROM_BUSY * factor ? 0 : lateMs;
  const byLateness = LATE_FROM_MS.filter((from) => countedMs >= from * factor).length;
  return Math.max(byBusy, byLateness);
}
