/**
 * Who takes part in a call: every leg it has, and the one or two of them that talk. A leg that is
 * none of the two rings, lost, or is on its way out.
 */
import type { LegId } from "../media/protocol.ts";
import type { FlowId } from "../sip/flow.ts";
import { CallerLeg } from "./caller-leg.ts";
import type { Leg } from "./leg.ts";

export class Parties {
  readonly #legs = new Map<LegId, Leg>();
  /** One while the other is looked for, then two. */
  #seated: Leg[];
  /** The side the call came from: by this is told who ended it. */
  #callerSide: Leg;

  constructor(caller: Leg) {
    this.#seated = [caller];
    this.#callerSide = caller;
    this.add(caller);
  }

  get all(): Leg[] {
    return [...this.#legs.values()];
  }

  /** The two that talk first: their codecs are the call's. */
  get byWeight(): Leg[] {
    return [...this.#seated, ...this.all];
  }

  get seated(): readonly Leg[] {
    return this.#seated;
  }

  /** The party that waits for another one. */
  get waiting(): Leg | undefined {
    return this.#seated[0];
  }

  get(id: LegId): Leg | undefined {
    return this.#legs.get(id);
  }

  add(leg: Leg): void {
    this.#legs.set(leg.id, leg);
  }

  /** They talk from now on, or wait. The caller's side comes first. */
  seat(...legs: Leg[]): void {
    this.#seated = legs.sort(
      (a, b) => Number(b === this.#callerSide) - Number(a === this.#callerSide),
    );
  }

  /** A caller on that flow that has no answer yet. */
  callerOn(flow: FlowId): Leg | undefined {
    return this.all.find(
      (leg) => leg.flow?.id === flow && leg instanceof CallerLeg && leg.state === "inviting",
    );
  }

  isSeated(leg: Leg): boolean {
    return this.#seated.includes(leg);
  }

  sideOf(leg: Leg): "caller" | "callee" {
    return leg === this.#callerSide ? "caller" : "callee";
  }

  /** `leg` talks where `before` did; false where that one did not. */
  succeed(leg: Leg, before: Leg | undefined): before is Leg {
    const place = before ? this.#seated.indexOf(before) : -1;
    if (!before || place < 0) return false;
    this.#seated[place] = leg;
    if (before === this.#callerSide) this.#callerSide = leg;
    return true;
  }

  /** Takes out the legs that are over; not one that talks, or is needed otherwise. */
  takeOver(isNeeded: (leg: LegId) => boolean): Leg[] {
    const over = this.all.filter(
      (leg) => leg.state === "over" && !this.isSeated(leg) && !isNeeded(leg.id),
    );
    for (const leg of over) this.remove(leg);
    return over;
  }

  /** The leg takes part no more. */
  remove(leg: Leg): void {
    this.#legs.delete(leg.id);
    this.#seated = this.#seated.filter((it) => it !== leg);
  }
}
