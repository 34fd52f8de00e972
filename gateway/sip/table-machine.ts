/**
 * What the four transactions of RFC 3261 §17 have in common: a state, a table that says for each
 * event where it leads and what is to be done, and timers. The tables are the transactions; this
 * file only turns the pages.
 *
 * An event that a state does not name is absorbed. Actions are words for the stack, which knows the
 * messages; a machine never sees one.
 */
import { type Millis, Timers } from "../machine.ts";

export type Table<State extends string, Event extends string, Action extends string> = Record<
  State,
  Partial<Record<Event, readonly [State, ...Action[]]>>
>;

export abstract class TableMachine<
  State extends string,
  Timer extends string,
  Event extends string,
  Action extends string,
> {
  readonly #table: Table<State, Event | `timer${Timer}`, Action>;
  protected readonly timers = new Timers<Timer>();
  #state: State;

  constructor(table: Table<State, Event | `timer${Timer}`, Action>, initial: State) {
    this.#table = table;
    this.#state = initial;
  }

  get state(): State {
    return this.#state;
  }

  deadline(): Millis | undefined {
    return this.timers.next();
  }

  /** One row of the table: moves on and returns what is to be done, in order. */
  handle(event: Event | `timer${Timer}`, now: Millis): readonly Action[] {
    const row = this.#table[this.#state][event];
    if (!row) return [];
    const [next, ...actions] = row as readonly [State, ...Action[]];
    const isNew = next !== this.#state;
    if (isNew) {
      this.#state = next;
      this.timers.cancelAll();
      this.entered(next, now);
    }
    for (const action of actions) this.acted(action, now);
    // Reliable transports make some timers zero (§17, Table 4): what they bring happens now.
    return isNew && this.timers.next() === now ? [...actions, ...this.timeout(now)] : actions;
  }

  /** Handles every timer that is due. */
  timeout(now: Millis): Action[] {
    const actions: Action[] = [];
    for (let due = this.timers.takeDue(now); due; due = this.timers.takeDue(now)) {
      actions.push(...this.handle(`timer${due.name}`, due.at));
    }
    return actions;
  }

  /** Arms the timers of a state that was just entered. */
  protected abstract entered(state: State, now: Millis): void;

  /** Arms the timers that an action moves on. */
  protected abstract acted(action: Action, now: Millis): void;
}

/** What a response is to an INVITE transaction. */
export function eventOf(status: number): "provisional" | "success" | "failure" {
  if (status < 200) return "provisional";
  return status < 300 ? "success" : "failure";
}
