/**
 * One call: two parties, and while one of them is missing the search for it (a B2BUA, RFC 3261
 * §13 to §15; transfers by RFC 3515, RFC 3891 and RFC 5589).
 *
 *   routing ─180─► ringing ─183 with media─► early ─┐
 *      └──────────────┴──────────── 2xx ────────────┴─► connected ─REFER─► (a new search) ─► …
 *      └─ any failure, CANCEL, BYE or timer: ending ─every leg over─► over
 *
 * Codecs, SDP and SIP headers are the legs' business, ringing several devices that of `dialing`,
 * audio and hold that of `bridge`. The call knows no sockets and no clock: inputs in, orders out.
 */

import { earliest, type Millis, type WallMillis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { FlowId } from "../sip/flow.ts";
import type { Refer } from "../sip/refer.ts";
import { Announcement } from "./announcement.ts";
import { Bridge, endFor } from "./bridge.ts";
import type { CallInput } from "./call-input.ts";
import type { CalleeLeg } from "./callee-leg.ts";
import { CallerLeg } from "./caller-leg.ts";
import { Closing } from "./closing.ts";
import type { Destination } from "./destination.ts";
import { type Detour, Detours, type Missed } from "./detour.ts";
import { Dialing, type DialingEvent, type LegWorkshop } from "./dialing.ts";
import { type CallFacts, Journal } from "./journal.ts";
import type { Leg } from "./leg.ts";
import type { LegEvent } from "./leg-contract.ts";
import type { CallOrder, MediaOrder } from "./order.ts";
import { Parking } from "./parking.ts";
import { Parties } from "./parties.ts";
import type { Ending } from "./reason.ts";
import { Successors } from "./replacement.ts";
import type { CallRecord, CallState, CallStatus } from "./status.ts";
import { handOver, TRANSFERRED, Transfer } from "./transfer.ts";

export type CallOptions = Omit<LegWorkshop, "orders" | "waiting"> & {
  readonly wall: (at: Millis) => WallMillis;
};

export class Call {
  readonly #journal: Journal;
  readonly #options: CallOptions;
  readonly #orders: CallOrder[];
  readonly #bridge: Bridge;
  readonly #closing = new Closing();
  readonly #parties: Parties;
  #dialing: Dialing | undefined;
  #transfer: Transfer | undefined;
  #announcement: Announcement | undefined;
  readonly #parking = new Parking();
  readonly #successors = new Successors();
  readonly #detours = new Detours();
  #state: CallState | "over" = "routing";

  /** `orders` is the sink the caller's leg was made with. */
  constructor(
    facts: CallFacts,
    caller: CallerLeg,
    orders: CallOrder[],
    options: CallOptions,
    now: Millis,
  ) {
    this.#journal = new Journal(facts, options.wall, now);
    this.#parties = new Parties(caller);
    this.#orders = orders;
    this.#bridge = new Bridge(orders);
    this.#options = options;
  }

  deadline(): Millis | undefined {
    const legs = this.#parties.all.map((leg) => leg.deadline());
    const others = [this.#dialing, this.#transfer, this.#announcement].map((it) => it?.deadline());
    return earliest(this.#closing.deadline(), this.#parking.deadline(), ...others, ...legs);
  }

  legOf(id: LegId): Leg | undefined {
    return this.#parties.get(id);
  }

  /** Reads the caller's offer, opens its media and rings the destination. */
  start(destination: Destination, now: Millis): CallOrder[] {
    const caller = this.#parties.waiting;
    if (!(caller instanceof CallerLeg)) throw new Error("a call starts with its caller");
    const offer = caller.readOffer();
    if (offer.ok) {
      caller.openMedia();
      this.#closing.mediaOpened();
      this.#dial(destination, now);
    } else this.#end(offer, "gateway", now);
    this.#finishWhenOver(now);
    return this.#orders.splice(0);
  }

  handle(input: CallInput, now: Millis): CallOrder[] {
    if (this.#state !== "over") {
      this.#take(input, now);
      this.#finishWhenOver(now);
    }
    return this.#orders.splice(0);
  }

  /** Lets a party go to another call (RFC 5589 §7); its legs here end by themselves. */
  release(id: LegId): Leg | undefined {
    const leg = this.#parties.get(id);
    if (!leg) return undefined;
    this.#bridge.part(leg);
    this.#parties.remove(leg);
    return leg;
  }

  /** A party of another call takes the place of one of ours. */
  adopt(leg: Leg, instead: LegId, now: Millis): CallOrder[] {
    leg.moveTo(this.#orders);
    this.#parties.add(leg);
    this.#bridge.quiet(leg);
    this.#succeed(leg, instead, now);
    return this.#orders.splice(0);
  }

  status(): CallStatus {
    return this.#journal.status(this.#state, this.#parties.byWeight);
  }

  #take(input: CallInput, now: Millis): void {
    switch (input.type) {
      case "opened":
        this.#parties.get(input.leg)?.opened(input.local, now);
        this.#mediaOpened(input.leg, now);
        break;
      case "refused":
        if (this.#bridge.survives(this.#parties.get(input.leg), input.reason)) break;
        this.#end({ status: 503, reason: `no media: ${input.reason}` }, "gateway", now);
        break;
      case "reached":
        this.#dialed(this.#dialing?.reached(input.leg, input.flow, now), now);
        break;
      case "unreached":
        this.#dialed(this.#dialing?.unreached(input.leg, input.reason), now);
        break;
      case "response":
      case "failed":
      case "request":
      case "acknowledged":
      case "unacknowledged":
        this.#event(input.leg, (leg) => leg.take(input, now), now);
        break;
      case "cancelled":
        this.#left(input.leg, { ...input, status: 487 }, now);
        break;
      case "notice":
        this.#notice(input.notice, now);
        break;
      case "mediaLost":
        if (!this.#dialing && this.#bridge.rebuild()) break;
        this.#closing.mediaClosed();
        this.#end({ status: 500, reason: "the media worker stopped" }, "gateway", now);
        break;
      case "routed":
        this.#routed(input.destination, now);
        break;
      case "unrouted":
        this.#missed(input, now);
        break;
      case "merged":
        if (!this.#transfer?.merged(input.status, now)) this.#transfer = undefined;
        break;
      case "parked":
        this.#parked(input.flow, now);
        break;
      case "returned":
        this.#parking.unpark(this.#parties.all, input.flow, input.to);
        break;
      case "replaced":
        this.#replacedBy(input.by, input.leg);
        break;
      case "hangUp":
        this.#end(input, "gateway", now);
        break;
      case "transfer": {
        const wanted = this.#state === "connected" && handOver(this.#parties, input);
        if (wanted) this.#refer(wanted.referrer, wanted.refer, now, wanted.user);
        break;
      }
      case "timeout":
        this.#timeout(now);
        break;
    }
  }

  // The search for a party ----------------------------------------------------------------------

  #dial(destination: Destination, now: Millis): void {
    const workshop = { ...this.#options, orders: this.#orders, waiting: this.#parties.waiting };
    this.#dialing = new Dialing(destination, workshop, now);
    for (const leg of this.#dialing.legs) this.#parties.add(leg);
    this.#dialing.start();
    if (this.#parties.waiting?.negotiation.local) this.#dialed(this.#dialing.release(now), now);
    this.#changed();
  }

  #mediaOpened(id: LegId, now: Millis): void {
    const successor = this.#successors.opened(id);
    if (successor) {
      const { leg, place } = successor;
      if (!this.#dialing?.has(place)) this.#succeed(leg, place, now);
      else {
        // It answers in the place of one that rings (RFC 3891 §3).
        this.#dialing.answeredElsewhere();
        leg.accept(now);
        this.#found(leg, now);
      }
      return;
    }
    if (this.#parties.waiting?.negotiation.local) this.#dialed(this.#dialing?.release(now), now);
  }

  #dialed(event: DialingEvent | undefined, now: Millis): void {
    for (const leg of this.#dialing?.legs ?? []) this.#parties.add(leg);
    switch (event?.type) {
      case "ringing":
        this.#ringing(now);
        break;
      case "early":
        this.#early(event.leg, now);
        break;
      case "answered":
        this.#found(event.leg, now);
        break;
      case "failed":
        this.#missed({ ...event.failure, why: event.why, redirects: event.redirects }, now);
        break;
      default:
    }
  }

  #ringing(now: Millis): void {
    const { waiting } = this.#parties;
    if (this.#transfer) {
      this.#transfer.ringing();
      return;
    }
    if (this.#state === "routing") this.#state = "ringing";
    if (waiting instanceof CallerLeg) waiting.progress(180, now);
    this.#changed();
  }

  /** Early media reaches the caller where one callee alone can send it, and is not a softphone. */
  #early(callee: CalleeLeg, now: Millis): void {
    const { waiting } = this.#parties;
    const takes = waiting instanceof CallerLeg && waiting.takesEarlyMedia;
    if (!takes || callee.kind === "webrtc" || this.#journal.isAnswered) {
      this.#ringing(now);
      return;
    }
    const isFirst = this.#state !== "early";
    this.#state = "early";
    this.#bridge.join(waiting, callee);
    waiting.progress(183, now);
    if (isFirst) this.#bridge.ringback(waiting);
    this.#changed();
  }

  #found(callee: Leg, now: Millis): void {
    const { waiting } = this.#parties;
    this.#dialing = undefined;
    this.#detours.clear();
    if (!waiting || this.#state === "ending") {
      callee.end({ status: 487, reason: "nobody waits any more" });
      return;
    }
    this.#parties.seat(waiting, callee);
    this.#state = "connected";
    this.#journal.answered(now);
    this.#bridge.quiet(waiting);
    this.#bridge.join(waiting, callee);
    if (waiting instanceof CallerLeg) waiting.accept(now);
    this.#transfer?.succeeded(now);
    this.#changed();
  }

  /** The search came to nothing: elsewhere, or back to the referrer, or the end. */
  #missed(missed: Missed, now: Millis): void {
    const dialing = this.#dialing;
    this.#dialing = undefined;
    if (this.#state === "ending") return;
    const { callee } = this.#journal.facts;
    const detour = this.#detours.next(dialing?.destination, missed, callee);
    if (detour && this.#ask(detour, now)) return;
    const { waiting } = this.#parties;
    if (this.#transfer && waiting) {
      this.#restore(waiting, this.#transfer, missed, now);
      return;
    }
    const ending = { ...missed, status: missed.status >= 400 ? missed.status : 480 };
    this.#announcement = Announcement.begin(ending, waiting, dialing, this.#bridge, now);
    if (!this.#announcement) this.#end(ending, "callee", now);
  }

  /** Asks for another destination; the answer comes as `routed` or `unrouted`. */
  #ask(ask: Detour, now: Millis): boolean {
    const { caller, facts } = this.#journal;
    const maxForwards = this.#detours.take(facts.maxForwards);
    if (maxForwards === undefined) return false;
    const { waiting } = this.#parties;
    const isForwarded = ask.why === "forward" || ask.why === "redirect";
    if (isForwarded && waiting instanceof CallerLeg) waiting.progress(181, now);
    this.#orders.push({ type: "route", ask: { ...ask, caller, maxForwards } });
    return true;
  }

  #routed(destination: Destination, now: Millis): void {
    if (this.#state === "ending") return;
    this.#journal.routed(destination);
    this.#dial(destination, now);
    const { waiting } = this.#parties;
    if (this.#transfer && waiting) this.#bridge.ringback(waiting);
  }

  // What parties do -----------------------------------------------------------------------------

  #event(id: LegId, of: (leg: Leg) => LegEvent | undefined, now: Millis): void {
    this.#dialing?.heardOf(id);
    const leg = this.#parties.get(id);
    const event = leg && of(leg);
    if (!event) return;
    if (this.#dialing?.has(id)) {
      this.#dialed(this.#dialing.legEvent(id, event), now);
      return;
    }
    switch (event.type) {
      case "described":
        this.#bridge.described(leg);
        this.#changed();
        break;
      case "left":
        this.#left(id, { ...event, status: 200 }, now);
        break;
      case "refer":
        this.#refer(leg, event.refer, now);
        break;
      case "digit":
        this.#bridge.digit(leg, event.digit);
        break;
      default:
    }
  }

  /** A party is gone: the call goes on without it only while it is being transferred. */
  #left(id: LegId, ending: Ending, now: Millis): void {
    const leg = this.#parties.get(id);
    if (!leg) return;
    this.#bridge.part(leg);
    if (leg === this.#transfer?.referrer) {
      this.#transfer = undefined;
      this.#media({ type: "closeLeg", leg: id });
    }
    if (!this.#parties.isSeated(leg)) return;
    this.#transfer?.failed(487);
    this.#end(ending, this.#parties.sideOf(leg), now);
  }

  // Transfers -----------------------------------------------------------------------------------

  #refer(referrer: Leg, refer: Refer, now: Millis, onBehalfOf = referrer): void {
    const transferee = this.#bridge.otherEnd(referrer);
    const transfer = new Transfer(referrer);
    if (!transferee || referrer.negotiation.isRelayed || this.#dialing || this.#transfer) {
      transfer.refused();
      return;
    }
    this.#transfer = transfer;
    const { replaces } = refer;
    if (replaces) {
      this.#orders.push({ type: "merge", referrer: referrer.id, leg: transferee.id, replaces });
      return;
    }
    this.#parties.seat(transferee);
    this.#bridge.part(referrer);
    if (!this.#ask({ why: "transfer", uri: refer.target.uri, ...onBehalfOf.owner }, now)) {
      const ending = { status: 482, reason: "the call was transferred too often" };
      this.#restore(transferee, transfer, ending, now);
    }
  }

  /** The transfer failed: the two talk on as before; without the referrer nobody is left. */
  #restore(waiting: Leg, transfer: Transfer, ending: Ending, now: Millis): void {
    const { referrer } = transfer;
    this.#transfer = undefined;
    transfer.failed(ending.status);
    this.#bridge.quiet(waiting);
    if (referrer.state !== "confirmed") {
      this.#end(ending, "gateway", now);
      return;
    }
    this.#parties.seat(referrer, waiting);
    this.#bridge.join(waiting, referrer);
  }

  #replacedBy(by: CallerLeg, place: LegId): void {
    by.moveTo(this.#orders);
    if (!this.#successors.begin(by, this.#parties.get(place))) return;
    this.#parties.add(by);
    by.openMedia();
  }

  /** `leg` is a party from now on, the one before it leaves. */
  #succeed(leg: Leg, instead: LegId, now: Millis): void {
    const before = this.#parties.get(instead);
    if (this.#state === "ending" || !this.#parties.succeed(leg, before)) {
      leg.end({ status: 481, reason: "the call is over" });
      return;
    }
    if (leg instanceof CallerLeg) leg.accept(now);
    this.#bridge.part(before);
    before.end({ status: 487, reason: "replaced" });
    this.#media({ type: "closeLeg", leg: instead });
    const [a, b] = this.#parties.seated;
    if (a && b) this.#bridge.join(a, b);
    else this.#bridge.ringback(leg);
    this.#changed();
  }

  /** A caller that lost its connection before the answer would never hear it: it is gone. */
  #parked(flow: FlowId, now: Millis): void {
    const gone = this.#parties.callerOn(flow);
    const reason = "the caller's connection was lost";
    if (gone) this.#left(gone.id, { status: 487, reason }, now);
    this.#parking.park(this.#parties.all, flow, now);
  }

  #notice(notice: Extract<CallInput, { type: "notice" }>["notice"], now: Millis): void {
    if (notice.type === "closed") this.#closing.mediaClosed();
    if (notice.type === "quality") {
      this.#journal.measured(notice.legs, this.#parties);
      this.#orders.push({ type: "measured" });
    }
    if (notice.type === "played") this.#announcement?.heard(now);
    if (!("leg" in notice)) return;
    const leg = this.#parties.get(notice.leg);
    const end = leg && endFor(notice, leg, this.#parties.sideOf(leg));
    if (end && this.#dialing?.has(leg.id)) {
      this.#dialed(this.#dialing.mediaFailed(leg.id, end), now);
    } else if (leg && this.#parties.isSeated(leg)) {
      if (notice.type === "dtmf") this.#bridge.digit(leg, notice);
      if (end) this.#end(end, "gateway", now);
    }
  }

  #timeout(now: Millis): void {
    if (this.#closing.timeout(now)) {
      this.#over(now);
      return;
    }
    const announcement = this.#announcement;
    if (announcement?.timeout(now)) this.#end(announcement.ending, "callee", now);
    if (this.#parking.timeout(this.#parties.all, now)) {
      const reason = "the softphone's connection did not come back";
      this.#end({ status: 480, reason }, "gateway", now);
    }
    const dismissed = this.#transfer?.dismiss(now);
    if (dismissed) this.#left(dismissed.id, TRANSFERRED, now);
    this.#dialed(this.#dialing?.timeout(now), now);
    for (const leg of this.#parties.all) {
      while ((leg.deadline() ?? Infinity) <= now) {
        this.#event(leg.id, (it) => it.timeout(now), now);
      }
    }
  }

  /** The first end counts; every leg is ended in the way its state asks for. */
  #end(ending: Ending, endedBy: CallRecord["endedBy"], now: Millis): void {
    if (!this.#journal.ended(ending, endedBy)) return;
    this.#state = "ending";
    this.#closing.begin(now);
    this.#dialing?.cancel({ ...ending, status: 487 });
    this.#dialing = undefined;
    this.#announcement = undefined;
    for (const leg of this.#parties.all) leg.end(ending);
    this.#media({ type: "close" });
    this.#changed();
  }

  #finishWhenOver(now: Millis): void {
    if (this.#state !== "ending") {
      for (const leg of this.#parties.takeOver((id) => this.#dialing?.has(id) === true)) {
        this.#orders.push({ type: "dropLeg", leg: leg.id });
      }
      return;
    }
    const isSilent = this.#parties.all.every((leg) => leg.state === "over");
    if (isSilent && this.#closing.legsOver(now)) this.#over(now);
  }

  #over(now: Millis): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#closing.stop();
    this.#parking.stop();
    this.#orders.push({ type: "over", record: this.#journal.record(this.#parties.byWeight, now) });
  }

  #media(order: MediaOrder): void {
    this.#orders.push({ type: "media", order });
  }

  #changed(): void {
    this.#orders.push({ type: "changed" });
  }
}
