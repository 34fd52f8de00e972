/**
 * One connection at work: its flow to the PBX, its registration, and the calls that use it.
 *
 * The flow is opened when the registration or a call first needs it and kept; whoever asked is told
 * by `waiting` keys. When it leads nowhere it is closed, so that the next need looks the address up
 * again (RFC 3263 §4.3). The B2BUA owns one trunk for each enabled connection.
 */
import type { Connection } from "../../schema/config.ts";
import type { Millis, WallMillis } from "../machine.ts";
import type { Random } from "../random.ts";
import type { Flow, FlowId, Target } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { targetOf } from "./identity.ts";
import { Registration, type RegistrationOutput } from "./registration.ts";
import type { Ineligible } from "./route.ts";
import type { ConnectionStatus } from "./status.ts";

export type TrunkOutput =
  | { type: "open"; flow: FlowId; target: Target }
  | { type: "close"; flow: FlowId; reason: string }
  /** A REGISTER to send; its outcome comes back by `received` or `failed`. */
  | { type: "request"; flow: Flow; request: SipRequest }
  /** The flow a call asked for by `reach`. */
  | { type: "reached"; call: string; flow: Flow }
  | { type: "unreached"; call: string; reason: string }
  | { type: "changed" }
  | { type: "stopped" };

export class Trunk {
  readonly connection: Connection;
  readonly #random: Random;
  readonly #registration: Registration | undefined;
  #since: Millis;
  #generation: number;
  #flowId: FlowId | undefined;
  #flow: Flow | undefined;
  #waiting: string[] = [];
  #registrationWaits = false;
  #stopped = false;
  /** Calls that hold a place on this connection, by id (LIM-01). */
  readonly calls = new Set<string>();

  /** `generation` makes flow ids differ between a connection's successive trunks. */
  constructor(connection: Connection, random: Random, generation: number, now: Millis) {
    this.connection = connection;
    this.#random = random;
    this.#generation = generation * 1_000_000;
    this.#since = now;
    if (connection.type === "outbound-registration") {
      this.#registration = new Registration(connection, this.#random, now);
    }
  }

  start(spreadMs: number, now: Millis): void {
    this.#registration?.start(spreadMs, now);
  }

  deadline(): Millis | undefined {
    return this.#registration?.deadline();
  }

  timeout(now: Millis): TrunkOutput[] {
    return this.#translate(this.#registration?.timeout(now) ?? [], now);
  }

  /** True for requests that come over our own flow to the PBX. */
  owns(flow: FlowId): boolean {
    return this.#flowId === flow;
  }

  /** The user part of our Contact at this PBX: the registration's token, else our user there. */
  get contactUser(): string {
    return this.#registration?.contactUser ?? this.connection.username ?? "jackfield";
  }

  /** The flow to the PBX, while it is up. */
  get openFlow(): Flow | undefined {
    return this.#flow;
  }

  /** True once `stop` is through: nothing of ours is left at the PBX. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** What identifies the PBX's calls to us (REG-06); undefined where we do not register. */
  get registrationToken(): string | undefined {
    return this.#registration?.contactUser;
  }

  /** Why a call can't go out over it now; undefined when it can. */
  ineligible(now: Millis): Ineligible | undefined {
    const { name, allowOutbound } = this.connection;
    if (!allowOutbound) {
      return { because: "not-permitted", reason: `${name} is not used for outgoing calls` };
    }
    if (this.#registration && !this.#registration.isRegistered(now)) {
      const { reason } = this.#registration.status;
      return { because: "down", reason: `${name} is not registered: ${reason}` };
    }
    return undefined;
  }

  /** A call wants the flow: answered by `reached` or `unreached`. */
  reach(call: string): TrunkOutput[] {
    if (this.#flow) return [{ type: "reached", call, flow: this.#flow }];
    this.#waiting.push(call);
    return this.#open();
  }

  opened(flow: Flow, now: Millis): TrunkOutput[] {
    this.#flow = flow;
    const outputs = this.#takeWaiting().map(
      (call): TrunkOutput => ({ type: "reached", call, flow }),
    );
    if (this.#registrationWaits && this.#registration) {
      this.#registrationWaits = false;
      outputs.push(...this.#translate(this.#registration.flowReady(flow), now));
    }
    return outputs;
  }

  closed(reason: string, now: Millis): TrunkOutput[] {
    const wasOpen = this.#flow !== undefined;
    this.#flow = undefined;
    this.#flowId = undefined;
    const outputs = this.#takeWaiting().map(
      (call): TrunkOutput => ({ type: "unreached", call, reason }),
    );
    if (!this.#registration) return outputs;
    const told =
      wasOpen && !this.#registrationWaits
        ? this.#registration.flowClosed(now)
        : this.#registration.flowFailed(reason, now);
    this.#registrationWaits = false;
    return [...outputs, ...this.#translate(told, now)];
  }

  /** The answer to the registration's request. */
  received(response: SipResponse, flow: Flow, now: Millis): TrunkOutput[] {
    return this.#translate(this.#registration?.received(response, flow, now) ?? [], now);
  }

  /** The registration's request went unanswered. */
  failed(reason: "timeout" | "transport" | "unacknowledged", now: Millis): TrunkOutput[] {
    return this.#translate(this.#registration?.failed(reason, now) ?? [], now);
  }

  /** Withdraws the registration, then reports `stopped`. */
  stop(now: Millis): TrunkOutput[] {
    if (!this.#registration) this.#stopped = true;
    if (!this.#registration) return [{ type: "stopped" }];
    return this.#translate(this.#registration.stop(this.#flow, now), now);
  }

  /** Gives the flow up: it led nowhere, or the connection is gone. */
  release(reason: string): TrunkOutput[] {
    const flow = this.#flowId;
    this.#flow = undefined;
    this.#flowId = undefined;
    return flow === undefined ? [] : [{ type: "close", flow, reason }];
  }

  status(now: Millis, wall: (at: Millis) => WallMillis): ConnectionStatus {
    const { id, name, enabled } = this.connection;
    const common = { id, name, callsNow: this.calls.size };
    if (!this.#registration) {
      const reason = enabled ? "a trunk: it does not register" : "switched off";
      return { ...common, registration: "not-applicable", reason, since: wall(this.#since) };
    }
    const { registration, reason, since, lastStatus, grantedSeconds, nextAttempt } =
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
    };
  }

  #open(): TrunkOutput[] {
    if (this.#flowId !== undefined) return [];
    this.#generation += 1;
    this.#flowId = `trunk-${this.connection.id}-${this.#generation}` as FlowId;
    return [{ type: "open", flow: this.#flowId, target: targetOf(this.connection) }];
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
    return this.calls.size > 0 ? [] : this.release(reason);
  }
}
