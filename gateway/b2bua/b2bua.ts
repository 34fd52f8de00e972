/**
 * The B2BUA: the transaction user of RFC 3261 §6 on both sides (AMB-21). It owns the SIP stack, the
 * registrar, one trunk a connection and the calls, and passes each input to the one it concerns.
 *
 * Configuration, SIP bytes and media replies in; bytes, media commands and records out. It is pure:
 * the shell in `io/` owns the sockets, the clock and the media workers.
 */
import type { Config, ConnectionId } from "../../schema/config.ts";
import { Agenda } from "../agenda.ts";
import type { Millis, WallMillis } from "../machine.ts";
import type { Random } from "../random.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import { Stack } from "../sip/stack.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { B2buaInput, B2buaOutput, LogLevel } from "./border.ts";
import { CallControl, type Effect } from "./call-control.ts";
import { Reception } from "./reception.ts";
import type { Status } from "./status.ts";
import { Trunk, type TrunkOutput } from "./trunk.ts";

/** Registrations of a restart are spread over this long, or more for hundreds (REG-03, R3). */
const START_SPREAD_MS = 2_000;
const REGISTRATIONS_PER_SECOND = 20;

export interface B2buaOptions {
  random: Random;
  /** The wall clock at a monotonic time: for what people read. */
  wallClock: (at: Millis) => WallMillis;
}

export class B2bua {
  readonly #random: Random;
  readonly #wall: (at: Millis) => WallMillis;
  readonly #stack: Stack;
  readonly #reception: Reception;
  readonly #trunks = new Map<ConnectionId, Trunk>();
  /** Trunks that are gone from the configuration but not done: a withdrawal, or calls. */
  readonly #retired = new Set<Trunk>();
  readonly #calls: CallControl;
  /** Flows with a state of their own: streams, WebSockets, and UDP flows we opened. */
  readonly #flows = new Map<FlowId, Flow>();
  readonly #registrations = new Map<TransactionId, Trunk>();
  readonly #trunkAgenda = new Agenda<Trunk>();
  #config: Config | undefined;
  #generation = 0;
  #draining = false;
  #droppedMessages = 0;
  #output: B2buaOutput[] = [];

