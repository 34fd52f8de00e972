/**
 * The calls at work: brings each input to the call it concerns and carries the call's orders out on
 * the SIP stack, its trunk and the media worker. Who may call whom was decided before, in `b2bua`.
 *
 * Everything it does returns effects: stack outputs for the B2BUA to pass on, and its own outputs.
 */
import { CALLS_MAX } from "../limits.ts";
import type { Millis, WallMillis } from "../machine.ts";
import type { LegId, Notice, Reply, SessionId } from "../media/protocol.ts";
import { type Random, randomToken } from "../random.ts";
import { callId, maxForwards, to } from "../sip/accessors.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import { tagOf } from "../sip/name-addr.ts";
import type { Stack, StackOutput } from "../sip/stack.ts";
import type { B2buaOutput } from "./border.ts";
import { Call, type CallFacts, type CallLegs } from "./call.ts";
import type { Incoming } from "./call-plan.ts";
import { CallTable, type LiveCall, type MediaOwner } from "./call-table.ts";
import type { CallInput, CallOrder, MediaOrder } from "./order.ts";
import { MAX_FORWARDS_DEFAULT } from "./screening.ts";
import type { CallStatus } from "./status.ts";
import type { Trunk } from "./trunk.ts";

export type Effect =
  | StackOutput
  | B2buaOutput
  /** The call wants its trunk's flow. */
  | { type: "reach"; trunk: Trunk; call: string }
  /** The trunk has lost a call. */
  | { type: "left"; trunk: Trunk };

/** Makes the legs of a call, which write their orders into `orders`. */
export type LegsOf = (incoming: Incoming, orders: CallOrder[]) => CallLegs;

export interface CallControlOptions {
  stack: Stack;
  random: Random;
  wall: (at: Millis) => WallMillis;
  /** True while the flow can carry bytes. */
  isOpen: (flow: Flow) => boolean;
  /** True when both flows were proved to be the same softphone user's. */
  sameUser: (a: FlowId, b: FlowId) => boolean;
}

export class CallControl {
  readonly #options: CallControlOptions;
  readonly #calls = new CallTable();

  constructor(options: CallControlOptions) {
    this.#options = options;
  }

  get alive() {
    return this.#calls.alive;
  }

  get isFull(): boolean {
    return this.#calls.size >= CALLS_MAX;
  }

