/** W4: failed attempts at a secret, counted by who makes them over a window of fifteen minutes. */
import { parseAddress, printAddress } from "../gateway/address.ts";

const WINDOW_MS = 15 * 60_000;
/** Keys remembered; the oldest is forgotten first. */
const KEYS_MAX = 10_000;
/** What one customer's IPv6 network leaves to choose freely. */
const INTERFACE_BITS = 64n;

export class AttemptLimit {
  readonly #failures = new Map<string, number[]>();
  readonly #now: () => number;
  readonly #attemptsMax: number;

  constructor(now: () => number, attemptsMax: number) {
    this.#now = now;
    this.#attemptsMax = attemptsMax;
  }

  /** Seconds until the next attempt is allowed; 0 when it is now. */
  waitSeconds(key: string): number {
    const recent = this.#recent(key);
    const oldest = recent[0];
    if (recent.length < this.#attemptsMax || oldest === undefined) return 0;
    return Math.ceil((oldest + WINDOW_MS - this.#now()) / 1_000);
  }

  failed(key: string): void {
    const recent = [...this.#recent(key), this.#now()].slice(-this.#attemptsMax);
    this.#failures.delete(key);
    this.#failures.set(key, recent);
    if (this.#failures.size <= KEYS_MAX) return;
    const [oldest = ""] = this.#failures.keys();
    this.#failures.delete(oldest);
  }

  /** All failures of the key are forgotten. */
  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  /** The latest was none. */
  withdraw(key: string): void {
    this.#failures.set(key, this.#recent(key).slice(0, -1));
  }

  #recent(key: string): number[] {
    const since = this.#now() - WINDOW_MS;
    return (this.#failures.get(key) ?? []).filter((at) => at > since);
  }
}

/** Failures of one account from one address. */
const ACCOUNT_ATTEMPTS_MAX = 5;
/** Of one address whatever the names: who asks for all of them guesses names. */
const ADDRESS_ATTEMPTS_MAX = 20;

/** Passwords: at most so many wrong ones of an account and address, and of an address altogether. */
export class PasswordAttempts {
  readonly #accounts: AttemptLimit;
  readonly #addresses: AttemptLimit;

  constructor(now: () => number) {
    this.#accounts = new AttemptLimit(now, ACCOUNT_ATTEMPTS_MAX);
    this.#addresses = new AttemptLimit(now, ADDRESS_ATTEMPTS_MAX);
  }

  /** Seconds until the next attempt is allowed; 0 when it is now, and then it counts as failed. */
  begin(account: string, address: string): number {
    const source = sourceOf(address);
    const key = `${source} ${account.toLowerCase()}`;
    const wait = Math.max(this.#accounts.waitSeconds(key), this.#addresses.waitSeconds(source));
    if (wait > 0) return wait;
    // Before it is tried: attempts sent at once must not all find the count at zero.
    this.#accounts.failed(key);
    this.#addresses.failed(source);
    return 0;
  }

  /**
   * The failures of the account from there are forgotten; those of other accounts are not. Of the
   * address only this attempt is, or else whoever has one password could guess others for ever.
   */
  succeeded(account: string, address: string): void {
    const source = sourceOf(address);
    this.#accounts.succeeded(`${source} ${account.toLowerCase()}`);
    this.#addresses.withdraw(source);
  }
}

/** The address, of IPv6 the network of one customer (/64). */
export function sourceOf(text: string): string {
  const address = parseAddress(text);
  if (address?.family !== 6) return text;
  const value = (address.value >> INTERFACE_BITS) << INTERFACE_BITS;
  return printAddress({ family: 6, value });
}
