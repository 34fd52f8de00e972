/**
 * The calls at work: brings each input to the call it concerns and carries the call's orders out on
 * the SIP stack, its trunks and the media worker. Who may call whom was decided before, in
 * `reception`; where a running call goes on is the director's to say.
 *
 * Everything it does returns effects: stack outputs for the B2BUA to pass on, and its own outputs.
 */
import type { ConnectionId, UserId } from "../../schema/config.ts";
import { CALLS_MAX } from "../limits.ts";
import type { Millis, WallMillis } from "../machine.ts";
import type { LegId, Notice, Reply, SessionId } from "../media/protocol.ts";
import { type Random, randomToken } from "../random.ts";
import { callId, to } from "../sip/accessors.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import { tagOf } from "../sip/name-addr.ts";
import type { Replaces } from "../sip/refer.ts";
import type { Stack } from "../sip/stack.ts";
import type { StackOutput } from "../sip/stack-output.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { B2buaInput, B2buaOutput } from "./border.ts";
import { Call } from "./call.ts";
import type { CallInput } from "./call-input.ts";
import { CallTable, type LiveCall, type LiveLeg } from "./call-table.ts";
import { CallTracing } from "./call-tracing.ts";
import { CallerLeg } from "./caller-leg.ts";
import type { Usage } from "./capacity.ts";
import type { Destination } from "./destination.ts";
import type { Director } from "./director.ts";
import type { CallFacts } from "./journal.ts";
import type { LegOptions, LegOwner } from "./leg-contract.ts";
import type { CallOrder, MediaOrder } from "./order.ts";
import { type Ending, q850Of, reasonOf } from "./reason.ts";
import { replacementRefusal } from "./replacement.ts";
import type { Spending } from "./spending.ts";
import { newlyStanding } from "./standing.ts";
import type { CallStatus } from "./status.ts";
import type { Tracer, Verdict } from "./tracer.ts";
import type { Trunk } from "./trunk.ts";

export type Effect =
  | StackOutput
  | B2buaOutput
  /** A leg wants its trunk's flow, another one than `instead`. */
  | { type: "reach"; trunk: Trunk; leg: LegId; instead?: FlowId }
  /** The trunk has lost a call. */
  | { type: "left"; trunk: Trunk };

/** An INVITE that was admitted, and what its leg is to be. */
export interface Incoming {
  readonly flow: Flow;
  readonly invite: SipRequest;
  readonly options: Omit<LegOptions, "id" | "random" | "orders">;
  /** The connection it came over. */
  readonly trunk?: Trunk;
  /** How it is known who sent it: a sentence. */
  readonly known: string;
}

const HUNG_UP = { type: "hangUp", status: 480, reason: "ended by the administrator" } as const;

export interface CallControlOptions {
  stack: Stack;
  tracer: Tracer;
  random: Random;
  wall: (at: Millis) => WallMillis;
  director: Director;
  spending: Spending;
  trunkOf: (connection: ConnectionId) => Trunk | undefined;
  /** True while the flow can carry bytes. */
  isOpen: (flow: Flow) => boolean;
  /** The softphone user that proved itself on the flow. */
  userOf: (flow: FlowId) => UserId | undefined;
}

export class CallControl {
  readonly #options: CallControlOptions;
  readonly #table = new CallTable();
  readonly #tracing: CallTracing;

  constructor(options: CallControlOptions) {
    this.#options = options;
    this.#tracing = new CallTracing(options.tracer, this.#table);
  }

