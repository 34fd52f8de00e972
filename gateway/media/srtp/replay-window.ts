/**
 * The replay list of RFC 3711 §3.3.2, as a sliding window over packet indices. It holds 128: twice
 * the minimum, 2.56 s of audio at 20 ms, and what comes later than that is of no use to a listener.
 * A ring of flags, so that moving on never shifts the rest. The SRTP contexts stand above.
 */

/** Indices the window remembers behind the highest one, that one included. */
export const REPLAY_WINDOW_PACKETS = 128;

export class ReplayWindow {
  /** The highest index recorded; -1 before the first. */
  highest = -1;
  readonly #seen = new Uint8Array(REPLAY_WINDOW_PACKETS);

  /** Whether `index` is new: above the window, or inside it and not recorded. */
  accepts(index: number): boolean {
    if (index > this.highest) return true;
    if (index <= this.highest - REPLAY_WINDOW_PACKETS || index < 0) return false;
    return this.#seen[index % REPLAY_WINDOW_PACKETS] === 0;
  }

  /** Records an accepted index; only after its packet proved authentic (RFC 3711 §3.3 step 8). */
  record(index: number): void {
    if (index - this.highest >= REPLAY_WINDOW_PACKETS) {
      this.#seen.fill(0);
      this.highest = index;
    }
    while (this.highest < index) {
      this.highest += 1;
      this.#seen[this.highest % REPLAY_WINDOW_PACKETS] = 0;
    }
    this.#seen[index % REPLAY_WINDOW_PACKETS] = 1;
  }
}
