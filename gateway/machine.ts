/**
 * The contract of every protocol machine in the gateway.
 *
 * Whatever a machine will ever know arrives as an argument, together with `now`, and whatever it
 * wants done leaves as the outputs that call returns. It reads no clock, opens no socket and draws
 * no random number of its own, so tests run it in virtual time and a bug replays from its inputs.
 */

/** Milliseconds on the monotonic clock. Wall time is `WallMillis`. */
export type Millis = number;

/** Milliseconds since 1970 on the wall clock: for records people read, never for timers. */
export type WallMillis = number;

export interface Machine<Input, Output> {
  handle(input: Input, now: Millis): Output[];

  /** When it next wants a `{ type: "timeout" }`; undefined while it waits for nothing. */
  deadline(): Millis | undefined;
}

/** A machine's timers, as data: what is armed and when it is due. */
export class Timers<Name extends string> {
  readonly #due = new Map<Name, Millis>();

  arm(name: Name, at: Millis): void {
    this.#due.set(name, at);
  }

  cancel(name: Name): void {
    this.#due.delete(name);
  }

  cancelAll(): void {
    this.#due.clear();
  }

  /** When the named timer is due; undefined while it is not armed. */
  at(name: Name): Millis | undefined {
    return this.#due.get(name);
  }

  next(): Millis | undefined {
    let next: Millis | undefined;
    for (const at of this.#due.values()) {
      if (next === undefined || at < next) next = at;
    }
    return next;
  }

  /** Removes and returns the earliest timer that is due at `now`. */
  takeDue(now: Millis): { name: Name; at: Millis } | undefined {
    let earliest: { name: Name; at: Millis } | undefined;
    for (const [name, at] of this.#due) {
      if (at <= now && (earliest === undefined || at < earliest.at)) earliest = { name, at };
    }
    if (earliest) this.#due.delete(earliest.name);
    return earliest;
  }
}

/** The first of several times; undefined while nothing is awaited. */
export function earliest(...times: readonly (Millis | undefined)[]): Millis | undefined {
  let first: Millis | undefined;
  for (const at of times) if (at !== undefined && (first === undefined || at < first)) first = at;
  return first;
}