  statuses(): CallStatus[] {
    return [...this.#calls.all()].map(({ call }) => call.status());
  }

  deadline(): Millis | undefined {
    return this.#calls.deadline();
  }

  timeout(now: Millis): Effect[] {
    const effects: Effect[] = [];
    for (let live = this.#calls.takeDue(now); live; live = this.#calls.takeDue(now)) {
      effects.push(...this.#tell(live, { type: "timeout" }, now));
    }
    return effects;
  }

  /** Starts a call for an INVITE that was admitted and routed. */
  start(
    facts: Omit<CallFacts, "id">,
    trunk: Trunk,
    flow: Flow,
    invite: SipRequest,
    legsOf: LegsOf,
    now: Millis,
  ): Effect[] {
    const { stack, random, wall } = this.#options;
    const id = randomToken(random, 8);
    const { transaction, outputs } = stack.serve(flow, invite, now);
    const orders: CallOrder[] = [];
    const hops = maxForwards(invite) ?? MAX_FORWARDS_DEFAULT;
    const legs = legsOf({ flow, invite, transaction, maxForwards: hops }, orders);
    const { caller } = legs;
    const whole = { ...facts, id, connection: trunk.connection.id };
    const call = new Call(whole, legs, orders, wall, now);
    const live: LiveCall = {
      id,
      call,
      trunk,
      invites: new Map(),
      flows: new Map([[caller.id, flow]]),
    };
    this.#calls.add(live);
    this.#calls.indexTransaction(transaction, { live, leg: caller.id, method: "INVITE" });
    this.#calls.indexDialog(callId(invite), caller.localTag, { live, leg: caller.id });
    trunk.calls.add(id);
    const fields = { call: id, direction: facts.direction, connection: trunk.connection.name };
    const log: Effect = { type: "log", level: "info", event: "call-started", fields };
    return [...outputs, log, ...this.#execute(live, call.start(now), now)];
  }

  /** Tells the call with that id; nothing happens when it is over. */
  tell(id: string, input: CallInput, now: Millis): Effect[] {
    const live = this.#calls.get(id);
    return live ? this.#tell(live, input, now) : [];
  }

  /** A request inside a dialog of a call; undefined when it belongs to none. */
  request(flow: Flow, request: SipRequest, now: Millis): Effect[] | undefined {
    const owner = this.#ownerOf(flow, request);
    if (!owner) return undefined;
    const { transaction, outputs } = this.#options.stack.serve(flow, request, now);
    const input = { type: "request", leg: owner.leg, request, transaction } as const;
    return [...outputs, ...this.#tell(owner.live, input, now)];
  }

  acknowledged(flow: Flow, ack: SipRequest, now: Millis): Effect[] {
    const owner = this.#ownerOf(flow, ack);
    return owner ? this.#tell(owner.live, { type: "acknowledged", leg: owner.leg }, now) : [];
  }

  cancelled(output: Extract<StackOutput, { type: "cancelled" }>, now: Millis): Effect[] {
    const owner = this.#calls.byTransaction(output.transaction);
    return owner ? this.#tell(owner.live, { type: "cancelled" }, now) : [];
  }

  response(output: Extract<StackOutput, { type: "response" }>, now: Millis): Effect[] {
    const { transaction, response, flow } = output;
    const owner = this.#calls.byTransaction(transaction);
    if (!owner) return [];
    const { live, leg, method } = owner;
    // An INVITE's transaction may still bring 2xx of other branches; it goes with its call.
    if (response.status >= 200 && method !== "INVITE") this.#calls.forgetTransaction(transaction);
    return this.#tell(live, { type: "response", leg, method, flow, response }, now);
  }

  failed(output: Extract<StackOutput, { type: "failed" }>, now: Millis): Effect[] {
    const { transaction, reason } = output;
    const owner = this.#calls.byTransaction(transaction);
    if (!owner) return [];
    const { live, leg, method } = owner;
    this.#calls.forgetTransaction(transaction);
    if (reason === "unacknowledged") return this.#tell(live, { type: "unacknowledged", leg }, now);
    return this.#tell(live, { type: "failed", leg, method, reason }, now);
  }

  media(message: Exclude<Reply | Notice, { type: "load" }>, now: Millis): Effect[] {
    if (!("seq" in message))
      return this.tell(message.session, { type: "notice", notice: message }, now);
    const owner = this.#calls.takeSequence(message.seq);
    if (!owner) return [];
    const { live, leg } = owner;
    if (message.type === "opened")
      return this.#tell(live, { type: "opened", leg, local: message.local }, now);
    if (message.type === "refused")
      return this.#tell(live, { type: "refused", leg, reason: message.reason }, now);
    return [];
  }

  #ownerOf(flow: Flow, request: SipRequest): MediaOwner | undefined {
    const localTag = tagOf(to(request));
    const owner =
      localTag === undefined ? undefined : this.#calls.byDialog(callId(request), localTag);
    return owner && this.#mayUse(owner, flow) ? owner : undefined;
  }

  /** S7: a dialog's requests come from its own peer: same flow, same host, or the same user. */
  #mayUse({ live, leg }: MediaOwner, flow: Flow): boolean {
    const own = live.flows.get(leg);
    if (!own || own.id === flow.id) return own !== undefined;
    const isSocket = own.transport === "ws" || own.transport === "wss";
    if (isSocket) return this.#options.sameUser(own.id, flow.id);
    return own.remote.address === flow.remote.address;
  }

  #tell(live: LiveCall, input: CallInput, now: Millis): Effect[] {
    return this.#execute(live, live.call.handle(input, now), now);
  }

  #execute(live: LiveCall, orders: readonly CallOrder[], now: Millis): Effect[] {
    this.#calls.schedule(live);
    return orders.flatMap((order) => this.#carry(live, order, now));
  }

  #carry(live: LiveCall, order: CallOrder, now: Millis): Effect[] {
    const { stack } = this.#options;
    switch (order.type) {
      case "respond":
        return stack.respond(order.transaction, order.response, now);
      case "request":
        return this.#send(live, order, now);
      case "cancel": {
        const invite = live.invites.get(order.leg);
        return invite ? stack.cancel(invite, now, order.reason) : [];
      }
      case "acknowledge": {
        const invite = live.invites.get(order.leg);
        return invite
          ? stack.acknowledge(invite, this.#liveFlow(live, order.flow), order.ack, now)
          : [];
      }
      case "media":
        return [this.#mediaCommand(live, order.order)];
      case "reach":
        return live.trunk ? [{ type: "reach", trunk: live.trunk, call: live.id }] : [];
      case "index":
        this.#calls.indexDialog(order.callId, order.localTag, { live, leg: order.leg });
        return [];
      case "log": {
        const fields = { call: live.id, ...order.fields };
        return [{ type: "log", level: "info", event: order.event, fields }];
      }
      case "changed":
        return [order];
      case "over":
        return this.#over(live, order);
    }
  }

  #send(live: LiveCall, order: Extract<CallOrder, { type: "request" }>, now: Millis): Effect[] {
    const flow = this.#liveFlow(live, order.flow);
    const { transaction, outputs } = this.#options.stack.request(flow, order.request, now);
    live.flows.set(order.leg, flow);
    const { method } = order.request;
    this.#calls.indexTransaction(transaction, { live, leg: order.leg, method });
    return outputs;
  }

  /** A stream that closed since: the connection's new flow carries the dialog on (RFC 3261 §18). */
  #liveFlow(live: LiveCall, flow: Flow): Flow {
    if (flow.transport !== "tcp" || this.#options.isOpen(flow)) return flow;
    return live.trunk?.openFlow ?? flow;
  }

  #mediaCommand(live: LiveCall, order: MediaOrder): Effect {
    const session = live.id as SessionId;
    if (order.type === "close" || order.type === "closeLeg") {
      return { type: "media", command: { ...order, session } };
    }
    const leg: LegId = order.type === "join" ? order.legs[0] : order.leg;
    const seq = this.#calls.nextSequence({ live, leg });
    return { type: "media", command: { ...order, seq, session } };
  }

  #over(live: LiveCall, { record }: Extract<CallOrder, { type: "over" }>): Effect[] {
    this.#calls.remove(live);
    const { status, reason, endedBy } = record;
    const fields = { call: live.id, status, endedBy, reason };
    const effects: Effect[] = [
      { type: "record", record },
      { type: "log", level: "info", event: "call-ended", fields },
      { type: "changed" },
    ];
    if (!live.trunk) return effects;
    live.trunk.calls.delete(live.id);
    return [...effects, { type: "left", trunk: live.trunk }];
  }
}
