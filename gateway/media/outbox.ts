/**
 * What a session has to say to the main thread, and whether its deadline moved: filled while a
 * packet is worked on, emptied by whoever handed the packet in. It stays empty for nearly all
 * packets, so nothing is allocated for them. Above: the media plane. Below: legs and streams.
 */
import type { LegFacts, LegId, LegQuality, Notice, SessionId } from "./protocol.ts";

export type FailureReason = Extract<Notice, { type: "failed" }>["reason"];

export class Outbox {
  /** The session's deadline may be earlier than it was. */
  deadlineMoved = false;
  #notices: Notice[] = [];
  readonly #session: SessionId;

  constructor(session: SessionId) {
    this.#session = session;
  }

  get empty(): boolean {
    return this.#notices.length === 0;
  }

  flowing(leg: LegId): void {
    this.#notices.push({ type: "flowing", session: this.#session, leg });
  }

  silent(leg: LegId, forMs: number): void {
    this.#notices.push({ type: "silent", session: this.#session, leg, forMs });
  }

  dtmf(leg: LegId, digit: string, durationMs: number): void {
    this.#notices.push({ type: "dtmf", session: this.#session, leg, digit, durationMs });
  }

  played(leg: LegId): void {
    this.#notices.push({ type: "played", session: this.#session, leg });
  }

  quality(legs: LegQuality[]): void {
    this.#notices.push({ type: "quality", session: this.#session, legs });
  }

  facts(legs: LegFacts[]): void {
    this.#notices.push({ type: "facts", session: this.#session, legs });
  }

  failed(leg: LegId, reason: FailureReason, detail: string): void {
    this.#notices.push({ type: "failed", session: this.#session, leg, reason, detail });
  }

  /** Hands over what has gathered. */
  take(): Notice[] {
    const notices = this.#notices;
    if (notices.length > 0) this.#notices = [];
    return notices;
  }
}