  get alive() {
    return { ...this.#table.alive, spendingLegs: this.#options.spending.size };
  }

  get isFull(): boolean {
    return this.#table.size >= CALLS_MAX;
  }

  statuses(): CallStatus[] {
    return [...this.#table.all()].map(({ call }) => call.status());
  }

  deadline(): Millis | undefined {
    return this.#table.deadline();
  }

  timeout(now: Millis): Effect[] {
    const effects: Effect[] = [];
    for (let live = this.#table.takeDue(now); live; live = this.#table.takeDue(now)) {
      effects.push(...this.#tell(live, { type: "timeout" }, now));
    }
    return effects;
  }

  /** Starts a call for an INVITE that was admitted and routed; `verdicts` say how. */
  start(
    facts: Omit<CallFacts, "id">,
    incoming: Incoming,
    destination: Destination,
    verdicts: readonly Verdict[],
    now: Millis,
  ): Effect[] {
    const { random, wall } = this.#options;
    const id = randomToken(random, 8);
    const orders: CallOrder[] = [];
    const { leg: caller, transaction, outputs } = this.#callerLeg(incoming, orders, now);
    const options = { random, wall, nextLegId: () => this.#table.nextLegId() };
    const call = new Call({ ...facts, id }, caller, orders, options, now);
    const users = [facts.user, destination.user].filter((user) => user !== undefined);
    const near = this.#table.callOf(users)?.id;
    const live: LiveCall = { id, call, legs: new Set(), users, near };
    this.#table.add(live);
    this.#tracing.began(id, caller, incoming.flow, verdicts, now);
    this.#index(live, caller, incoming, transaction);
    const fields = { call: id, direction: facts.direction, callee: facts.callee };
    const log: Effect = { type: "log", level: "info", event: "call-started", fields };
    return [...outputs, log, ...this.#execute(live, call.start(destination, now), now)];
  }

  /** An INVITE that takes the place of a dialog (RFC 3891 §3), or why it does not. */
  replace(incoming: Incoming, replaces: Replaces, now: Millis): Effect[] | Ending {
    const found = this.#replaced(replaces, incoming.options.owner);
    const before = found?.live.call.legOf(found.id);
    if (!found || !before) return { status: 481, reason: "the call to replace does not exist" };
    const refusal = replacementRefusal(before, replaces.earlyOnly);
    if (refusal) return refusal;
    const orders: CallOrder[] = [];
    const { leg, transaction, outputs } = this.#callerLeg(incoming, orders, now);
    this.#tracing.joined(found.live.id, leg, incoming.flow);
    this.#index(found.live, leg, incoming, transaction);
    const input = { type: "replaced", leg: found.id, by: leg } as const;
    return [...outputs, ...this.#tell(found.live, input, now)];
  }

  /** Tells the call with that id; nothing happens when it is over. */
  tell(id: string, input: CallInput, now: Millis): Effect[] {
    const live = this.#table.get(id);
    return live ? this.#tell(live, input, now) : [];
  }

  /** What the administrator wants of a call. */
  administer(input: Extract<B2buaInput, { call: string }>, now: Millis): Effect[] {
    return this.tell(input.call, input.type === "hangUp" ? HUNG_UP : input, now);
  }

  /** Tells the call the leg belongs to. */
  tellLeg(id: LegId, input: CallInput, now: Millis): Effect[] {
    const leg = this.#table.legById(id);
    if (leg) this.#tracing.way(leg, input, now);
    return leg ? this.#tell(leg.live, input, now) : [];
  }

  /** A request inside a dialog of a call; undefined when it belongs to none. */
  request(flow: Flow, request: SipRequest, now: Millis): Effect[] | undefined {
    const leg = this.#ownerOf(flow, request);
    if (!leg) return undefined;
    const { transaction, outputs } = this.#options.stack.serve(flow, request, now);
    if (request.method === "INVITE") this.#table.indexServed(transaction, leg, request);
    const own = leg.live.call.legOf(leg.id)?.flow;
    const moved = own && isSocket(own) && own.id !== flow.id;
    const input = { type: "request", leg: leg.id, request, transaction } as const;
    return [
      ...outputs,
      ...(moved ? this.returned(own.id, flow, now) : []),
      ...this.#tell(leg.live, input, now),
    ];
  }

  acknowledged(flow: Flow, ack: SipRequest, now: Millis): Effect[] {
    const leg = this.#ownerOf(flow, ack);
    return leg ? this.#tell(leg.live, { type: "acknowledged", leg: leg.id, ack }, now) : [];
  }

  cancelled(output: Extract<StackOutput, { type: "cancelled" }>, now: Millis): Effect[] {
    const owner = this.#table.byTransaction(output.transaction);
    if (!owner) return [];
    const reason = reasonOf(output.request) ?? "cancelled by the caller";
    const { leg } = owner;
    const input = { type: "cancelled", leg: leg.id, reason, ...q850Of(output.request) } as const;
    return this.#tell(leg.live, input, now);
  }

  response(output: Extract<StackOutput, { type: "response" }>, now: Millis): Effect[] {
    const { transaction, response, flow } = output;
    const owner = this.#table.byTransaction(transaction);
    if (!owner) return [];
    const { leg, request } = owner;
    // An INVITE's transaction may still bring 2xx of other branches; it goes with its leg.
    if (response.status >= 200 && request.method !== "INVITE") {
      this.#table.forgetTransaction(transaction);
    }
    const { method } = request;
    if (method === "INVITE" && response.status >= 200 && response.status < 300) {
      const spender = leg.live.call.legOf(leg.id)?.options.spender;
      const at = this.#options.wall(now);
      if (spender !== undefined) this.#options.spending.answered(leg.id, spender, at);
    }
    return this.#tell(leg.live, { type: "response", leg: leg.id, method, flow, response }, now);
  }

  failed(output: Extract<StackOutput, { type: "failed" }>, now: Millis): Effect[] {
    const { transaction, reason } = output;
    const owner = this.#table.byTransaction(transaction);
    if (!owner) return [];
    const { leg, request } = owner;
    this.#table.forgetTransaction(transaction);
    if (reason === "unacknowledged") {
      return this.#tell(leg.live, { type: "unacknowledged", leg: leg.id }, now);
    }
    const { method } = request;
    return this.#tell(leg.live, { type: "failed", leg: leg.id, method, request, reason }, now);
  }

  media(message: Exclude<Reply | Notice, { type: "load" }>, now: Millis): Effect[] {
    if (!("seq" in message)) {
      this.#tracing.media(message, now);
      return this.tell(message.session, { type: "notice", notice: message }, now);
    }
    const leg = this.#table.takeSequence(message.seq);
    if (!leg) return [];
    if (message.type === "opened") {
      return this.#tell(leg.live, { type: "opened", leg: leg.id, local: message.local }, now);
    }
    if (message.type === "refused") {
      return this.#tell(leg.live, { type: "refused", leg: leg.id, reason: message.reason }, now);
    }
    return [];
  }

  /** A softphone's connection is gone: its dialogs wait for it (X1). */
  parked(flow: FlowId, now: Millis): Effect[] {
    return this.#table.callsOn(flow).flatMap((live) => {
      return this.#tell(live, { type: "parked", flow }, now);
    });
  }

  /** It is back over another flow. */
  returned(flow: FlowId, newFlow: Flow, now: Millis): Effect[] {
    return this.#table.callsOn(flow).flatMap((live) => {
      return this.#tell(live, { type: "returned", flow, to: newFlow }, now);
    });
  }

  #callerLeg(incoming: Incoming, orders: CallOrder[], now: Millis) {
    const { stack, random } = this.#options;
    const { flow, invite } = incoming;
    const { transaction, outputs } = stack.serve(flow, invite, now);
    const id = this.#table.nextLegId();
    const options = { ...incoming.options, id, random, orders };
    return { leg: new CallerLeg(options, flow, invite, transaction), transaction, outputs };
  }

  #index(live: LiveCall, caller: CallerLeg, incoming: Incoming, transaction: TransactionId): void {
    const { invite, trunk } = incoming;
    const leg = this.#table.leg(live, caller.id);
    this.#table.indexServed(transaction, leg, invite);
    this.#table.indexDialog(callId(invite), caller.localTag, leg);
    if (trunk) this.#occupy(leg, trunk, "inbound");
  }

