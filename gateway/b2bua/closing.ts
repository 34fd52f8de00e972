/**
 * When a call that ends is over: when each leg's transactions have come to their end, and the media
 * worker has said its last word on the audio. Neither is waited for without a bound.
 */
import { type Millis, Timers } from "../machine.ts";

/** Every transaction of a leg's end has timed out by then (64*T1 for CANCEL and for BYE). */
const LINGER_MS = 96_000;
/** How long the last word on its audio may take when everything else is over. */
const LAST_WORD_MS = 1_000;

export class Closing {
  readonly #timers = new Timers<"linger" | "lastWord">();
  #hasMedia = false;

  /** A worker holds something of the call, and will say when it no longer does. */
  mediaOpened(): void {
    this.#hasMedia = true;
  }

  mediaClosed(): void {
    this.#hasMedia = false;
  }

  begin(now: Millis): void {
    this.#timers.cancelAll();
    this.#timers.arm("linger", now + LINGER_MS);
  }

  /** Every leg is over. True where nothing else is awaited. */
  legsOver(now: Millis): boolean {
    if (!this.#hasMedia) return true;
    if (this.#timers.at("lastWord") === undefined) {
      this.#timers.arm("lastWord", now + LAST_WORD_MS);
    }
    return false;
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** True where nothing is waited for any longer. */
  timeout(now: Millis): boolean {
    return this.#timers.takeDue(now) !== undefined;
  }

  stop(): void {
    this.#timers.cancelAll();
  }
}
