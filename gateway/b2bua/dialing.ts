/**
 * The search for one party: every device of a user, or a number at a connection, invited side by
 * side until one answers (forking by us, RFC 3261 §16.7).
 *
 *   preparing ─media open, flow there─► inviting ─180─► ringing ─2xx─► answered
 *        └──────────── no leg left, nobody in time ───────────────────► failed
 *
 * A candidate whose INVITE does not get through is tried over another target of its connection, by
 * a leg of its own (RFC 3263 §4.3): at once where it failed, after a while where nothing is heard.
 * Whom else to ask when the search fails is the call's business.
 */

import { earliest, type Millis, Timers } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { Random } from "../random.ts";
import { type Flow, leadsToSamePlace } from "../sip/flow.ts";
import { CalleeLeg } from "./callee-leg.ts";
import { passOffer } from "./codec-passing.ts";
import type { Candidate, Destination } from "./destination.ts";
import { bestFailure } from "./forking.ts";
import type { Leg } from "./leg.ts";
import type { LegEvent } from "./leg-contract.ts";
import type { CallOrder } from "./order.ts";
import { openingOf } from "./place.ts";
import { ELSEWHERE, type Ending } from "./reason.ts";

/** Media and flow must be there by then; both take milliseconds, a dead target some seconds. */
const PREPARE_MS = 15_000;
/** RFC 3261 §16.6 step 11: timer C is longer than three minutes. */
const NO_ANSWER_MS = 181_000;
/** Ways tried for one candidate, the first included. */
const WAYS_MAX = 3;
/** AMB-02: what says that the connection failed, not that the callee refused. */
const DOWN = new Set([408, 500, 502, 503, 504]);
/** What a PBX says that can't speak what it was offered (RFC 3261 §21.4.13, §21.4.26, §21.6.4). */
const MEDIA_REFUSED = new Set([415, 488, 606]);
/** AMB-02: no answer at all for so long, and another target is asked too (half of it on streams: there no datagram is lost). */
const SETUP_MS = 4_000;
/** RFC 3326 §2 and the softphones: no missed call. */
const COMPLETED_ELSEWHERE: Ending = {
  status: 200,
  reason: "Call completed elsewhere",
  q850: ELSEWHERE,
};

export type DialingEvent =
  | { type: "ringing" }
  /** One callee described its media before it answered. */
  | { type: "early"; leg: CalleeLeg }
  | { type: "answered"; leg: CalleeLeg }
  | {
      type: "failed";
      failure: Ending;
      /** `down`: the connection's fault, not the callee's word; another may do better (AMB-02). */
      why: "busy" | "noAnswer" | "down" | "other";
      redirects: readonly string[];
    };

/** What legs are made with. */
export interface LegWorkshop {
  /** The party they are looked for. */
  readonly waiting: Leg | undefined;
  readonly nextLegId: () => LegId;
  readonly random: Random;
  readonly orders: CallOrder[];
}

interface Attempt {
  readonly leg: CalleeLeg;
  readonly candidate: Candidate;
  flow: Flow | undefined;
  /** Of how many it is the last: 1 for the first. */
  readonly way: number;
  /** The attempt before it, over the flow that led nowhere. */
  readonly before: Attempt | undefined;
  /** Why it failed, while another way is looked for. */
  obstacle: Ending | undefined;
  /** Another way was asked for: once is enough. */
  isFollowed: boolean;
  /** Something came back: the other side is there. */
  isHeard: boolean;
  setupBy: Millis | undefined;
}

export class Dialing {
  readonly destination: Destination;
  readonly #attempts: Map<LegId, Attempt>;
  readonly #orders: CallOrder[];
  readonly #workshop: LegWorkshop;
  readonly #timers = new Timers<"prepare" | "noAnswer">();
  readonly #failures: Ending[] = [];
  readonly #redirects: string[] = [];
  #isReleased = false;
  /** Somebody's telephone rang: what follows is the callee's doing. */
  #hasRung = false;
  #isOver = false;

  constructor(destination: Destination, workshop: LegWorkshop, now: Millis) {
    this.destination = destination;
    this.#orders = workshop.orders;
    this.#workshop = workshop;
    this.#attempts = new Map();
    for (const candidate of destination.candidates) this.#add(candidate, undefined);
    this.#timers.arm("prepare", now + PREPARE_MS);
  }

