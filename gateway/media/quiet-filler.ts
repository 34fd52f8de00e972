/**
 * What a peer hears while the other one is silent and said so, by comfort noise (RFC 3389) or Opus'
 * DTX: noise of that level, at an even pace of its own, until audio comes again. It follows the
 * silence by one piece, so that the audio after it, with the network's jitter, finds its place free.
 * Above: the transcoder. Below: the codec pipeline.
 */
import type { Millis } from "../machine.ts";
import type { CodecPipeline } from "./codec-pipeline.ts";
import { ComfortNoise } from "./comfort-noise.ts";

/** Length of a piece, and how far it follows. */
const PIECE_MS = 20;
/** After a longer stall of the process nobody waits for the noise that was due in it. */
const CATCH_UP_MS_MAX = 1_000;

export class QuietFiller {
  readonly noise = new ComfortNoise();
  readonly #pipeline: CodecPipeline;
  readonly #piece: Int16Array;
  #dueAt: Millis | undefined;

  constructor(pipeline: CodecPipeline) {
    this.#pipeline = pipeline;
    this.#piece = new Int16Array((pipeline.rate * PIECE_MS) / 1_000);
  }

  get active(): boolean {
    return this.#dueAt !== undefined;
  }

  /** Silence begins at `now`. */
  begin(now: Millis): void {
    this.#dueAt = now + 2 * PIECE_MS;
  }

  end(): void {
    this.#dueAt = undefined;
  }

  deadline(): Millis | undefined {
    return this.#dueAt;
  }

  /** Sends what is due; the milliseconds of it. */
  timeout(now: Millis): number {
    let filledMs = 0;
    if (this.#dueAt !== undefined && now - this.#dueAt > CATCH_UP_MS_MAX) this.#dueAt = now;
    while (this.#dueAt !== undefined && this.#dueAt <= now) {
      // From when it was due, not from when it was served: noise has its own even pace.
      this.#dueAt += PIECE_MS;
      this.fill(this.#piece.length, now);
      filledMs += PIECE_MS;
    }
    return filledMs;
  }

  /** Sends `samples` of noise at the pipeline's rate. */
  fill(samples: number, now: Millis): void {
    for (let left = samples; left > 0; left -= this.#piece.length) {
      const piece = left < this.#piece.length ? this.#piece.subarray(0, left) : this.#piece;
      this.noise.generate(piece);
      this.#pipeline.feed(piece, now);
    }
  }
}
