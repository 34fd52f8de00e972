/**
 * The latest calls with their evidence, in bounded room: past the number of calls or of characters
 * the oldest makes place, first of those that are over. Below nothing; above the tracer.
 */
import {
  TRACE_CALL_CHARACTERS_MAX,
  TRACE_CHARACTERS_MAX,
  TRACE_DECISIONS_MAX,
  TRACE_MESSAGES_MAX,
  TRACE_PARTIES_MAX,
  TRACE_SAMPLE_CHARACTERS,
} from "../limits.ts";
import type { WallMillis } from "../machine.ts";
import type { LegFacts, LegId } from "../media/protocol.ts";
import type { CallTrace, Decision, TracedMessage, TracedParty } from "./call-trace.ts";
import { redacted } from "./redaction.ts";
import type { CallRecord } from "./status.ts";
import { Timeline, type TimelineSample } from "./timeline.ts";

type Kept<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/** One call's evidence while it grows. */
export class OpenTrace {
  readonly id: string;
  readonly started: WallMillis;
  readonly parties: Kept<TracedParty>[] = [];
  readonly legs: LegId[] = [];
  /** Once it is over. */
  record: CallRecord | undefined;
  /** Characters it takes. */
  size = 0;
  readonly #messages: Kept<TracedMessage>[] = [];
  readonly #decisions: Decision[] = [];
  /** By party. */
  readonly #timelines: (Timeline | undefined)[] = [];
  #omitted = 0;

  constructor(id: string, started: WallMillis) {
    this.id = id;
    this.started = started;
  }

  /** The index of the party with that dialog; undefined where there is no room for another. */
  party(party: TracedParty): number | undefined {
    const known = this.parties.findIndex(({ callId }) => callId === party.callId);
    if (known >= 0) return known;
    if (this.parties.length >= TRACE_PARTIES_MAX) return undefined;
    return this.parties.push({ ...party }) - 1;
  }

  message(message: Pick<TracedMessage, "at" | "direction" | "party" | "text">): void {
    const { text, party, direction, at } = message;
    const before = this.#messages.findLast((it) => it.party === party);
    if (before?.text === text && before.direction === direction) {
      before.repeats += 1;
      before.lastAt = at;
      return;
    }
    const isFull =
      this.#messages.length >= TRACE_MESSAGES_MAX ||
      this.size + text.length > TRACE_CALL_CHARACTERS_MAX;
    if (isFull) {
      this.#omitted += 1;
      return;
    }
    this.size += text.length;
    this.#messages.push({ ...message, repeats: 0, lastAt: at });
  }

  decide(decision: Decision): void {
    if (this.#decisions.length >= TRACE_DECISIONS_MAX) return;
    this.size += decision.text.length;
    this.#decisions.push(decision);
  }

  media(party: number, facts: LegFacts): void {
    const known = this.parties[party];
    if (known) known.media = facts;
  }

  /** How a party's audio goes. */
  sample(party: number, sample: TimelineSample): void {
    const timeline = this.#timelines[party] ?? new Timeline();
    this.#timelines[party] = timeline;
    const before = timeline.samples.length;
    timeline.add(sample);
    this.size += (timeline.samples.length - before) * TRACE_SAMPLE_CHARACTERS;
  }

  /**
   * As it is now, without secrets: they are taken out here, on the one way out, and not of the
   * thousands of messages nobody ever looks at.
   */
  view(): CallTrace {
    return {
      id: this.id,
      started: this.started,
      parties: this.parties.map((it, index) => {
        const timeline = this.#timelines[index]?.samples;
        return timeline ? { ...it, timeline: [...timeline] } : { ...it };
      }),
      messages: this.#messages.map((it) => ({ ...it, text: redacted(it.text) })),
      decisions: [...this.#decisions],
      omitted: this.#omitted,
    };
  }
}

export class TraceRing {
  readonly #callsMax: number;
  readonly #forgotten: (trace: OpenTrace) => void;
  /** By id, oldest first. */
  readonly #live = new Map<string, OpenTrace>();
  readonly #over = new Map<string, OpenTrace>();
  #size = 0;

  /** `forgotten` is told of each call that made room. */
  constructor(callsMax: number, forgotten: (trace: OpenTrace) => void) {
    this.#callsMax = callsMax;
    this.#forgotten = forgotten;
  }

  get count(): number {
    return this.#live.size + this.#over.size;
  }

  get(id: string): OpenTrace | undefined {
    return this.#live.get(id) ?? this.#over.get(id);
  }

  /** Newest first, of those that are over. */
  ended(): OpenTrace[] {
    return [...this.#over.values()].reverse();
  }

  add(trace: OpenTrace): void {
    this.#live.set(trace.id, trace);
    this.#size += trace.size;
    this.#makeRoom();
  }

  /** Changes a trace, and keeps count of its size. */
  grow(trace: OpenTrace, change: () => void): void {
    const before = trace.size;
    change();
    if (this.get(trace.id) !== trace) return;
    this.#size += trace.size - before;
    this.#makeRoom();
  }

  end(trace: OpenTrace, record: CallRecord): void {
    trace.record = record;
    if (!this.#live.delete(trace.id)) return;
    this.#over.set(trace.id, trace);
  }

  #makeRoom(): void {
    while (this.count > this.#callsMax || (this.#size > TRACE_CHARACTERS_MAX && this.count > 1)) {
      const oldest = this.#over.values().next().value ?? this.#live.values().next().value;
      if (!oldest) return;
      this.#over.delete(oldest.id);
      this.#live.delete(oldest.id);
      this.#size -= oldest.size;
      this.#forgotten(oldest);
    }
  }
}