  constructor(options: B2buaOptions) {
    this.#random = options.random;
    this.#wall = options.wallClock;
    this.#stack = new Stack({ random: options.random });
    this.#calls = new CallControl({
      stack: this.#stack,
      random: options.random,
      wall: options.wallClock,
      isOpen: (flow) => flow.transport === "udp" || this.#flows.has(flow.id),
      sameUser: (a, b) => {
        const user = this.#reception.userOf(a);
        return user !== undefined && user === this.#reception.userOf(b);
      },
    });
    this.#reception = new Reception({
      stack: this.#stack,
      calls: this.#calls,
      random: options.random,
      trunks: () => this.#trunks.values(),
    });
  }

  handle(input: B2buaInput, now: Millis): B2buaOutput[] {
    this.#take(input, now);
    const output = this.#output;
    this.#output = [];
    return output;
  }

  deadline(): Millis | undefined {
    const times = [
      this.#stack.deadline(),
      this.#trunkAgenda.next(),
      this.#calls.deadline(),
      this.#reception.deadline(),
    ].filter((at) => at !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  status(now: Millis): Omit<Status, "workers"> {
    const wall = (at: Millis) => this.#wall(at);
    const connections = (this.#config?.connections ?? []).map((connection) => {
      const trunk = this.#trunks.get(connection.id);
      if (trunk) return trunk.status(now, wall);
      const { id, name } = connection;
      const registration = connection.type === "outbound-trunk" ? "not-applicable" : "disabled";
      return {
        id,
        name,
        registration,
        reason: "switched off",
        since: wall(now),
        callsNow: 0,
      } as const;
    });
    const bindings = this.#reception.bindings.map(({ user, userAgent, flow, since, expiresAt }) => {
      const remote = `${flow.remote.address}:${flow.remote.port}`;
      return { user, userAgent, remote, since: wall(since), expires: wall(expiresAt) };
    });
    const calls = this.#calls.statuses();
    const alive = {
      ...this.#stack.alive,
      ...this.#calls.alive,
      bindings: bindings.length,
      registrationTransactions: this.#registrations.size,
      retiredTrunks: this.#retired.size,
    };
    return {
      draining: this.#draining,
      droppedMessages: this.#droppedMessages,
      connections,
      calls,
      bindings,
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
        const trunk = this.#trunkOf(input.flow.id);
        if (trunk) this.#trunkOutputs(trunk, trunk.opened(input.flow, now), now);
        break;
      }
      case "received":
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
        for (const call of input.sessions) this.#hangUp(call, 500, "the media worker stopped", now);
        break;
      case "hangUp":
        this.#hangUp(input.call, 480, "ended by the administrator", now);
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
    this.#reception.configure(config);
    const enabled = config.connections.filter((connection) => connection.enabled);
    const wanted = new Map(enabled.map((connection) => [connection.id, connection]));
    for (const [id, trunk] of this.#trunks) {
      const next = wanted.get(id);
      if (next && JSON.stringify(next) === JSON.stringify(trunk.connection)) wanted.delete(id);
      else this.#retire(trunk, now);
    }
    const spreadMs = Math.max(START_SPREAD_MS, (wanted.size / REGISTRATIONS_PER_SECOND) * 1_000);
    for (const connection of wanted.values()) {
      this.#generation += 1;
      const trunk = new Trunk(connection, this.#random, this.#generation, now);
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
    if (!this.#retired.has(trunk) || trunk.calls.size > 0 || !trunk.stopped) return;
    this.#retired.delete(trunk);
    this.#trunkAgenda.set(trunk, undefined);
    this.#trunkOutputs(trunk, trunk.release("the connection was changed or removed"), now);
  }

  // Flows and time ------------------------------------------------------------------------------

  #closed(id: FlowId, reason: string, now: Millis): void {
    this.#flows.delete(id);
    const trunk = this.#trunkOf(id);
    if (trunk) this.#trunkOutputs(trunk, trunk.closed(reason, now), now);
    this.#effects(this.#reception.closed(id), now);
    this.#effects(this.#stack.close(id, now), now);
  }

  #timeout(now: Millis): void {
    this.#effects(this.#stack.timeout(now), now);
    for (
      let trunk = this.#trunkAgenda.takeDue(now);
      trunk;
      trunk = this.#trunkAgenda.takeDue(now)
    ) {
      this.#trunkOutputs(trunk, trunk.timeout(now), now);
    }
    this.#effects(this.#calls.timeout(now), now);
    this.#effects(this.#reception.timeout(now), now);
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
        case "close":
          this.#output.push(output);
          this.#flows.delete(output.flow);
          this.#effects(this.#stack.close(output.flow, now), now);
          break;
        case "request": {
          const sent = this.#stack.request(output.flow, output.request, now);
          this.#registrations.set(sent.transaction, trunk);
          this.#effects(sent.outputs, now);
          break;
        }
        case "reached":
          this.#effects(
            this.#calls.tell(output.call, { type: "reached", flow: output.flow }, now),
            now,
          );
          break;
        case "unreached":
          this.#effects(
            this.#calls.tell(output.call, { type: "unreached", reason: output.reason }, now),
            now,
          );
          break;
        case "stopped":
          break;
      }
    }
    this.#trunkAgenda.set(trunk, trunk.deadline());
    this.#releaseWhenIdle(trunk, now);
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
        const trunk = this.#registrations.get(effect.transaction);
        if (effect.response.status >= 200) this.#registrations.delete(effect.transaction);
        if (trunk)
          this.#trunkOutputs(trunk, trunk.received(effect.response, effect.flow, now), now);
        else this.#effects(this.#calls.response(effect, now), now);
        break;
      }
      case "failed": {
        const trunk = this.#registrations.get(effect.transaction);
        this.#registrations.delete(effect.transaction);
        if (trunk) this.#trunkOutputs(trunk, trunk.failed(effect.reason, now), now);
        else this.#effects(this.#calls.failed(effect, now), now);
        break;
      }
      case "dropped":
        this.#droppedMessages += 1;
        this.#log("warning", "sip-dropped", { flow: effect.flow.id, reason: effect.reason });
        break;
      case "closeFlow":
        this.#output.push({ type: "close", flow: effect.flow, reason: effect.reason });
        break;
      case "reach":
        this.#trunkOutputs(effect.trunk, effect.trunk.reach(effect.call), now);
        break;
      case "left":
        this.#releaseWhenIdle(effect.trunk, now);
        break;
      default:
        this.#output.push(effect);
    }
  }

  #request(flow: Flow, request: SipRequest, now: Millis): void {
    const inDialog = this.#calls.request(flow, request, now);
    this.#effects(inDialog ?? this.#reception.request(flow, request, now), now);
  }

  #hangUp(call: string, status: number, reason: string, now: Millis): void {
    this.#effects(this.#calls.tell(call, { type: "hangUp", status, reason }, now), now);
  }

  #changed(): void {
    this.#output.push({ type: "changed" });
  }

  #log(level: LogLevel, event: string, fields: Record<string, string | number>): void {
    this.#output.push({ type: "log", level, event, fields });
  }
}
