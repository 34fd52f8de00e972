/**
 * One call: a caller's leg, the callees' legs that ring for it, and the media that joins two of
 * them (a B2BUA's INVITE, RFC 3261 §13 to §15; forking as in §16.7, by us).
 *
 *   preparing ─media open, flow reached─► inviting ─180─► ringing ─183 with media─► early
 *       │                                    └──────────────┴──── 2xx ──────────────┴─► connected
 *       └─ any failure, CANCEL, BYE or timer: ending ─every leg over─► over
 *
 * Codecs, SDP and SIP headers are the legs' business; routing happened before. The call knows no
 * sockets and no clock: inputs in, orders out.
 */

import type { ConnectionId, UserId } from "../../schema/config.ts";
import { type Millis, Timers, type WallMillis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { Flow } from "../sip/flow.ts";
import { CalleeLeg } from "./callee-leg.ts";
import type { CallerLeg } from "./caller-leg.ts";
import { bestFailure, type Failure } from "./forking.ts";
import type { LegEvent } from "./leg.ts";
import type { CallInput, CallOrder, MediaOrder } from "./order.ts";
import type { CallRecord, CallState, CallStatus } from "./status.ts";

/** What of a call is known when it starts. */
export type CallFacts = Pick<CallStatus, "id" | "direction" | "caller" | "callee"> & {
  readonly connection?: ConnectionId;
  readonly user?: UserId;
};

/** Media and flow must be there by then; both take milliseconds. */
const PREPARE_MS = 10_000;
/** RFC 3261 §16.6 step 11: timer C is longer than three minutes. */
const NO_ANSWER_MS = 181_000;
/** Every transaction of a leg's end has timed out by then (64*T1 for CANCEL and for BYE). */
const LINGER_MS = 96_000;

export interface CallLegs {
  caller: CallerLeg;
  /** With the flow each is to be invited over; undefined where a connection's flow is awaited. */
  callees: { leg: CalleeLeg; flow: Flow | undefined }[];
}

export class Call {
  readonly facts: CallFacts;
  readonly #caller: CallerLeg;
  readonly #callees: Map<LegId, CalleeLeg>;
  readonly #flows: Map<LegId, Flow | undefined>;
  readonly #orders: CallOrder[];
  readonly #wall: (at: Millis) => WallMillis;
  readonly #timers = new Timers<"prepare" | "noAnswer" | "linger">();
  readonly #failures: Failure[] = [];
  readonly #started: Millis;
  #answered: Millis | undefined;
  #state: CallState | "preparing" | "over" = "preparing";
  #winner: CalleeLeg | undefined;
  #joined = false;
  #outcome: { status: number; endedBy: CallRecord["endedBy"]; reason: string } | undefined;

  /** `orders` is the sink the legs were made with. */
  constructor(
    facts: CallFacts,
    legs: CallLegs,
    orders: CallOrder[],
    wall: (at: Millis) => WallMillis,
    now: Millis,
  ) {
    this.facts = facts;
    this.#caller = legs.caller;
    this.#callees = new Map(legs.callees.map(({ leg }) => [leg.id, leg]));
    this.#flows = new Map(legs.callees.map(({ leg, flow }) => [leg.id, flow]));
    this.#orders = orders;
    this.#wall = wall;
    this.#started = now;
    this.#timers.arm("prepare", now + PREPARE_MS);
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** Reads the caller's offer and opens the media legs. */
  start(now: Millis): CallOrder[] {
    const offer = this.#caller.readOffer();
    if (!offer.ok) {
      this.#end(offer.status, "gateway", offer.reason, now);
      return this.#flush();
    }
    for (const leg of [this.#caller, ...this.#callees.values()]) {
      this.#media({ type: "open", leg: leg.id, kind: leg.kind });
    }
    if (this.facts.connection !== undefined && [...this.#flows.values()].includes(undefined)) {
      this.#orders.push({ type: "reach", connection: this.facts.connection });
    }
    this.#orders.push({ type: "changed" });
    return this.#flush();
  }

  handle(input: CallInput, now: Millis): CallOrder[] {
    if (this.#state !== "over") this.#take(input, now);
    return this.#flush();
  }

  status(): CallStatus {
    const state = this.#state === "preparing" ? "routing" : this.#state;
    return { ...this.#facts(), state: state === "over" ? "ending" : state };
  }

  #facts(): Omit<CallStatus, "state"> {
    const webrtc = this.#remoteCodec("webrtc");
    const trunk = this.#remoteCodec("trunk");
    return {
      ...this.facts,
      started: this.#wall(this.#started),
      ...(this.#answered === undefined ? {} : { answered: this.#wall(this.#answered) }),
      ...(webrtc && trunk ? { codecs: { webrtc, trunk } } : {}),
    };
  }

  #remoteCodec(kind: "webrtc" | "trunk"): string | undefined {
    const winner = this.#winner ?? [...this.#callees.values()][0];
    return [this.#caller, winner].find((leg) => leg?.kind === kind)?.negotiation.remote?.codec.name;
  }

  #take(input: CallInput, now: Millis): void {
    switch (input.type) {
      case "opened":
        this.#legOf(input.leg)?.opened(input.local);
        this.#inviteWhenReady(now);
        break;
      case "refused":
        this.#end(503, "gateway", `no media: ${input.reason}`, now);
        break;
      case "reached":
        for (const [leg, flow] of this.#flows) this.#flows.set(leg, flow ?? input.flow);
        this.#inviteWhenReady(now);
        break;
      case "unreached":
        this.#end(503, "gateway", input.reason, now);
        break;
      case "response":
        this.#response(input, now);
        break;
      case "failed":
        this.#transactionFailed(input, now);
        break;
      case "request":
        this.#event(
          input.leg,
          this.#legOf(input.leg)?.request(input.request, input.transaction),
          now,
        );
        break;
      case "acknowledged":
        this.#caller.acknowledged();
        break;
      case "unacknowledged":
        this.#caller.acknowledged();
        this.#end(408, "gateway", "the answer was never acknowledged", now);
        break;
      case "cancelled":
        this.#end(487, "caller", "cancelled by the caller", now);
        break;
      case "notice":
        this.#notice(input.notice, now);
        break;
      case "hangUp":
        this.#end(input.status, "gateway", input.reason, now);
        break;
      case "timeout":
        this.#timeout(now);
        break;
    }
    this.#finishWhenOver(now);
  }

  /** Both media legs open and the flow there: the INVITEs go out, all in one go. */
  #inviteWhenReady(now: Millis): void {
    if (this.#state !== "preparing" || !this.#caller.negotiation.local) return;
    for (const [id, leg] of this.#callees) {
      if (!leg.negotiation.local || !this.#flows.get(id)) return;
    }
    this.#state = "routing";
    this.#timers.cancelAll();
    this.#timers.arm("noAnswer", now + NO_ANSWER_MS);
    for (const [id, leg] of this.#callees) {
      const flow = this.#flows.get(id);
      if (flow) leg.invite(flow);
    }
  }

  #response(input: Extract<CallInput, { type: "response" }>, now: Millis): void {
    const leg = this.#legOf(input.leg);
    if (input.method === "INVITE" && leg instanceof CalleeLeg) {
      this.#event(leg.id, leg.received(input.response, input.flow), now);
    } else if (input.method === "BYE" && input.response.status >= 200 && leg?.state === "leaving") {
      leg.byeAnswered(input.response, input.flow);
    }
  }

  #transactionFailed(input: Extract<CallInput, { type: "failed" }>, now: Millis): void {
    const leg = this.#legOf(input.leg);
    if (input.method === "INVITE" && leg instanceof CalleeLeg) {
      this.#event(leg.id, leg.unanswered(input.reason), now);
    } else if (input.method === "BYE" && leg?.state === "leaving") {
      leg.byeDone();
    }
  }

  #event(id: LegId, event: LegEvent | undefined, now: Millis): void {
    const callee = this.#callees.get(id);
    switch (event?.type) {
      case "ringing":
        this.#ringing(now);
        break;
      case "described":
        if (callee && this.#state !== "connected") this.#early(callee, now);
        else this.#reconnect(id);
        break;
      case "answered":
        if (callee) this.#connected(callee, now);
        break;
      case "failed":
        if (callee) this.#calleeFailed(callee, event, now);
        break;
      case "left":
        this.#end(200, callee ? "callee" : "caller", event.reason, now);
        break;
      default:
    }
  }

  #ringing(_now: Millis): void {
    if (this.#state !== "routing" && this.#state !== "ringing") return;
    this.#state = "ringing";
    this.#caller.progress(180);
    this.#orders.push({ type: "changed" });
  }

  /** Early media reaches the caller only where one callee can send it (no fork to choose from). */
  #early(callee: CalleeLeg, now: Millis): void {
    if (this.#callees.size > 1 || callee.kind === "webrtc") {
      this.#ringing(now);
      return;
    }
    this.#state = "early";
    this.#connectMedia(callee);
    this.#caller.progress(183);
    this.#orders.push({ type: "changed" });
  }

  #connected(callee: CalleeLeg, now: Millis): void {
    if (this.#winner || this.#state === "ending") {
      callee.end(200, "Call completed elsewhere");
      return;
    }
    this.#winner = callee;
    this.#state = "connected";
    this.#answered = now;
    this.#timers.cancelAll();
    this.#connectMedia(callee);
    this.#caller.accept();
    for (const loser of this.#callees.values()) {
      if (loser === callee) continue;
      loser.end(200, "Call completed elsewhere");
      this.#media({ type: "closeLeg", leg: loser.id });
    }
    this.#orders.push({ type: "changed" });
  }

  #connectMedia(callee: CalleeLeg): void {
    this.#reconnect(this.#caller.id);
    this.#reconnect(callee.id);
    if (this.#joined) return;
    this.#joined = true;
    this.#media({ type: "join", legs: [this.#caller.id, callee.id] });
  }

  /** Tells the worker what the leg's peer last said. */
  #reconnect(id: LegId): void {
    const remote = this.#legOf(id)?.negotiation.remote;
    if (remote) this.#media({ type: "connect", leg: id, remote });
  }

  #calleeFailed(callee: CalleeLeg, event: Failure, now: Millis): void {
    this.#failures.push({ status: event.status, reason: event.reason });
    if (this.#state === "ending" || this.#winner) return;
    const others = [...this.#callees.values()].some(
      (leg) => leg !== callee && leg.state === "inviting",
    );
    // RFC 3261 §16.7 step 5: a 6xx ends the search; else the last one out tells the best failure.
    if (others && event.status < 600) return;
    const best = bestFailure(this.#failures);
    this.#end(best.status, "callee", best.reason, now);
  }

  #notice(notice: Extract<CallInput, { type: "notice" }>["notice"], now: Millis): void {
    const leg = this.#legOf(notice.leg);
    if (!leg || leg.state === "over") return;
    const who = leg === this.#caller ? "caller" : "callee";
    if (notice.type === "silent" && this.#state === "connected") {
      const seconds = Math.round(notice.forMs / 1_000);
      this.#end(200, "gateway", `no audio from the ${who} for ${seconds} s`, now);
    } else if (notice.type === "failed") {
      this.#end(500, "gateway", `media of the ${who} failed: ${notice.detail}`, now);
    }
  }

  #timeout(now: Millis): void {
    for (let due = this.#timers.takeDue(now); due; due = this.#timers.takeDue(now)) {
      if (due.name === "prepare")
        this.#end(503, "gateway", "the call could not be set up in time", now);
      if (due.name === "noAnswer")
        this.#end(480, "gateway", "nobody answered for three minutes", now);
      if (due.name === "linger") this.#over(now);
    }
  }

  /** The first end counts; every leg is ended in the way its state asks for. */
  #end(status: number, endedBy: CallRecord["endedBy"], reason: string, now: Millis): void {
    if (this.#outcome) return;
    const answered = this.#answered !== undefined;
    this.#outcome = { status: answered ? 200 : status, endedBy, reason };
    this.#state = "ending";
    this.#timers.cancelAll();
    this.#timers.arm("linger", now + LINGER_MS);
    for (const leg of [this.#caller, ...this.#callees.values()]) leg.end(status, reason);
    this.#media({ type: "close" });
    this.#orders.push({ type: "changed" });
    this.#finishWhenOver(now);
  }

  #finishWhenOver(now: Millis): void {
    if (this.#state !== "ending") return;
    const legs = [this.#caller, ...this.#callees.values()];
    if (legs.every((leg) => leg.state === "over")) this.#over(now);
  }

  #over(now: Millis): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#timers.cancelAll();
    const outcome = this.#outcome ?? { status: 500, endedBy: "gateway", reason: "ended" };
    const record: CallRecord = { ...this.#facts(), ...outcome, ended: this.#wall(now) };
    this.#orders.push({ type: "over", record });
  }

  #legOf(id: LegId): CallerLeg | CalleeLeg | undefined {
    return id === this.#caller.id ? this.#caller : this.#callees.get(id);
  }

  #media(order: MediaOrder): void {
    this.#orders.push({ type: "media", order });
  }

  #flush(): CallOrder[] {
    return this.#orders.splice(0);
  }
}
