/** W4: wrong passwords from one address, counted over a window. */

const ATTEMPTS_MAX = 5;
const WINDOW_MS = 15 * 60_000;
/** Addresses remembered; the oldest is forgotten first. */
const ADDRESSES_MAX = 10_000;

export class AttemptLimit {
  readonly #failures = new Map<string, number[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Seconds until the next attempt is allowed; 0 when it is now. */
  waitSeconds(address: string): number {
    const recent = this.#recent(address);
    const oldest = recent[0];
    if (recent.length < ATTEMPTS_MAX || oldest === undefined) return 0;
    return Math.ceil((oldest + WINDOW_MS - this.#now()) / 1_000);
  }

  failed(address: string): void {
    const recent = [...this.#recent(address), this.#now()];
    this.#failures.delete(address);
    this.#failures.set(address, recent);
    if (this.#failures.size <= ADDRESSES_MAX) return;
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      break;
    }
  }

  succeeded(address: string): void {
    this.#failures.delete(address);
  }

  #recent(address: string): number[] {
    const since = this.#now() - WINDOW_MS;
    return (this.#failures.get(address) ?? []).filter((at) => at > since);
  }
}
