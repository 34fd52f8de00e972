/**
 * Many children's deadlines in one place: a binary heap with lazy deletion.
 *
 * A parent that owns thousands of machines (the SIP stack and its transactions, the B2BUA and its
 * calls) asks here which child is due, in logarithmic time, instead of asking every child.
 */
import type { Millis } from "./machine.ts";

interface Entry<Key> {
  key: Key;
  at: Millis;
}

export class Agenda<Key> {
  /** The truth: when each key is due. Heap entries that differ from it are stale. */
  readonly #due = new Map<Key, Millis>();
  readonly #heap: Entry<Key>[] = [];

  /** How many keys wait. */
  get size(): number {
    return this.#due.size;
  }

  /** Sets when `key` is due; `undefined` takes it off the agenda. */
  set(key: Key, at: Millis | undefined): void {
    if (this.#due.get(key) === at) return;
    if (at === undefined) {
      this.#due.delete(key);
      if (this.#due.size === 0) this.#heap.length = 0;
      return;
    }
    this.#due.set(key, at);
    this.#push({ key, at });
  }

  /** The earliest time any key is due. */
  next(): Millis | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Removes and returns the earliest key due at `now`; undefined when none is. */
  takeDue(now: Millis): Key | undefined {
    this.#dropStale();
    const first = this.#heap[0];
    if (!first || first.at > now) return undefined;
    this.#pop();
    this.#due.delete(first.key);
    return first.key;
  }

  #dropStale(): void {
    for (let first = this.#heap[0]; first; first = this.#heap[0]) {
      if (this.#due.get(first.key) === first.at) return;
      this.#pop();
    }
  }

  #push(entry: Entry<Key>): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (!above || above.at <= entry.at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (!left) break;
      const right = heap[child + 1];
      let smaller = left;
      if (right && right.at < left.at) {
        smaller = right;
        child += 1;
      }
      if (smaller.at >= last.at) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
  }
}
