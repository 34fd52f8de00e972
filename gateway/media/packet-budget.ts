/**
 * How many packets one leg may bring, M10: a token bucket of twice the highest nominal rate, so
 * that no peer can buy the codec time of the others. Above: the leg's RTP stream. Below nothing.
 */
import { RTP_BURST_PACKETS_MAX, RTP_PACKETS_PER_SECOND_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";

export class PacketBudget {
  #tokens = RTP_BURST_PACKETS_MAX;
  #filledAt: Millis = 0;

  /** Whether one more packet may be worked on at `now`. */
  spend(now: Millis): boolean {
    const earned = ((now - this.#filledAt) * RTP_PACKETS_PER_SECOND_MAX) / 1_000;
    this.#filledAt = now;
    this.#tokens = Math.min(RTP_BURST_PACKETS_MAX, this.#tokens + earned);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
