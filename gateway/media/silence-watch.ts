/**
 * Notices when a leg's audio starts and when it stops: the reason to end a call whose peer is gone.
 * Nothing is done for a packet but to keep its time; the deadline looks back. Above: the leg's
 * RTP stream. Below nothing.
 */
import type { Millis } from "../machine.ts";

export class SilenceWatch {
  readonly #silenceMs: number;
  /** The latest packet, or when we began to listen. */
  #heardAt: Millis = 0;
  #listening = false;
  #flowing = false;
  /** How long a silence must last to be reported next; doubles each time. */
  #reportAfterMs: number;

  constructor(silenceMs: number) {
    this.#silenceMs = silenceMs;
    this.#reportAfterMs = silenceMs;
  }

  /** The peer should send from now on, or (`listening` false: hold) need not. */
  listen(listening: boolean, now: Millis): void {
    if (listening && !this.#listening) {
      this.#heardAt = now;
      this.#reportAfterMs = this.#silenceMs;
    }
    this.#listening = listening;
  }

  /** A valid packet came. True when audio starts: the first one, or the first after a report. */
  heard(now: Millis): boolean {
    this.#heardAt = now;
    if (this.#flowing && this.#reportAfterMs === this.#silenceMs) return false;
    this.#flowing = true;
    this.#reportAfterMs = this.#silenceMs;
    return true;
  }

  /** When to look again. It moves later with each packet: being early costs nothing. */
  deadline(): Millis | undefined {
    return this.#listening ? this.#heardAt + this.#reportAfterMs : undefined;
  }

  /** How long it has been silent, in milliseconds, when that is to be reported; else undefined. */
  timeout(now: Millis): number | undefined {
    const due = this.deadline();
    if (due === undefined || now < due) return undefined;
    this.#reportAfterMs *= 2;
    return now - this.#heardAt;
  }
}
