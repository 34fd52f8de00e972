/**
 * Minutes of calls to outside, by the user they are made for (LIM-05): whoever dialled, forwards or
 * transfers. A leg at a connection counts from its answer to its end, in whichever call it is by
 * then; days are those of the wall clock in UTC.
 */
import type { UserId } from "../../schema/config.ts";
import type { WallMillis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";

interface Spent {
  /** Of legs that ended on that day, milliseconds since it began. */
  ms: number;
  day: number;
}

const DAY_MS = 86_400_000;

export class Spending {
  readonly #running = new Map<LegId, { user: UserId; answered: WallMillis }>();
  readonly #ended = new Map<UserId, Spent>();

  /** Legs that go on. */
  get size(): number {
    return this.#running.size;
  }

  /** The leg's peer answered; again, after a re-INVITE, is no news. */
  answered(leg: LegId, user: UserId, at: WallMillis): void {
    if (!this.#running.has(leg)) this.#running.set(leg, { user, answered: at });
  }

  /** The leg is over; nothing happens where it was never answered. */
  ended(leg: LegId, at: WallMillis): void {
    const running = this.#running.get(leg);
    if (!running) return;
    this.#running.delete(leg);
    const ms = this.#endedMs(running.user, at) + sinceMidnight(running.answered, at);
    this.#ended.set(running.user, { ms, day: dayOf(at) });
  }

  /** What the user has spent of the day that it is, milliseconds. */
  spentMs(user: UserId, at: WallMillis): number {
    let ms = this.#endedMs(user, at);
    for (const running of this.#running.values()) {
      if (running.user === user) ms += sinceMidnight(running.answered, at);
    }
    return ms;
  }

  /** Users that are gone are forgotten. */
  retain(users: ReadonlySet<UserId>): void {
    for (const user of this.#ended.keys()) if (!users.has(user)) this.#ended.delete(user);
  }

  #endedMs(user: UserId, at: WallMillis): number {
    const ended = this.#ended.get(user);
    return ended?.day === dayOf(at) ? ended.ms : 0;
  }
}

/** Of a leg that goes over midnight, what came after it. */
function sinceMidnight(answered: WallMillis, at: WallMillis): number {
  return Math.max(0, at - Math.max(answered, dayOf(at) * DAY_MS));
}

function dayOf(wall: WallMillis): number {
  return Math.floor(wall / DAY_MS);
}
