/**
 * What one user may call outside, and how much (LIM-05, SEC-10): countries, calls a second, minutes a
 * day. A stolen password then costs what the user's own day costs, and a call to a country nobody
 * called before is told at once. Emergency numbers are not held up; they never come here.
 *
 * Minutes are counted from the start of the gateway; see `spending`.
 */
import type { User, UserId } from "../../schema/config.ts";
import type { Millis, WallMillis } from "../machine.ts";
import { countryCodeOf } from "./number-plan.ts";
import { Spending } from "./spending.ts";

export interface GuardRefusal {
  readonly status: 403 | 503;
  readonly reason: string;
}

/** What a user has left at one moment. */
export interface Allowance {
  /** Calls it may begin. */
  readonly calls: number;
  /** Of its minutes of the day, in milliseconds. */
  readonly spentMs: number;
}

interface Account {
  /** Calls it may begin now. */
  calls: number;
  filledAt: Millis;
  readonly countries: Set<string>;
}

const COUNTRIES_MAX = 300;

export class UserGuard {
  readonly #accounts = new Map<UserId, Account>();
  readonly #wall: (at: Millis) => WallMillis;
  readonly #spending: Spending;

  constructor(wall: (at: Millis) => WallMillis, spending = new Spending()) {
    this.#wall = wall;
    this.#spending = spending;
  }

  /** Why the user may not call that number now; undefined where it may. Nothing is counted. */
  judge(user: User, number: string, now: Millis): GuardRefusal | undefined {
    return refusalOf(user, number, this.allowance(user, now));
  }

  allowance(user: User, now: Millis): Allowance {
    const { calls } = this.#account(user, now);
    return { calls, spentMs: this.#spending.spentMs(user.id, this.#wall(now)) };
  }

  /** The call is begun; the country, where the user never called it since the start. */
  begin(user: User, number: string, now: Millis): string | undefined {
    const account = this.#account(user, now);
    account.calls = Math.max(0, account.calls - 1);
    const country = countryCodeOf(number);
    if (country === undefined || account.countries.has(country)) return undefined;
    if (account.countries.size < COUNTRIES_MAX) account.countries.add(country);
    return country;
  }

  /** Users that are gone are forgotten. */
  retain(users: ReadonlySet<UserId>): void {
    for (const user of this.#accounts.keys()) if (!users.has(user)) this.#accounts.delete(user);
    this.#spending.retain(users);
  }

  #account({ id, callsPerSecond = 1 }: User, now: Millis): Account {
    const burst = Math.max(1, callsPerSecond);
    let account = this.#accounts.get(id);
    if (!account) {
      account = { calls: burst, filledAt: now, countries: new Set() };
      this.#accounts.set(id, account);
    }
    const seconds = Math.max(0, now - account.filledAt) / 1_000;
    account.calls = Math.min(burst, account.calls + seconds * callsPerSecond);
    account.filledAt = now;
    return account;
  }
}

/** Why a user who has so much left may not call that number; undefined where it may. */
export function refusalOf(
  user: User,
  number: string,
  { calls, spentMs }: Allowance,
): GuardRefusal | undefined {
  const country = countryRefusal(user, number);
  if (country !== undefined) return { status: 403, reason: country };
  const { callsPerSecond, minutesPerDay } = user;
  if (callsPerSecond !== undefined && calls < 1) {
    const reason = `${user.name} begins more than ${callsPerSecond} calls a second`;
    return { status: 503, reason };
  }
  if (minutesPerDay === undefined || spentMs < minutesPerDay * 60_000) return undefined;
  const reason = `${user.name} has used up its ${minutesPerDay} minutes of the day`;
  return { status: 403, reason };
}

/** The longest prefix that fits decides; an allow list lets nothing else out. */
function countryRefusal(user: User, number: string): string | undefined {
  const { allowCountries, blockCountries = [], name } = user;
  if (!number.startsWith("+")) return undefined;
  const allowed = longestOf(allowCountries ?? [], number);
  const blocked = longestOf(blockCountries, number);
  if (blocked > allowed) return `${name} may not call ${number.slice(0, blocked)}…`;
  if (allowCountries === undefined || allowed > 0) return undefined;
  return `${name} may call abroad only ${allowCountries.join(", ") || "nobody"}`;
}

function longestOf(prefixes: readonly string[], number: string): number {
  return Math.max(0, ...prefixes.map((it) => (number.startsWith(it) ? it.length : 0)));
}
