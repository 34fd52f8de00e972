/**
 * How a call's audio went over its time, in bounded room however long it lasts: when it is full, every
 * other sample goes, and from then on every other one is taken.
 */
import type { WallMillis } from "../machine.ts";
import type { DirectionQuality, LegQuality } from "../media/protocol.ts";

/** One direction at one moment. */
export interface TimelinePoint {
  /** E-model mean opinion score of the latest seconds, 1 to 4.5. */
  readonly mos: number;
  /** Share of packets lost of late, 0 to 1. */
  readonly loss: number;
  readonly jitterMs: number;
}

/** Both directions between a party and us at one moment. */
export interface TimelineSample {
  readonly at: WallMillis;
  readonly received?: TimelinePoint;
  readonly sent?: TimelinePoint;
  readonly roundTripMs?: number;
}

export const TIMELINE_SAMPLES_MAX = 64;

export class Timeline {
  #samples: TimelineSample[] = [];
  #stride = 1;
  #count = 0;

  get samples(): readonly TimelineSample[] {
    return this.#samples;
  }

  add(sample: TimelineSample): void {
    const isDue = this.#count % this.#stride === 0;
    this.#count += 1;
    if (!isDue) return;
    if (this.#samples.length === TIMELINE_SAMPLES_MAX) {
      this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
    }
    this.#samples.push(sample);
  }
}

export function timelineSample(at: WallMillis, quality: LegQuality): TimelineSample {
  const { received, sent, roundTripMs } = quality;
  return {
    at,
    ...(received ? { received: pointOf(received) } : {}),
    ...(sent ? { sent: pointOf(sent) } : {}),
    ...(roundTripMs === undefined ? {} : { roundTripMs }),
  };
}

function pointOf({ mosNow, lossNow, jitterMs }: DirectionQuality): TimelinePoint {
  return { mos: mosNow, loss: lossNow, jitterMs };
}
