/**
 * The B2BUA: the transaction user of RFC 3261 §6 on both sides (AMB-21). It owns the SIP stack, the
 * registrar, one trunk a connection and the calls, and passes each input to the one it concerns.
 *
 * Configuration, SIP bytes and media replies in; bytes, media commands and records out. It is pure:
 * the shell in `io/` owns the sockets, the clock and the media workers.
 */
import type { Config, ConnectionId, User } from "../../schema/config.ts";
import { Agenda } from "../agenda.ts";
import { earliest, type Millis, type WallMillis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { Random } from "../random.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import { PING } from "../sip/keep-alive.ts";
import type { SipRequest } from "../sip/message.ts";
import { Stack } from "../sip/stack.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import { Abandoned } from "./abandoned.ts";
import { isListed } from "./admission.ts";
import type { Past } from "./back-then.ts";
import type { B2buaInput, B2buaOptions, B2buaOutput, LogLevel } from "./border.ts";
import { CallArchive } from "./call-archive.ts";
import { CallControl, type Effect } from "./call-control.ts";
import { Director } from "./director.ts";
import { KnownPlaces } from "./last-place.ts";
import { Messages } from "./messages.ts";
import { Newcomers } from "./newcomers.ts";
import { PbxRegistrar } from "./pbx-registrar.ts";
import { Reception } from "./reception.ts";
import { bindingStatus, Registrar, SOFTPHONES } from "./registrar.ts";
import { SourceGuard } from "./source-guard.ts";
import { Spending } from "./spending.ts";
import type { Explanation, OwnStatus } from "./status.ts";
import { Subscriptions } from "./subscriptions.ts";
import { lasting } from "./test-caller.ts";
import { Tracer } from "./tracer.ts";
import { switchedOff, Trunk, type TrunkOutput } from "./trunk.ts";
import { UserGuard } from "./user-guard.ts";

/** Registrations of a restart are spread over this long, or more for hundreds (REG-03, R3). */
const START_SPREAD_MS = 2_000;
const REGISTRATIONS_PER_SECOND = 20;

export class B2bua {
  /** What became of each call, and why. */
  readonly archive: CallArchive;
  readonly #random: Random;
  readonly #wall: (at: Millis) => WallMillis;
  readonly #tracer: Tracer;
  readonly #stack: Stack;
  readonly #reception: Reception;
  readonly #registrar = new Registrar(SOFTPHONES);
  readonly #pbxs = new PbxRegistrar((flow) => this.#guard.changed(flow));
  readonly #newcomers = new Newcomers();
  readonly #guard = new SourceGuard((flow) => this.#isTrusted(flow));
  readonly #subscriptions: Subscriptions;
  readonly #messages: Messages;
  readonly #director: Director;
  readonly #trunks = new Map<ConnectionId, Trunk>();
  /** Trunks that are gone from the configuration but not done: a withdrawal, or calls. */
  readonly #retired = new Set<Trunk>();
  readonly #calls: CallControl;
  readonly #abandoned: Abandoned;
  /** Flows with a state of their own: streams, WebSockets, and UDP flows we opened. */
  readonly #flows = new Map<FlowId, Flow>();
  /** REGISTERs and OPTIONS of connections that wait for their answers. */
  readonly #trunkRequests = new Map<TransactionId, { trunk: Trunk; method: string }>();
  readonly #trunkAgenda = new Agenda<Trunk>();
  readonly #places: KnownPlaces;
  #config: Config | undefined;
  #generation = 0;
  #draining = false;
  #droppedMessages = 0;
  #output: B2buaOutput[] = [];

  constructor(options: B2buaOptions) {
    this.#random = options.random;
    this.#wall = options.wallClock;
    this.#places = new KnownPlaces(options.places);
    this.#tracer = new Tracer(options.wallClock);
    this.#stack = new Stack({ random: options.random, heard: this.#tracer.heard });
    const spending = new Spending();
    this.#director = new Director({
      random: options.random,
      guard: new UserGuard(options.wallClock, spending),
      registrar: this.#registrar,
      trunks: () => this.#trunks.values(),
    });
    this.#calls = new CallControl({
      stack: this.#stack,
      tracer: this.#tracer,
      random: options.random,
      wall: options.wallClock,
      director: this.#director,
      spending,
      trunkOf: (id) => this.#trunks.get(id),
      isOpen: (flow) => flow.transport === "udp" || this.#flows.has(flow.id),
      userOf: (flow) => this.#reception.userOf(flow),
    });
    this.archive = new CallArchive(this.#tracer, () => this.#calls.statuses());
    this.#subscriptions = new Subscriptions({
      stack: this.#stack,
      random: options.random,
      director: this.#director,
      trunks: () => this.#trunks.values(),
      house: () => ({
        calls: this.#calls.statuses(),
        isOnline: (user) => this.#registrar.devicesOf(user).length > 0,
      }),
      userOf: (flow) => this.#reception.userOf(flow),
    });
    const trunkOf = (id: number) => this.#trunks.get(id as ConnectionId);
    this.#messages = new Messages({ stack: this.#stack, random: options.random, trunkOf });
    this.#abandoned = new Abandoned({ stack: this.#stack, trunkOf });
    this.#reception = new Reception({
      guard: this.#guard,
      subscriptions: this.#subscriptions,
      messages: this.#messages,
      abandoned: this.#abandoned,
      stack: this.#stack,
      calls: this.#calls,
      tracer: this.#tracer,
      wall: options.wallClock,
      random: options.random,
      registrar: this.#registrar,
      pbxs: this.#pbxs,
      director: this.#director,
      trunks: () => this.#trunks.values(),
    });
  }

  handle(input: B2buaInput, now: Millis): B2buaOutput[] {
    this.#take(input, now);
    this.#tracer.settle();
    if (this.#output.some(({ type }) => type === "changed")) {
      this.#effects(this.#subscriptions.stateChanged(now), now);
    }
    const output = this.#output;
    this.#output = [];
    return output;
  }

  deadline(): Millis | undefined {
    return earliest(
      this.#stack.deadline(),
      this.#trunkAgenda.next(),
      this.#calls.deadline(),
      this.#reception.deadline(),
      this.#subscriptions.deadline(),
      this.#newcomers.deadline(),
    );
  }

  /** What would happen if the user dialled that now, or would have happened then (RTE-16). */
  explain(user: User, number: string, when: Millis | Past): Explanation {
    return this.#director.explain(user, number, this.#director.moment(user, when));
  }

  status(now: Millis): OwnStatus {
    const wall = (at: Millis) => this.#wall(at);
    const connections = lasting(this.#config?.connections ?? []).map((connection) => {
      const trunk = this.#trunks.get(connection.id);
      return trunk?.status(now, wall) ?? switchedOff(connection, wall(now));
    });
    const bindings = this.#reception.bindings.map((it) => ({
      user: it.owner,
      ...bindingStatus(it, wall),
    }));
    const sent = [...this.#trunkRequests.values()];
    const alive = {
      ...this.#stack.alive,
      ...this.#calls.alive,
      ...this.#subscriptions.alive,
      ...this.#messages.alive,
      ...this.#abandoned.alive,
      newcomers: this.#newcomers.size,
      bindings: this.#registrar.size,
      pbxBindings: this.#pbxs.size,
      registrationTransactions: sent.filter(({ method }) => method === "REGISTER").length,
      retiredTrunks: this.#retired.size,
    };
    return {
      draining: this.#draining,
      droppedMessages: this.#droppedMessages,
      connections,
      calls: this.#calls.statuses(),
      bindings,
      bans: this.#guard.bans(now).map((ban) => ({ ...ban, until: wall(ban.until) })),
      alive,
    };
  }

  #take(input: B2buaInput, now: Millis): void {
    switch (input.type) {
      case "configured":
        this.#configure(input.config, now);
        break;
      case "opened": {
        this.#flows.set(input.flow.id, input.flow);
        const own = this.#stack.opened(input.flow, now);
        const trunk = this.#trunkOf(input.flow.id);
        if (own) this.#effects(own, now);
        else if (trunk) this.#trunkOutputs(trunk, trunk.opened(input.flow, now), now);
        else this.#newcomers.arrived(input.flow, now);
        break;
      }
      case "resolved":
        this.#trunkOf(input.flow)?.resolved(input.addresses);
        break;
      case "received":
        if (!this.#guard.admits(input.flow, now)) {
          this.#droppedMessages += 1;
          break;
        }
        this.#effects(this.#stack.receive(input.flow, input.bytes, now), now);
        break;
      case "closed":
        this.#closed(input.flow, input.reason, now);
        break;
      case "media":
        if (input.message.type === "load") break;
        this.#effects(this.#calls.media(input.message, now), now);
        break;
      case "mediaLost":
        for (const call of input.sessions) {
          this.#effects(this.#calls.tell(call, { type: "mediaLost" }, now), now);
        }
        break;
      case "abandoned":
        this.#effects(this.#abandoned.end(input.dialogs), now);
        break;
      case "hangUp":
      case "transfer":
        this.#effects(this.#calls.administer(input, now), now);
        break;
      case "unban":
        if (this.#guard.lift(input.source)) this.#changed();
        break;
      case "load":
        this.#reception.load = input.level;
        break;
      case "drain":
        this.#draining = true;
        this.#reception.drain();
        for (const trunk of this.#trunks.values()) this.#trunkOutputs(trunk, trunk.stop(now), now);
        this.#changed();
        break;
      case "timeout":
        this.#timeout(now);
        break;
    }
  }

  // Configuration -------------------------------------------------------------------------------

  /** Only what changed is touched: equal connections keep their trunk, calls keep theirs anyway. */
  #configure(config: Config, now: Millis): void {
    this.#config = config;
    this.archive.configure(config);
    this.#guard.configured();
    this.#reception.configure(config, now);
    const wanted = new Map(config.connections.filter((it) => it.enabled).map((it) => [it.id, it]));
    for (const [id, trunk] of this.#trunks) {
      const next = wanted.get(id);
      if (next && trunk.isFor(next, config.settings)) wanted.delete(id);
      else this.#retire(trunk, now);
    }
    this.#places.retain(config.connections);
    const spreadMs = Math.max(START_SPREAD_MS, (wanted.size / REGISTRATIONS_PER_SECOND) * 1_000);
    for (const connection of wanted.values()) {
      this.#generation += 1;
      const known = this.#places.of(connection.id);
      const more = { pbxs: this.#pbxs, settings: config.settings, known };
      const trunk = new Trunk(connection, this.#random, this.#generation, now, more);
      this.#trunks.set(connection.id, trunk);
      if (!this.#draining) trunk.start(spreadMs, now);
      this.#trunkAgenda.set(trunk, trunk.deadline());
    }
    this.#changed();
  }

  #retire(trunk: Trunk, now: Millis): void {
    this.#trunks.delete(trunk.connection.id);
    this.#retired.add(trunk);
    this.#trunkOutputs(trunk, trunk.stop(now), now);
  }

  /** A retired trunk goes when its registration is withdrawn and its last call is over. */
  #releaseWhenIdle(trunk: Trunk, now: Millis): void {
    if (!this.#retired.has(trunk) || trunk.isInUse || !trunk.stopped) return;
    this.#retired.delete(trunk);
    this.#trunkAgenda.set(trunk, undefined);
    this.#trunkOutputs(trunk, trunk.release("the connection was changed or removed"), now);
  }

  // Flows and time ------------------------------------------------------------------------------

  #closed(id: FlowId, reason: string, now: Millis): void {
    const transport = this.#flows.get(id)?.transport;
    const isSocket = transport === "ws" || transport === "wss";
    this.#flows.delete(id);
    this.#log("debug", "flow-closed", { flow: id, reason });
    const trunk = this.#trunkOf(id);
    if (trunk) this.#trunkOutputs(trunk, trunk.closed(id, reason, now), now);
    this.#newcomers.settled(id);
    this.#effects(this.#subscriptions.closed(id), now);
    this.#effects(this.#reception.closed(id, now), now);
    if (isSocket) this.#effects(this.#calls.parked(id, now), now);
    this.#effects(this.#stack.close(id, now), now);
  }

  #timeout(now: Millis): void {
    this.#effects(this.#stack.timeout(now), now);
    const agenda = this.#trunkAgenda;
    for (let trunk = agenda.takeDue(now); trunk; trunk = agenda.takeDue(now)) {
      this.#trunkOutputs(trunk, trunk.timeout(now), now);
    }
    this.#effects(this.#calls.timeout(now), now);
    this.#effects(this.#reception.timeout(now), now);
    this.#effects(this.#subscriptions.timeout(now), now);
    for (let flow = this.#newcomers.takeDue(now); flow; flow = this.#newcomers.takeDue(now)) {
      this.#output.push({ type: "close", flow, reason: "nothing was said in time" });
    }
  }

  /** A connection's own flow, or an address one is registered from or lists: no stranger. */
  #isTrusted(flow: Flow): boolean {
    if (flow.transport === "ws" || flow.transport === "wss") return false;
    if (this.#pbxs.isRegisteredFrom(flow.remote.address)) return true;
    const own = this.#stack.baseOf(flow.id) ?? flow;
    return this.#trunkOf(own.id) !== undefined || isListed(this.#trunks.values(), flow);
  }

  #trunkOf(flow: FlowId): Trunk | undefined {
    for (const trunk of this.#trunks.values()) if (trunk.owns(flow)) return trunk;
    for (const trunk of this.#retired) if (trunk.owns(flow)) return trunk;
    return undefined;
  }

  #trunkOutputs(trunk: Trunk, outputs: readonly TrunkOutput[], now: Millis): void {
    for (const output of outputs) {
      switch (output.type) {
        case "open":
        case "changed":
          this.#output.push(output);
          break;
        case "ping":
          this.#output.push({ type: "send", flow: output.flow, bytes: PING });
          break;
        case "close":
          this.#output.push(output);
          this.#flows.delete(output.flow);
          this.#effects(this.#stack.close(output.flow, now), now);
          break;
        case "request": {
          const sent = this.#stack.request(output.flow, output.request, now);
          const { method } = output.request;
          this.#trunkRequests.set(sent.transaction, { trunk, method });
          this.#effects(sent.outputs, now);
          break;
        }
        case "reached":
        case "unreached":
          this.#effects(this.#wayFound(output, now), now);
          break;
        case "stopped":
          break;
      }
    }
    this.#trunkAgenda.set(trunk, trunk.deadline());
    this.#releaseWhenIdle(trunk, now);
  }

  /** A flow, or none, for whoever asked the trunk for one. */
  #wayFound(
    output: Extract<TrunkOutput, { type: "reached" | "unreached" }>,
    now: Millis,
  ): readonly Effect[] {
    const { call: key } = output;
    const leg = key as LegId;
    if (output.type === "reached") {
      const { flow } = output;
      return (
        this.#subscriptions.reached(key, flow, now) ??
        this.#messages.reached(key, flow, now) ??
        this.#abandoned.reached(key, flow, now) ??
        this.#calls.tellLeg(leg, { type: "reached", leg, flow }, now)
      );
    }
    const { reason } = output;
    return (
      this.#subscriptions.unreached(key, now) ??
      this.#messages.unreached(key, reason, now) ??
      this.#abandoned.unreached(key) ??
      this.#calls.tellLeg(leg, { type: "unreached", leg, reason }, now)
    );
  }

  // SIP -----------------------------------------------------------------------------------------

  #effects(effects: readonly Effect[], now: Millis): void {
    for (const effect of effects) this.#effect(effect, now);
  }

  #effect(effect: Effect, now: Millis): void {
    switch (effect.type) {
      case "request":
        this.#request(effect.flow, effect.request, now);
        break;
      case "ack":
        this.#effects(this.#calls.acknowledged(effect.flow, effect.request, now), now);
        break;
      case "cancelled":
        this.#effects(this.#calls.cancelled(effect, now), now);
        break;
      case "response": {
        const { trunk } = this.#trunkRequests.get(effect.transaction) ?? {};
        if (effect.response.status >= 200) this.#trunkRequests.delete(effect.transaction);
        if (trunk)
          this.#trunkOutputs(trunk, trunk.received(effect.response, effect.flow, now), now);
        else this.#effects(this.#answered(effect, now), now);
        break;
      }
      case "failed": {
        const sent = this.#trunkRequests.get(effect.transaction);
        this.#trunkRequests.delete(effect.transaction);
        if (sent) {
          const { trunk, method } = sent;
          this.#trunkOutputs(trunk, trunk.failed(method, effect.reason, now), now);
        } else this.#effects(this.#unanswered(effect, now), now);
        break;
      }
      case "pong":
        this.#trunkOf(effect.flow.id)?.pong();
        break;
      case "send": {
        const refuses = "refuses" in effect ? effect.refuses : undefined;
        if (refuses && !this.#guard.mayRefuse(refuses, now)) break;
        this.#tracer.said(effect.bytes, now);
        this.#output.push(effect);
        break;
      }
      case "record":
        this.#output.push({ type: "record", record: this.archive.concluded(effect.record) });
        break;
      case "dropped":
        this.#dropped(effect, now);
        break;
      case "openFlow":
        this.#output.push({ type: "open", flow: effect.flow, target: effect.target });
        break;
      case "closeFlow":
        this.#output.push({ type: "close", flow: effect.flow, reason: effect.reason });
        break;
      case "reach":
        this.#trunkOutputs(effect.trunk, effect.trunk.reach(effect.leg, effect.instead), now);
        break;
      case "left":
        this.#releaseWhenIdle(effect.trunk, now);
        break;
      default:
        this.#output.push(effect);
    }
  }

  #answered(effect: Extract<Effect, { type: "response" }>, now: Millis): readonly Effect[] {
    const { transaction, response, flow } = effect;
    return (
      this.#subscriptions.response(transaction, response, now) ??
      this.#messages.response(transaction, response, flow, now) ??
      this.#calls.response(effect, now)
    );
  }

  #unanswered(effect: Extract<Effect, { type: "failed" }>, now: Millis): readonly Effect[] {
    return (
      this.#subscriptions.failed(effect.transaction, now) ??
      this.#messages.failed(effect.transaction, now) ??
      this.#calls.failed(effect, now)
    );
  }

  #request(flow: Flow, request: SipRequest, now: Millis): void {
    this.#newcomers.settled(flow.id);
    const inDialog =
      this.#calls.request(flow, request, now) ?? this.#subscriptions.inDialog(flow, request, now);
    this.#effects(inDialog ?? this.#reception.request(flow, request, now), now);
  }

  /** What can't be read, or belongs to nothing. A stranger gets no patience for it (S4, S9). */
  #dropped(dropped: Extract<Effect, { type: "dropped" }>, now: Millis): void {
    const { flow, reason, isReadable } = dropped;
    this.#droppedMessages += 1;
    if (this.#guard.mayLog(now)) this.#log("warning", "sip-dropped", { flow: flow.id, reason });
    const isSocket = flow.transport === "ws" || flow.transport === "wss";
    if (!isSocket && !isReadable) this.#effects(this.#reception.failed(flow, reason, now), now);
  }

  #changed(): void {
    this.#output.push({ type: "changed" });
  }

  #log(level: LogLevel, event: string, fields: Record<string, string | number>): void {
    this.#output.push({ type: "log", level, event, fields });
  }
}
