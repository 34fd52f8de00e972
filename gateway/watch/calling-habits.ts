/**
 * What a user usually does with the telephone, and what is unusual against it (OPS-03, LIM-05): more
 * calls a minute or minutes a day than ever in the last weeks, or a country never called before. A
 * stolen password shows up as one of these long before the bill.
 */
import type { WallMillis } from "../machine.ts";
import { countryOf } from "./country.ts";

/** A call out, begun or ended. */
export interface CallSeen {
  readonly id: string;
  readonly user: number;
  readonly callee: string;
  readonly started: WallMillis;
  readonly answered?: WallMillis;
  /** Absent while it goes on. */
  readonly ended?: WallMillis;
}

/** What is known of a user from before the start. */
export interface Habit {
  readonly user: number;
  /** Of the busiest day and the busiest minute of the last four weeks. */
  readonly minutesADay: number;
  readonly callsAMinute: number;
  readonly countries: readonly string[];
}

export interface Unusual {
  readonly rule: "calls-per-minute" | "minutes-per-day" | "new-country";
  readonly user: number;
  /** Its code with `+`, where a country is what is new. */
  readonly country?: string;
  readonly text: string;
}

/** Nobody is unusual below these. */
const MINUTES_A_DAY_LEAST = 60;
const CALLS_A_MINUTE_LEAST = 10;
/** How many times the most there ever was is unusual. */
const FACTOR = 3;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const COUNTRIES_MAX = 300;
const CALLS_MAX = 10_000;

interface Known {
  /** Of the days before today: what is usual must not grow with what is judged by it. */
  minutesADay: number;
  callsAMinute: number;
  readonly countries: Set<string>;
  day: number;
  /** Milliseconds of calls that ended today. */
  talkedMs: number;
  /** Of the busiest minute today. */
  busiest: number;
  /** When calls began, of the last minute. */
  starts: WallMillis[];
  fresh: { country: string; at: WallMillis }[];
}

export class CallingHabits {
  readonly #users = new Map<number, Known>();
  readonly #running = new Map<string, CallSeen>();
  readonly #seen = new Set<string>();
  readonly #internationalPrefix: string;

  constructor(habits: readonly Habit[] = [], internationalPrefix = "00") {
    this.#internationalPrefix = internationalPrefix;
    for (const { user, minutesADay, callsAMinute, countries } of habits) {
      const known = this.#of(user, 0 as WallMillis);
      known.minutesADay = minutesADay;
      known.callsAMinute = callsAMinute;
      for (const country of countries) known.countries.add(country);
    }
  }

  /** A call out that goes on, or has ended; the same one may be told again and again. */
  seen(call: CallSeen): void {
    const known = this.#of(call.user, call.ended ?? call.started);
    if (!this.#seen.has(call.id)) {
      this.#seen.add(call.id);
      // The oldest are forgotten: their calls have ended long since.
      if (this.#seen.size > CALLS_MAX)
        for (const id of this.#seen.values()) {
          this.#seen.delete(id);
          break;
        }
      known.starts.push(call.started);
      this.#country(known, call);
    }
    if (call.ended === undefined) this.#running.set(call.id, call);
    else {
      this.#running.delete(call.id);
      known.talkedMs += Math.max(0, call.ended - (call.answered ?? call.ended));
    }
  }

  /** What is unusual at this moment. */
  unusual(now: WallMillis): Unusual[] {
    return [...this.#users].flatMap(([user, known]) => [
      ...this.#calls(user, known, now),
      ...this.#minutes(user, known, now),
      ...known.fresh
        .filter(({ at }) => now - at < DAY_MS)
        .map(
          ({ country }): Unusual => ({
            rule: "new-country",
            user,
            country,
            text: `called ${country}, a country never called before`,
          }),
        ),
    ]);
  }

  *#calls(user: number, known: Known, now: WallMillis): Generator<Unusual> {
    known.starts = known.starts.filter((at) => now - at < MINUTE_MS);
    const calls = known.starts.length;
    this.#turn(known, now);
    known.busiest = Math.max(known.busiest, calls);
    if (calls <= Math.max(CALLS_A_MINUTE_LEAST, FACTOR * known.callsAMinute)) return;
    const text = `${calls} calls in a minute, ${known.callsAMinute} were the most before today`;
    yield { rule: "calls-per-minute", user, text };
  }

  *#minutes(user: number, known: Known, now: WallMillis): Generator<Unusual> {
    this.#turn(known, now);
    let ms = known.talkedMs;
    for (const call of this.#running.values()) {
      if (call.user === user && call.answered !== undefined) ms += Math.max(0, now - call.answered);
    }
    const minutes = Math.floor(ms / MINUTE_MS);
    if (minutes <= Math.max(MINUTES_A_DAY_LEAST, FACTOR * known.minutesADay)) return;
    const text = `${minutes} minutes of calls today, ${known.minutesADay} were the most before today`;
    yield { rule: "minutes-per-day", user, text };
  }

  #country(known: Known, { callee, started }: CallSeen): void {
    const country = countryOf(callee, this.#internationalPrefix);
    if (country === undefined || known.countries.has(country)) return;
    if (known.countries.size >= COUNTRIES_MAX) return;
    known.countries.add(country);
    known.fresh = [
      ...known.fresh.filter(({ at }) => started - at < DAY_MS),
      { country, at: started },
    ];
  }

  #of(user: number, at: WallMillis): Known {
    let known = this.#users.get(user);
    if (!known) {
      known = {
        minutesADay: 0,
        callsAMinute: 0,
        countries: new Set(),
        day: dayOf(at),
        talkedMs: 0,
        busiest: 0,
        starts: [],
        fresh: [],
      };
      this.#users.set(user, known);
    }
    this.#turn(known, at);
    return known;
  }

  /** A new day begins: what was no more than usual yesterday counts from now on. */
  #turn(known: Known, at: WallMillis): void {
    const day = dayOf(at);
    if (day <= known.day) return;
    const minutes = Math.floor(known.talkedMs / MINUTE_MS);
    if (minutes <= Math.max(MINUTES_A_DAY_LEAST, FACTOR * known.minutesADay))
      known.minutesADay = Math.max(known.minutesADay, minutes);
    if (known.busiest <= Math.max(CALLS_A_MINUTE_LEAST, FACTOR * known.callsAMinute))
      known.callsAMinute = Math.max(known.callsAMinute, known.busiest);
    known.day = day;
    known.talkedMs = 0;
    known.busiest = 0;
  }
}

function dayOf(at: WallMillis): number {
  return Math.floor(at / DAY_MS);
}
