/**
 * One connection at work: its flow to the PBX, its registration, and the calls that use it.
 *
 * The flow is opened when the registration or a call first needs it and kept; whoever asked is told
 * by `waiting` keys. When it leads nowhere it is closed, so that the next need looks the address up
 * again (RFC 3263 §4.3). The B2BUA owns one trunk for each enabled connection.
 */
import type { Connection } from "../../schema/config.ts";
import type { Settings } from "../../schema/settings.ts";
import { earliest, type Millis, type WallMillis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { Random } from "../random.ts";
import { cseq } from "../sip/accessors.ts";
import type { Flow, FlowId, Target } from "../sip/flow.ts";
import { KeepAlive } from "../sip/keep-alive.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { fullness, type Usage } from "./capacity.ts";
import { registeredAs, targetOf } from "./identity.ts";
import type { KnownPlace } from "./last-place.ts";
import { obstacleOf, type WayState } from "./moment.ts";
import type { PbxBinding, PbxRegistrar } from "./pbx-registrar.ts";
import { type ConnectionPlace, connectionPlace } from "./place.ts";
import { Reachability } from "./reachability.ts";
import { bindingStatus } from "./registrar.ts";
import { Registration, type RegistrationOutput } from "./registration.ts";
import type { Ineligible } from "./route.ts";
import type { ConnectionStatus } from "./status.ts";
import { DRAFT_ID } from "./test-caller.ts";

export type TrunkOutput =
  | { type: "open"; flow: FlowId; target: Target; instead?: FlowId }
  | { type: "close"; flow: FlowId; reason: string; unanswered?: boolean }
  /** A REGISTER or OPTIONS to send; its outcome comes back by `received` or `failed`. */
  | { type: "request"; flow: Flow; request: SipRequest }
  /** The flow a call asked for by `reach`. */
  | { type: "reached"; call: string; flow: Flow }
  | { type: "unreached"; call: string; reason: string }
  /** A keep-alive over the flow. */
  | { type: "ping"; flow: FlowId }
  | { type: "changed" }
  | { type: "stopped" };

/** What a trunk may need besides its connection. */
export interface TrunkParts {
  /** Of PBXs that register with us. */
  readonly pbxs?: PbxRegistrar;
  /** With the interfaces it may name. */
  readonly settings?: Settings | undefined;
  /** Where its PBX last answered. */
  readonly known?: KnownPlace;
}

export class Trunk {
  readonly connection: Connection;
  readonly place: ConnectionPlace;
  readonly #random: Random;
  readonly #registration: Registration | undefined;
  readonly #reachability: Reachability | undefined;
  #since: Millis;
  #generation: number;
  #flowId: FlowId | undefined;
  #flow: Flow | undefined;
  #waiting: string[] = [];
  /** Another flow in the place of one that led nowhere, while it is being opened. */
  #alternative: { id: FlowId; waiting: string[] } | undefined;
  /** Flows that were replaced; calls made over them still live there. */
  readonly #former = new Set<FlowId>();
  #addresses: ReadonlySet<string> = new Set();
  #keepAlive: KeepAlive | undefined;
  #registrationWaits = false;
  #probeWaits = false;
  #stopped = false;
  /** Where legs of calls stand on this connection, by who began them (LIM-01); `none`: on the way out. */
  readonly #places = new Map<LegId, keyof Usage | "none">();

  /** Set where the PBX registers with us: it knows from where. */
  readonly #pbxs: PbxRegistrar | undefined;

  /** Where its PBX last answered; shared with the trunks before and after this one. */
  readonly #known: KnownPlace;

  /** `generation` makes flow ids differ between a connection's successive trunks. */
  constructor(
    connection: Connection,
    random: Random,
    generation: number,
    now: Millis,
    { pbxs, settings, known = {} }: TrunkParts = {},
  ) {
    this.connection = connection;
    this.place = connectionPlace(connection, settings);
    this.#random = random;
    this.#generation = generation * 1_000_000;
    this.#since = now;
    this.#known = known;
    this.#pbxs = connection.type === "inbound-registration" ? pbxs : undefined;
    if (connection.type === "outbound-registration") {
      this.#registration = new Registration(connection, this.#random, now, known);
    }
    const { optionsInterval: seconds } = connection;
    if (seconds !== undefined) {
      this.#reachability = new Reachability(connection, seconds, random, now, known);
    }
  }

  /** Nothing it was made for is another now. */
  isFor(connection: Connection, settings: Settings | undefined): boolean {
    const place = connectionPlace(connection, settings);
    return JSON.stringify([connection, place]) === JSON.stringify([this.connection, this.place]);
  }

  start(spreadMs: number, now: Millis): void {
    this.#registration?.start(spreadMs, now);
    this.#reachability?.start(spreadMs, now);
  }

  deadline(): Millis | undefined {
    return earliest(
      this.#registration?.deadline(),
      this.#reachability?.deadline(),
      this.#keepAlive?.deadline(),
    );
  }

  timeout(now: Millis): TrunkOutput[] {
    const told = this.#translate(this.#registration?.timeout(now) ?? [], now);
    told.push(...this.#probe(now));
    const due = this.#keepAlive?.timeout(now);
    if (due === undefined || this.#flowId === undefined) return told;
    if (due === "ping") return [...told, { type: "ping", flow: this.#flowId }];
    const reason = "the PBX answers no keep-alive";
    const flow = this.#flowId;
    const close: TrunkOutput = { type: "close", flow, reason, unanswered: true };
    return [...told, close, ...this.closed(flow, reason, now)];
  }

  /** What its names stand for now. */
  resolved(addresses: readonly string[]): void {
    this.#addresses = new Set(addresses);
  }

  /** AMB-17: a PBX we register at may call from any of its addresses; of a trunk the list counts. */
  isFrom(address: string): boolean {
    return this.#registration !== undefined && this.#addresses.has(address);
  }

  /** The PBX answered a keep-alive. */
  pong(): void {
    this.#keepAlive?.pong();
  }

  /** What is due of the reachability: a probe to send, or a silence to tell. */
  #probe(now: Millis): TrunkOutput[] {
    const due = this.#reachability?.timeout(now);
    if (due === "missed") return this.#unreached();
    if (due !== "probe") return [];
    const flow = this.openFlow;
    if (flow) return this.#sendProbe(flow, now);
    if (this.#pbxs) {
      this.#reachability?.missed("the PBX has not registered", now);
      return this.#unreached();
    }
    this.#probeWaits = true;
    return this.#open();
  }

  #sendProbe(flow: Flow, now: Millis): TrunkOutput[] {
    const request = this.#reachability?.request(flow, now, this.peer);
    return request ? [{ type: "request", flow, request }] : [];
  }

  /** A PBX that is down may be found elsewhere: its address is looked up again. */
  #unreached(): TrunkOutput[] {
    const isDown = this.#reachability?.status.state === "down";
    const lost = isDown && !this.#registration ? this.#abandon("the PBX is not reachable") : [];
    return [...lost, { type: "changed" }];
  }

  /** True for requests that come over our own flow to the PBX. */
  owns(flow: FlowId): boolean {
    if (this.#pbxs) return this.#pbxs.ownerOf(flow) === this.connection.id;
    return this.#flowId === flow || this.#alternative?.id === flow || this.#former.has(flow);
  }

  /** The user part of our Contact at this PBX: the registration's token, else our user there. */
  get contactUser(): string {
    return this.#registration?.contactUser ?? this.connection.username ?? "jackfield";
  }

  /** The flow to the PBX, while it is up. */
  get openFlow(): Flow | undefined {
    return this.#flow ?? this.#bindings[0]?.flow;
  }

  /** The connection, with what is known of a PBX's whereabouts only once it has registered. */
  get peer(): Connection {
    const [newest] = this.#bindings;
    return newest ? registeredAs(this.connection, newest) : this.connection;
  }

  /** Where a PBX that registers with us gets its next call. */
  bindingsForCall(): readonly PbxBinding[] {
    return this.#pbxs?.nextOf(this.connection) ?? [];
  }

  get #bindings(): readonly PbxBinding[] {
    return this.#pbxs?.bindingsOf(this.connection.id) ?? [];
  }

  /** True once `stop` is through: nothing of ours is left at the PBX. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** What identifies the PBX's calls to us (REG-06); undefined where we do not register. */
  get registrationToken(): string | undefined {
    return this.#registration?.contactUser;
  }

  /** A leg takes a place, or another one than it had; see `leave`. */
  occupy(leg: LegId, direction: keyof Usage): void {
    this.#places.set(leg, direction);
  }

  /** It is leaving, or over: its place is another's, whether or not anybody answers that (S3). */
  vacate(leg: LegId): void {
    if (this.#places.has(leg)) this.#places.set(leg, "none");
  }

  leave(leg: LegId): void {
    this.#places.delete(leg);
  }

  get usage(): Usage {
    const usage = { inbound: 0, outbound: 0, none: 0 };
    for (const place of this.#places.values()) usage[place] += 1;
    return usage;
  }

  /** Something of a call is still on its way over it. */
  get isInUse(): boolean {
    return this.#places.size > 0;
  }

  /** Why it takes no more calls from the PBX; undefined where it does. */
  get inboundFullness(): string | undefined {
    return fullness(this.connection, this.usage, "inbound");
  }

  /** Why a call can't go out over it now; undefined when it can. */
  ineligible(now: Millis): Ineligible | undefined {
    return obstacleOf(this.state(now));
  }

  /** How it stands, as far as calls that would go out over it ask. */
  state(now: Millis): WayState {
    const down = this.#down(now);
    const { connection, usage } = this;
    return { connection, usage, ...(down === undefined ? {} : { down }) };
  }

  #down(now: Millis): string | undefined {
    if (this.#registration && !this.#registration.isRegistered(now)) {
      return `is not registered: ${this.#registration.status.reason}`;
    }
    if (this.#pbxs && this.#bindings.length === 0) {
      return "is not registered: its PBX has not come yet";
    }
    const { state, reason = "" } = this.#reachability?.status ?? {};
    return state === "down" ? `is down: ${reason}` : undefined;
  }

  /**
   * A call wants a flow, another one than `instead`, which led nowhere: answered by `reached` or
   * `unreached`.
   */
  reach(call: string, instead?: FlowId): TrunkOutput[] {
    if (this.#pbxs) return [this.#reachRegistered(call, instead)];
    if (instead !== undefined && instead === this.#flow?.id) return this.#replace(call, instead);
    if (this.#flow) return [{ type: "reached", call, flow: this.#flow }];
    this.#waiting.push(call);
    return this.#open();
  }

  /** Taking turns, another place stands in for the one that is silent; side by side all were asked. */
  #reachRegistered(call: string, instead: FlowId | undefined): TrunkOutput {
    const isAsked = instead !== undefined && this.connection.bindingStrategy !== "round-robin";
    const other = isAsked ? undefined : this.#bindings.find(({ flow }) => flow.id !== instead);
    if (other) return { type: "reached", call, flow: other.flow };
    const reason = instead === undefined ? "the PBX has not registered" : "there is no other way";
    return { type: "unreached", call, reason };
  }

  opened(flow: Flow, now: Millis): TrunkOutput[] {
    const waiting = this.#takeWaiting();
    if (flow.id === this.#alternative?.id) {
      if (this.#flowId !== undefined) this.#former.add(this.#flowId);
      waiting.push(...this.#alternative.waiting);
      this.#alternative = undefined;
      this.#flowId = flow.id;
    }
    this.#flow = flow;
    // Without a registration there is no path to keep open: a trunk knows where to find us.
    const isNeeded = this.#registration !== undefined || flow.transport !== "udp";
    this.#keepAlive = isNeeded ? new KeepAlive(flow.transport, this.#random, now) : undefined;
    const outputs = waiting.map((call): TrunkOutput => ({ type: "reached", call, flow }));
    if (this.#registrationWaits && this.#registration) {
      this.#registrationWaits = false;
      outputs.push(...this.#translate(this.#registration.flowReady(flow), now));
    }
    if (this.#probeWaits) {
      this.#probeWaits = false;
      outputs.push(...this.#sendProbe(flow, now));
    }
    return outputs;
  }

  closed(id: FlowId, reason: string, now: Millis): TrunkOutput[] {
    if (this.#pbxs || this.#former.delete(id)) return [];
    if (id === this.#alternative?.id) {
      const { waiting } = this.#alternative;
      this.#alternative = undefined;
      return waiting.map((call): TrunkOutput => ({ type: "unreached", call, reason }));
    }
    const wasOpen = this.#flow !== undefined;
    this.#keepAlive = undefined;
    this.#flow = undefined;
    this.#flowId = undefined;
    const outputs = this.#takeWaiting().map(
      (call): TrunkOutput => ({ type: "unreached", call, reason }),
    );
    if (this.#probeWaits) {
      this.#probeWaits = false;
      this.#reachability?.missed(reason, now);
      outputs.push(...this.#unreached());
    }
    if (!this.#registration) return outputs;
    const told =
      wasOpen && !this.#registrationWaits
        ? this.#registration.flowClosed(now)
        : this.#registration.flowFailed(reason, now);
    this.#registrationWaits = false;
    return [...outputs, ...this.#translate(told, now)];
  }

  /** The answer to a request of ours. */
  received(response: SipResponse, flow: Flow, now: Millis): TrunkOutput[] {
    if (cseq(response).method === "OPTIONS") {
      if (response.status < 200) return [];
      this.#reachability?.answered(response.status, now);
      return [{ type: "changed" }];
    }
    return this.#translate(this.#registration?.received(response, flow, now) ?? [], now);
  }

  /** A request of ours went unanswered; a probe's silence was told before. */
  failed(
    method: string,
    reason: "timeout" | "transport" | "unacknowledged",
    now: Millis,
  ): TrunkOutput[] {
    if (method === "OPTIONS") return [];
    return this.#translate(this.#registration?.failed(reason, now) ?? [], now);
  }

  /** Withdraws the registration, then reports `stopped`. */
  stop(now: Millis): TrunkOutput[] {
    this.#reachability?.stop();
    if (!this.#registration) this.#stopped = true;
    if (!this.#registration) return [{ type: "stopped" }];
    return this.#translate(this.#registration.stop(this.#flow, now), now);
  }

  /** Gives the flow up: it led nowhere, or the connection is gone. */
  release(reason: string, unanswered = false): TrunkOutput[] {
    const flows = [...(this.#flowId === undefined ? [] : [this.#flowId]), ...this.#former];
    this.#former.clear();
    this.#keepAlive = undefined;
    this.#flow = undefined;
    this.#flowId = undefined;
    return flows.map((flow): TrunkOutput => ({ type: "close", flow, reason, unanswered }));
  }

  status(now: Millis, wall: (at: Millis) => WallMillis): ConnectionStatus {
    const { id, name, enabled } = this.connection;
    const probed = this.#reachability?.status;
    const reachability = probed && { ...probed, since: wall(probed.since) };
    const { inbound, outbound } = this.usage;
    const common = {
      id,
      name,
      callsNow: inbound + outbound,
      ...(reachability ? { reachability } : {}),
      ...(this.#known.place ? { lastAnswered: this.#known.place } : {}),
    };
    if (this.#pbxs) return { ...common, ...this.#registeredStatus(wall) };
    if (!this.#registration) {
      const reason = enabled ? "a trunk: it does not register" : "switched off";
      return { ...common, registration: "not-applicable", reason, since: wall(this.#since) };
    }
    const { registration, reason, since, lastStatus, grantedSeconds, nextAttempt, way } =
      this.#registration.status;
    const registrar = this.#flow
      ? `${this.#flow.remote.address}:${this.#flow.remote.port}`
      : undefined;
    return {
      ...common,
      registration,
      reason,
      since: wall(since),
      ...(lastStatus === undefined ? {} : { lastStatus }),
      ...(grantedSeconds === undefined || !this.#registration.isRegistered(now)
        ? {}
        : { grantedSeconds }),
      ...(nextAttempt === undefined ? {} : { nextAttempt: wall(nextAttempt) }),
      ...(registrar === undefined ? {} : { registrar }),
      ...way,
    };
  }

  /** REG-04, the other way round. */
  #registeredStatus(wall: (at: Millis) => WallMillis) {
    const bindings = this.#bindings.map((binding) => {
      const status = bindingStatus(binding, wall);
      return { ...status, remote: `${binding.flow.transport} ${status.remote}` };
    });
    const [newest] = bindings;
    if (!newest) {
      const reason = "the PBX has not registered yet";
      return { registration: "awaited", reason, since: wall(this.#since), bindings } as const;
    }
    const reason = `the PBX is registered from ${bindings.map(({ remote }) => remote).join(", ")}`;
    return { registration: "registered", reason, since: newest.since, bindings } as const;
  }

  #open(): TrunkOutput[] {
    if (this.#flowId !== undefined) return [];
    this.#flowId = this.#nextFlowId();
    return [{ type: "open", flow: this.#flowId, target: this.#target }];
  }

  /** RFC 3263 §4.3: the next address of the PBX, for new calls and for the registration. */
  #replace(call: string, instead: FlowId): TrunkOutput[] {
    if (this.#alternative) {
      this.#alternative.waiting.push(call);
      return [];
    }
    const flow = this.#nextFlowId();
    this.#alternative = { id: flow, waiting: [call] };
    return [{ type: "open", flow, target: this.#target, instead }];
  }

  get #target(): Target {
    const target = targetOf(this.connection);
    return this.connection.id === DRAFT_ID ? { ...target, isOnTrial: true } : target;
  }

  #nextFlowId(): FlowId {
    this.#generation += 1;
    return `trunk-${this.connection.id}-${this.#generation}` as FlowId;
  }

  #takeWaiting(): string[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  #translate(outputs: RegistrationOutput[], now: Millis): TrunkOutput[] {
    return outputs.flatMap((output): TrunkOutput[] => {
      switch (output.type) {
        case "reach": {
          if (this.#flow) {
            return this.#translate(this.#registration?.flowReady(this.#flow) ?? [], now);
          }
          this.#registrationWaits = true;
          return this.#open();
        }
        case "abandon":
          return this.#abandon(output.reason);
        case "stopped":
          this.#stopped = true;
          return [output];
        default:
          return [output];
      }
    });
  }

  /** Not while calls run over it: their dialogs would lose their way for one lost REGISTER. */
  #abandon(reason: string): TrunkOutput[] {
    return this.isInUse ? [] : this.release(reason, true);
  }
}

/** What a connection that is switched off says of itself. */
export function switchedOff({ id, name, type }: Connection, since: WallMillis): ConnectionStatus {
  const registration = type === "outbound-trunk" ? "not-applicable" : "disabled";
  return { id, name, registration, reason: "switched off", since, callsNow: 0 };
}
