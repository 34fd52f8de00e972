/** PCM in and out of a call: a loop that plays in real time, and what was heard. */

/** Calls `play` with pieces of `samples`, each at its time; late pieces catch up. */
export class LoopPlayer {
  readonly #samples: Int16Array;
  readonly #piece: number;
  readonly #pieceMs: number;
  readonly #play: (piece: Int16Array) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = 0;
  #dueAt = 0;

  constructor(samples: Int16Array, piece: number, rate: number, play: (piece: Int16Array) => void) {
    this.#samples = samples;
    this.#piece = piece;
    this.#pieceMs = (1_000 * piece) / rate;
    this.#play = play;
  }

  start(): void {
    if (this.#timer) return;
    this.#dueAt = performance.now();
    this.#tick();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    while (this.#dueAt <= performance.now()) {
      this.#play(this.#next());
      this.#dueAt += this.#pieceMs;
    }
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#dueAt - performance.now()));
  }

  #next(): Int16Array {
    const piece = new Int16Array(this.#piece);
    for (let index = 0; index < piece.length; index++) {
      piece[index] = this.#samples[(this.#at + index) % this.#samples.length] ?? 0;
    }
    this.#at = (this.#at + piece.length) % this.#samples.length;
    return piece;
  }
}

/** What a call has heard so far. */
export class Recording {
  rate: number;
  readonly #pieces: Int16Array[] = [];
  #length = 0;

  constructor(rate: number) {
    this.rate = rate;
  }

  /** Keeps a copy. */
  append(samples: Int16Array): void {
    this.#pieces.push(samples.slice());
    this.#length += samples.length;
  }

  get seconds(): number {
    return this.#length / this.rate;
  }

  samples(): Int16Array {
    const all = new Int16Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
