/**
 * Sends the packets of many streams at their times: each stream in a slot of one millisecond of the
 * 20 ms a packet lasts. It knows how late it was: a generator that cannot keep up says so.
 */
import { Samples } from "./samples.ts";

const FRAME_MS = 20;

export class Pacer {
  readonly #slots: Set<() => void>[] = Array.from({ length: FRAME_MS }, () => new Set());
  #slot = 0;
  #dueAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** How late packets left, ms. */
  readonly lateness = new Samples();

  start(): void {
    this.#dueAt = performance.now();
    this.#tick();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Calls `send` every 20 ms from now on; returns what ends it. */
  add(slot: number, send: () => void): () => void {
    const members = this.#slots[slot % FRAME_MS];
    members?.add(send);
    return () => void members?.delete(send);
  }

  #tick(): void {
    let now = performance.now();
    while (this.#dueAt <= now) {
      for (const send of this.#slots[this.#slot] ?? []) {
        this.lateness.add(performance.now() - this.#dueAt);
        send();
      }
      this.#slot = (this.#slot + 1) % FRAME_MS;
      this.#dueAt += 1;
      now = performance.now();
    }
    this.#timer = setTimeout(() => this.#tick(), this.#dueAt - now);
  }
}