  #ownerOf(flow: Flow, request: SipRequest): LiveLeg | undefined {
    const localTag = tagOf(to(request));
    const leg =
      localTag === undefined ? undefined : this.#table.byDialog(callId(request), localTag);
    return leg && this.#mayUse(leg, flow) ? leg : undefined;
  }

  /** S7: a dialog's requests come from its own peer: same flow, same host, or the same user. */
  #mayUse(leg: LiveLeg, flow: Flow): boolean {
    const { flow: own, owner } = leg.live.call.legOf(leg.id) ?? {};
    if (!own || own.id === flow.id) return own !== undefined;
    if (!isSocket(own)) return own.remote.address === flow.remote.address;
    return owner?.user !== undefined && owner.user === this.#options.userOf(flow.id);
  }

  #tell(live: LiveCall, input: CallInput, now: Millis): Effect[] {
    return this.#execute(live, live.call.handle(input, now), now);
  }

  #execute(live: LiveCall, orders: readonly CallOrder[], now: Millis): Effect[] {
    const effects = orders.flatMap((order) => this.#carry(live, order, now));
    this.#table.schedule(live);
    // LIM-01: a place is free when the BYE is out (S3) or the refusal in, whoever has yet to answer.
    for (const { id, trunk } of live.legs) {
      const state = trunk && live.call.legOf(id)?.state;
      if (state === "leaving" || state === "over") trunk?.vacate(id);
    }
    const standing = newlyStanding(live);
    return standing ? [...effects, { type: "stands", call: standing }] : effects;
  }

  #carry(live: LiveCall, order: CallOrder, now: Millis): Effect[] {
    const { stack } = this.#options;
    switch (order.type) {
      case "respond":
        return stack.respond(order.transaction, order.response, now);
      case "request":
        return this.#send(live, order, now);
      case "cancel": {
        const invite = this.#table.leg(live, order.leg).invites.at(-1);
        return invite === undefined ? [] : stack.cancel(invite, now, order.reason);
      }
      case "acknowledge":
        return this.#acknowledge(live, order, now);
      case "media":
        return [this.#mediaCommand(live, order.order)];
      case "reach":
        return this.#reach(live, order, now);
      case "index":
        return this.#indexCallee(live, order);
      case "route": {
        const { why, because = "" } = order.ask;
        const directed = this.#options.director.detour(order.ask, now);
        const input: CallInput = directed.ok
          ? { type: "routed", destination: directed.destination }
          : { type: "unrouted", status: directed.status, reason: directed.reason };
        const fields = { call: live.id, why, because };
        const log: Effect = { type: "log", level: "info", event: "call-goes-on", fields };
        this.#tracing.goesOn(live, order.ask, directed, now);
        return [log, ...this.#tell(live, input, now)];
      }
      case "merge":
        return this.#merge(live, order, now);
      case "dropLeg":
        return this.#dropLeg(order.leg, now);
      case "log": {
        const fields = { call: live.id, ...order.fields };
        return [{ type: "log", level: "info", event: order.event, fields }];
      }
      case "changed":
      case "measured":
        return [order];
      case "over":
        return this.#over(live, order, now);
    }
  }

  #indexCallee(live: LiveCall, order: Extract<CallOrder, { type: "index" }>): Effect[] {
    const { leg: id, callId: ownCallId, localTag } = order;
    const leg = this.#table.leg(live, id);
    this.#table.indexDialog(ownCallId, localTag, leg);
    this.#tracing.called(live, id, ownCallId);
    // A PBX that registers here was reached without asking for a way; its place is held all the same.
    const { connection } = live.call.legOf(id)?.owner ?? {};
    const trunk = connection === undefined ? undefined : this.#options.trunkOf(connection);
    if (trunk && !leg.trunk) this.#occupy(leg, trunk, "outbound");
    return [];
  }

  #send(live: LiveCall, order: Extract<CallOrder, { type: "request" }>, now: Millis): Effect[] {
    const leg = this.#table.leg(live, order.leg);
    const flow = this.#liveFlow(leg, order.flow);
    const { transaction, outputs } = this.#options.stack.request(flow, order.request, now);
    this.#table.indexTransaction(transaction, leg, order.request);
    return outputs;
  }

  #acknowledge(
    live: LiveCall,
    order: Extract<CallOrder, { type: "acknowledge" }>,
    now: Millis,
  ): Effect[] {
    const leg = this.#table.leg(live, order.leg);
    const invite = leg.invites.at(-1);
    if (invite === undefined) return [];
    const flow = this.#liveFlow(leg, order.flow);
    return this.#options.stack.acknowledge(invite, flow, order.ack, now);
  }

  /** A stream that closed since: the connection's new flow carries the dialog on (RFC 3261 §18). */
  #liveFlow(leg: LiveLeg, flow: Flow): Flow {
    const isStream = flow.transport === "tcp" || flow.transport === "tls";
    if (!isStream || this.#options.isOpen(flow)) return flow;
    return leg.trunk?.openFlow ?? flow;
  }

  #reach(live: LiveCall, order: Extract<CallOrder, { type: "reach" }>, now: Millis): Effect[] {
    const { leg, connection, instead } = order;
    const trunk = this.#options.trunkOf(connection);
    if (!trunk) {
      const reason = "the connection was switched off";
      return this.#tell(live, { type: "unreached", leg, reason }, now);
    }
    this.#occupy(this.#table.leg(live, leg), trunk, "outbound");
    if (instead !== undefined) this.#tracing.anotherWay(live, trunk, now);
    return [{ type: "reach", trunk, leg, ...(instead === undefined ? {} : { instead }) }];
  }

  /** LIM-01: each leg on a connection holds a place there. */
  #occupy(leg: LiveLeg, trunk: Trunk, direction: keyof Usage): void {
    leg.trunk?.leave(leg.id);
    leg.trunk = trunk;
    trunk.occupy(leg.id, direction);
  }

  #mediaCommand(live: LiveCall, order: MediaOrder): Effect {
    const session = live.id as SessionId;
    switch (order.type) {
      case "close":
      case "closeLeg":
      case "dtmf":
      case "play":
        return { type: "media", command: { ...order, session } };
      default: {
        const leg = order.type === "join" ? order.legs[0] : order.leg;
        const seq = this.#table.nextSequence(this.#table.leg(live, leg).id);
        const near = order.type === "open" && live.near ? { near: live.near as SessionId } : {};
        return { type: "media", command: { ...order, ...near, seq, session } };
      }
    }
  }

  /** The dialog a Replaces names, where it is the same peer's (S7). */
  #replaced({ callId: id, toTag, fromTag }: Replaces, owner: LegOwner): LiveLeg | undefined {
    // A REFER names the dialog as its own sender sees it, an INVITE as we do: both are tried.
    const pairs = [
      [toTag, fromTag],
      [fromTag, toTag],
    ] as const;
    for (const [localTag, remoteTag] of pairs) {
      const found = this.#table.byDialog(id, localTag);
      const leg = found?.live.call.legOf(found.id);
      if (found && leg?.isDialog(localTag, remoteTag) && isSameOwner(leg.owner, owner))
        return found;
    }
    return undefined;
  }

  /** Attended transfer (RFC 5589 §7): the transferee goes over to the other call. */
  #merge(live: LiveCall, order: Extract<CallOrder, { type: "merge" }>, now: Millis): Effect[] {
    const owner = live.call.legOf(order.referrer)?.owner ?? {};
    const found = this.#replaced(order.replaces, owner);
    const moved = this.#table.legById(order.leg);
    if (!found || !moved || found.live === live) {
      const reason = "Call/Transaction Does Not Exist";
      return this.#tell(live, { type: "merged", leg: order.leg, status: 481, reason }, now);
    }
    if (found.live.call.legOf(found.id)?.negotiation.isRelayed) {
      const reason = "that call passes DTLS-SRTP on undecrypted: it keeps its two parties";
      return this.#tell(live, { type: "merged", leg: order.leg, status: 488, reason }, now);
    }
    const leg = live.call.release(order.leg);
    if (!leg) return [];
    const target = found.live;
    this.#table.move(moved, target);
    this.#tracing.moved(moved, target);
    const seq = this.#table.nextSequence(leg.id);
    const [session, from] = [target.id as SessionId, live.id as SessionId];
    const adopt: Effect = {
      type: "media",
      command: { type: "adopt", seq, session, from, leg: leg.id },
    };
    return [
      adopt,
      ...this.#execute(target, target.call.adopt(leg, found.id, now), now),
      ...this.#tell(live, { type: "merged", leg: order.leg, status: 200, reason: "OK" }, now),
    ];
  }

  #dropLeg(id: LegId, now: Millis): Effect[] {
    this.#options.spending.ended(id, this.#options.wall(now));
    const leg = this.#table.removeLeg(id);
    if (!leg?.trunk) return [];
    leg.trunk.leave(id);
    return [{ type: "left", trunk: leg.trunk }];
  }

  #over(live: LiveCall, { record }: Extract<CallOrder, { type: "over" }>, now: Millis): Effect[] {
    this.#tracing.over(live, record, now);
    const dropped = [...live.legs].flatMap((leg) => this.#dropLeg(leg.id, now));
    this.#table.remove(live);
    const { status, reason, endedBy } = record;
    const fields = { call: live.id, status, endedBy, reason };
    return [
      { type: "record", record },
      { type: "log", level: "info", event: "call-ended", fields },
      { type: "changed" },
      ...dropped,
    ];
  }
}

function isSocket({ transport }: Flow): boolean {
  return transport === "ws" || transport === "wss";
}

function isSameOwner(a: LegOwner, b: LegOwner): boolean {
  if (a.user !== undefined || b.user !== undefined) return a.user === b.user;
  return a.connection !== undefined && a.connection === b.connection;
}
