/** Many measured values, kept as numbers without overhead, and their quantiles. */

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class Samples {
  #values = new Float64Array(1_024);
  #length = 0;

  add(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  addAll(values: Iterable<number>): void {
    for (const value of values) this.add(value);
  }

  clear(): void {
    this.#length = 0;
  }

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.#values[index] ?? Number.NaN;
  }

  values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }

  /** All zero where nothing was measured. */
  quantiles(): Quantiles {
    const sorted = this.values().slice().sort();
    return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) ?? 0 };
  }
}

/** The value below which `share` of the sorted values lie; 0 where there are none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
