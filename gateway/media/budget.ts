/**
 * How much one leg may bring, M10: a token bucket, for packets and for the audio in them, so that
 * no peer can buy the codec time of the others. Above: the leg's stream, the transcoder. Below
 * nothing.
 */
import type { Millis } from "../machine.ts";

export class Budget {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: Millis = 0;

  /** So many a second, and so many at once after a pause. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Whether `amount` more may be worked on at `now`; it is spent then. */
  spend(now: Millis, amount = 1): boolean {
    const earned = ((now - this.#filledAt) * this.#perSecond) / 1_000;
    this.#filledAt = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }
}