  get legs(): CalleeLeg[] {
    return [...this.#attempts.values()].map(({ leg }) => leg);
  }

  /** True where one callee alone is asked: what it says early is what will be. */
  get isSingle(): boolean {
    return this.destination.candidates.length === 1;
  }

  deadline(): Millis | undefined {
    const setups = [...this.#attempts.values()].map(({ setupBy }) => setupBy);
    return this.#isOver ? undefined : earliest(this.#timers.next(), ...setups);
  }

  has(id: LegId): boolean {
    return this.#attempts.has(id);
  }

  /** Asks for media and for the flows that are not there. */
  start(): void {
    for (const attempt of this.#attempts.values()) this.#prepare(attempt);
  }

  /** The party that waits is ready, and so perhaps are legs: INVITEs may go out from now on. */
  release(now: Millis): DialingEvent | undefined {
    this.#isReleased = true;
    let failed: DialingEvent | undefined;
    for (const attempt of this.#attempts.values()) failed = this.#invite(attempt, now) ?? failed;
    return failed;
  }

  reached(id: LegId, flow: Flow, now: Millis): DialingEvent | undefined {
    const attempt = this.#attempts.get(id);
    if (!attempt || this.#isOver || attempt.leg.state !== "idle") return undefined;
    const before = attempt.before?.flow;
    if (before && leadsToSamePlace(before, flow)) return this.#noOtherWay(attempt);
    attempt.flow = flow;
    return this.#invite(attempt, now);
  }

  unreached(id: LegId, reason: string): DialingEvent | undefined {
    const attempt = this.#attempts.get(id);
    if (!attempt || this.#isOver || attempt.leg.state !== "idle") return undefined;
    if (attempt.before) return this.#noOtherWay(attempt);
    attempt.leg.end({ status: 503, reason });
    return this.#failed({ status: 503, reason });
  }

  /** What a callee's leg reported. */
  legEvent(id: LegId, event: LegEvent): DialingEvent | undefined {
    const attempt = this.#attempts.get(id);
    if (!attempt || this.#isOver) return undefined;
    const { leg } = attempt;
    switch (event.type) {
      case "ringing":
        this.#hasRung = true;
        return { type: "ringing" };
      case "described":
        this.#hasRung = true;
        return this.isSingle ? { type: "early", leg } : { type: "ringing" };
      case "answered":
        this.answeredElsewhere(leg);
        return { type: "answered", leg };
      case "failed":
        if (this.#unseal(attempt, event.status)) return undefined;
        this.#redirects.push(...(event.redirects ?? []));
        return this.#failed(endingOf(event));
      case "unreached":
        attempt.obstacle = endingOf(event);
        return this.#follow(attempt) ? undefined : this.#failed(attempt.obstacle);
      case "left":
        return this.#failed(endingOf({ ...event, status: 480 }));
      default:
        return undefined;
    }
  }

  /** Early media can't be: what it would be after the answer is known already. */
  mediaFailed(id: LegId, failure: Ending): DialingEvent | undefined {
    const attempt = this.#attempts.get(id);
    if (!attempt || this.#isOver || attempt.leg.state !== "inviting") return undefined;
    this.#dismiss(attempt.leg, failure);
    return this.#failed(failure);
  }

  timeout(now: Millis): DialingEvent | undefined {
    for (const attempt of [...this.#attempts.values()]) {
      if (attempt.setupBy === undefined || attempt.setupBy > now) continue;
      attempt.setupBy = undefined;
      this.#follow(attempt);
    }
    const due = this.#timers.takeDue(now);
    if (!due) return undefined;
    const failure =
      due.name === "prepare"
        ? { status: 503, reason: "the call could not be set up in time" }
        : { status: 480, reason: "nobody answered in time" };
    this.cancel({ ...failure, status: 487 });
    const why = due.name === "noAnswer" ? "noAnswer" : "other";
    return { type: "failed", failure, why, redirects: [] };
  }

  /** Ends the search: whoever rings stops ringing. */
  cancel(ending: Ending): void {
    this.#stop();
    for (const leg of this.legs) this.#dismiss(leg, ending);
  }

  /** Ends the search with success: whoever rings, but for `winner`, stops and misses no call. */
  answeredElsewhere(winner?: CalleeLeg): void {
    this.#stop();
    for (const leg of this.legs) if (leg !== winner) this.#dismiss(leg, COMPLETED_ELSEWHERE);
  }

  #dismiss(leg: CalleeLeg, ending: Ending): void {
    leg.end(ending);
    this.#orders.push({ type: "media", order: { type: "closeLeg", leg: leg.id } });
  }

  /** Something came back from there, if only a 100: it is not dead. */
  heardOf(id: LegId): void {
    const attempt = this.#attempts.get(id);
    if (!attempt) return;
    attempt.isHeard = true;
    attempt.setupBy = undefined;
  }

  #add(candidate: Candidate, before: Attempt | undefined): Attempt {
    const leg = legFor(candidate, this.#workshop);
    const way = (before?.way ?? 0) + 1;
    const flow = before ? undefined : candidate.flow;
    const open = { obstacle: undefined, isFollowed: false, isHeard: false, setupBy: undefined };
    const attempt: Attempt = { leg, candidate, flow, way, before, ...open };
    this.#attempts.set(leg.id, attempt);
    return attempt;
  }

  #prepare({ leg, candidate, flow, before }: Attempt): void {
    this.#orders.push({ type: "media", order: openingOf(leg) });
    const { connection } = candidate;
    if (flow || connection === undefined) return;
    const instead = before?.flow ? { instead: before.flow.id } : {};
    this.#orders.push({ type: "reach", leg: leg.id, connection, ...instead });
  }

  #invite(attempt: Attempt, now: Millis): DialingEvent | undefined {
    const { leg, flow, before } = attempt;
    if (this.#isOver || !this.#isReleased || leg.state !== "idle") return undefined;
    if (!leg.negotiation.local || !flow || attempt.obstacle) return undefined;
    if (before?.isHeard && !before.obstacle) {
      this.#dismiss(leg, { status: 487, reason: "the first way leads there after all" });
      return undefined;
    }
    if (before) this.#dismiss(before.leg, { status: 487, reason: "another way is tried" });
    const mismatch = passOffer(this.#workshop.waiting, leg);
    if (mismatch) {
      this.#dismiss(leg, mismatch);
      return this.#failed(mismatch);
    }
    leg.invite(flow);
    const patience = flow.transport === "udp" ? SETUP_MS : SETUP_MS / 2;
    if (attempt.candidate.connection !== undefined) attempt.setupBy = now + patience;
    if (this.#timers.at("noAnswer") !== undefined) return undefined;
    this.#timers.cancel("prepare");
    this.#timers.arm("noAnswer", now + (this.destination.ringForMs ?? NO_ANSWER_MS));
    return undefined;
  }

  /**
   * AMB-08: a PBX that can't have its own keys with the softphone is asked anew, with ours or none,
   * where the connection allows it and the caller was told nothing yet.
   */
  #unseal({ leg, candidate }: Attempt, status: number): boolean {
    const isRefused = leg.negotiation.relays && MEDIA_REFUSED.has(status);
    if (!isRefused || !leg.negotiation.unseal()) return false;
    if (this.#workshop.waiting?.negotiation.isRelayed) return false;
    this.#dismiss(leg, { status: 487, reason: "the call is offered anew" });
    const attempt = this.#add(candidate, undefined);
    attempt.leg.negotiation.unseal();
    this.#prepare(attempt);
    return true;
  }

  /** Asks for another way to the same candidate; false where that was done, or done enough. */
  #follow(attempt: Attempt): boolean {
    if (attempt.candidate.connection === undefined || attempt.way >= WAYS_MAX) return false;
    if (attempt.isFollowed) return this.#pending(attempt);
    attempt.isFollowed = true;
    this.#prepare(this.#add(attempt.candidate, attempt));
    return true;
  }

  /** True while the way that follows it may still come. */
  #pending(attempt: Attempt): boolean {
    return [...this.#attempts.values()].some(
      ({ before, leg }) => before === attempt && leg.state !== "over",
    );
  }

  /** There is none: what was tried before goes on, or was the end. */
  #noOtherWay({ leg, before }: Attempt): DialingEvent | undefined {
    this.#dismiss(leg, { status: 503, reason: "there is no other way" });
    if (before?.obstacle) return this.#failed(before.obstacle);
    if (!before || before.isHeard || !this.destination.standIn) return undefined;
    // Nothing was heard: another connection is asked instead of waiting on.
    return this.#failed({ status: 408, reason: "the PBX says nothing" });
  }

  /** §16.7 step 5: a 6xx ends the search; else the last one out tells the best failure. */
  #failed(failed: Ending): DialingEvent | undefined {
    const { status } = failed;
    this.#failures.push(failed);
    const others = this.legs.some((leg) => leg.state === "inviting" || leg.state === "idle");
    const isSilent = status === 408 && this.isSingle;
    if (others && status < 600 && !isSilent) return undefined;
    this.cancel({ status: 487, reason: "another device refused for all" });
    const failure = bestFailure(this.#failures);
    const isBusy = failure.status === 486 || failure.status === 600;
    const isAway = failure.status === 480 || failure.status === 408;
    const isDown = DOWN.has(status) && !this.#hasRung && this.destination.standIn !== undefined;
    const why = isDown ? "down" : isBusy ? "busy" : isAway ? "noAnswer" : "other";
    return { type: "failed", failure, why, redirects: this.#redirects };
  }

  #stop(): void {
    this.#isOver = true;
    this.#timers.cancelAll();
  }
}

function endingOf({ status, reason, q850 }: Ending): Ending {
  return { status, reason, ...(q850 === undefined ? {} : { q850 }) };
}

function legFor(candidate: Candidate, { nextLegId, random, orders }: LegWorkshop): CalleeLeg {
  const { invitation, flow: _, user, connection, ...identity } = candidate;
  const owner = {
    ...(user === undefined ? {} : { user }),
    ...(connection === undefined ? {} : { connection }),
  };
  return new CalleeLeg({ ...identity, id: nextLegId(), owner, random, orders }, invitation);
}
