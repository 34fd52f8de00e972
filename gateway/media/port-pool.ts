/**
 * The RTP port range, in pairs: RTP on the even port, RTCP on the next (RFC 3550 §11). A pair rests
 * after use, so that a stray packet of the old call doesn't reach a new one; ports are drawn by
 * chance, so that they can't be guessed. Above: the worker's sockets. Below nothing.
 */
import { PORT_PAIR_REFUSED_MS, PORT_QUARANTINE_MS } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { type Random, randomUint32 } from "../random.ts";

export class PortPool {
  readonly #random: Random;
  readonly #free: number[] = [];
  readonly #resting: { port: number; until: Millis }[] = [];
  readonly #size: number;

  /** `first` and `last` are inclusive; an odd first port and a lone last port are left out. */
  constructor(range: { first: number; last: number }, random: Random) {
    this.#random = random;
    for (let port = range.first + (range.first % 2); port + 1 <= range.last; port += 2) {
      this.#free.push(port);
    }
    this.#size = this.#free.length;
  }

  /** Pairs in the range. */
  get size(): number {
    return this.#size;
  }

  /** Pairs that could be taken at `now`. */
  available(now: Millis): number {
    this.#wake(now);
    return this.#free.length;
  }

  /** The even port of a pair nobody uses; undefined while there is none. */
  take(now: Millis): number | undefined {
    this.#wake(now);
    const count = this.#free.length;
    if (count === 0) return undefined;
    const index = randomUint32(this.#random) % count;
    const port = this.#free[index];
    const last = this.#free.pop();
    if (last !== undefined && index < this.#free.length) this.#free[index] = last;
    return port;
  }

  /** Gives a pair back after use: it rests first. */
  release(port: number, now: Millis): void {
    this.#resting.push({ port, until: now + PORT_QUARANTINE_MS });
  }

  /** Gives back a pair the operating system refused: another program holds one of its ports. */
  refuse(port: number, now: Millis): void {
    this.#resting.push({ port, until: now + PORT_PAIR_REFUSED_MS });
  }

  #wake(now: Millis): void {
    let kept = 0;
    for (const entry of this.#resting) {
      if (entry.until <= now) this.#free.push(entry.port);
      else this.#resting[kept++] = entry;
    }
    this.#resting.length = kept;
  }
}
