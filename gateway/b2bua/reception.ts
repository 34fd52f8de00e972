/**
 * Requests that belong to no dialog: who sent them, may they, and where do they lead. Softphones
 * come over WebSocket and prove themselves by digest; PBXs come over UDP and TCP and are known by
 * their connection (see `admission`). An INVITE that passes becomes a call.
 */
import type { Config, User, UserId } from "../../schema/config.ts";
import type { Millis } from "../machine.ts";
import type { Random } from "../random.ts";
import { createResponse } from "../sip/build.ts";
import { DigestServer } from "../sip/digest-server.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import type { Stack } from "../sip/stack.ts";
import { parseUri } from "../sip/uri.ts";
import { admitSoftphone, identifyTrunk, speaksFor } from "./admission.ts";
import type { CallControl, Effect, LegsOf } from "./call-control.ts";
import { callerNumber, inboundLegs, outboundLegs } from "./call-plan.ts";
import { ALLOW } from "./leg.ts";
import { normaliseNumber } from "./number.ts";
import { refusal } from "./reason.ts";
import { type Binding, Registrar } from "./registrar.ts";
import { route } from "./route.ts";
import { screen } from "./screening.ts";
import type { Trunk } from "./trunk.ts";

const RETRY_AFTER: [string, string] = ["Retry-After", "30"];

export interface ReceptionOptions {
  stack: Stack;
  calls: CallControl;
  random: Random;
  trunks: () => Iterable<Trunk>;
}

export class Reception {
  readonly #stack: Stack;
  readonly #calls: CallControl;
  readonly #random: Random;
  readonly #trunks: () => Iterable<Trunk>;
  readonly #registrar = new Registrar();
  /** Which user proved itself on a WebSocket flow. */
  readonly #flowUsers = new Map<FlowId, UserId>();
  readonly #digestSecret: Uint8Array;
  #digest: DigestServer | undefined;
  #config: Config | undefined;
  #draining = false;

  constructor(options: ReceptionOptions) {
    this.#stack = options.stack;
    this.#calls = options.calls;
    this.#random = options.random;
    this.#trunks = options.trunks;
    this.#digestSecret = options.random.bytes(32);
  }

  get bindings(): Binding[] {
    return this.#registrar.all();
  }

  /** The user that proved itself on the flow. */
  userOf(flow: FlowId): UserId | undefined {
    return this.#flowUsers.get(flow);
  }

  configure(config: Config): void {
    if (!this.#digest || this.#config?.realm !== config.realm) {
      const { realm } = config;
      this.#digest = new DigestServer({ realm, secret: this.#digestSecret, random: this.#random });
    }
    this.#config = config;
    const users = new Set(config.users.filter((user) => user.enabled).map((user) => user.id));
    this.#registrar.retain(users);
    for (const [flow, user] of this.#flowUsers) if (!users.has(user)) this.#flowUsers.delete(flow);
  }

  /** No new calls and registrations from now on. */
  drain(): void {
    this.#draining = true;
  }

  deadline(): Millis | undefined {
    return this.#registrar.deadline();
  }

  timeout(now: Millis): Effect[] {
    return this.#registrar.expire(now) ? [{ type: "changed" }] : [];
  }

  closed(flow: FlowId): Effect[] {
    this.#flowUsers.delete(flow);
    return this.#registrar.closed(flow) ? [{ type: "changed" }] : [];
  }

  /** A request outside any dialog. */
  request(flow: Flow, request: SipRequest, now: Millis): Effect[] {
    if (!this.#config || !this.#digest) {
      return this.#refuse(flow, request, 503, "the gateway is starting");
    }
    const isSocket = flow.transport === "ws" || flow.transport === "wss";
    if (isSocket) return this.#fromSoftphone(this.#config, this.#digest, flow, request, now);
    return this.#fromTrunk(this.#config, flow, request, now);
  }

  #fromSoftphone(
    config: Config,
    digest: DigestServer,
    flow: Flow,
    request: SipRequest,
    now: Millis,
  ): Effect[] {
    const refused = screen(request, ["REGISTER", "INVITE", "OPTIONS"]);
    if (refused) return this.#stack.reply(flow, refused);
    // A flow that registered speaks for its user; anything else shows its password.
    const known = config.users.find((user) => user.id === this.#flowUsers.get(flow.id));
    if (known && request.method !== "REGISTER" && speaksFor(known, request)) {
      return this.#admitted(known, flow, request, now);
    }
    const verdict = admitSoftphone(config, digest, flow, request, now);
    switch (verdict.outcome) {
      case "admitted":
        return this.#admitted(verdict.user, flow, request, now);
      case "refused": {
        const fields = { remote: flow.remote.address, reason: verdict.reason };
        const log = { type: "log", level: "warning", event: "softphone-refused", fields } as const;
        return [log, ...this.#refuse(flow, request, 403, verdict.reason)];
      }
      case "challenge": {
        const isProxy = request.method === "INVITE";
        const name = isProxy ? "Proxy-Authenticate" : "WWW-Authenticate";
        const headers = digest
          .challenge(now, flow.remote.address, verdict.stale)
          .map((value): [string, string] => [name, value]);
        return this.#stack.reply(flow, createResponse(request, isProxy ? 407 : 401, { headers }));
      }
    }
  }

  #admitted(user: User, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    if (request.method === "REGISTER") return this.#register(flow, user.id, request, now);
    if (request.method === "INVITE") return this.#callOut(user, flow, request, now);
    return this.#answerOptions(flow, request);
  }

  #register(flow: Flow, user: UserId, request: SipRequest, now: Millis): Effect[] {
    if (this.#draining) return this.#refuse(flow, request, 503, "the gateway is shutting down");
    const { transaction, outputs } = this.#stack.serve(flow, request, now);
    const { response, changed } = this.#registrar.register(user, flow, request, now);
    if (response.status === 200) this.#flowUsers.set(flow.id, user);
    const effects: Effect[] = [...outputs, ...this.#stack.respond(transaction, response, now)];
    if (changed) effects.push({ type: "changed" });
    return effects;
  }

  #callOut(user: User, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) return this.#refuse(flow, request, 503, obstacle);
    const dialled = normaliseNumber(parseUri(request.uri)?.user ?? "");
    if (!dialled.ok) return this.#refuse(flow, request, 404, dialled.reason);
    const { number } = dialled;
    const decision = route([...this.#trunks()], number, now);
    if (!decision.found) {
      const { status, reason } = decision;
      const log = notRouted({ user: user.name, number, status, reason });
      return [log, ...this.#refuse(flow, request, status, reason)];
    }
    const { trunk } = decision;
    const callee = {
      connection: trunk.connection,
      contactUser: trunk.contactUser,
      number: decision.number,
    };
    const legsOf: LegsOf = (incoming, orders) =>
      outboundLegs(incoming, user, callee, this.#random, orders);
    const facts = {
      direction: "outbound",
      caller: user.name,
      callee: number,
      user: user.id,
    } as const;
    return this.#calls.start(facts, trunk, flow, request, legsOf, now);
  }

  #fromTrunk(config: Config, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const verdict = identifyTrunk(this.#trunks(), flow, request);
    if (!verdict.trunk) {
      const { method } = request;
      const fields = { remote: flow.remote.address, method, reason: verdict.reason };
      const log = { type: "log", level: "warning", event: "trunk-refused", fields } as const;
      return [log, ...this.#refuse(flow, request, 403, "this address may not call here")];
    }
    const refused = screen(request, ["INVITE", "OPTIONS"]);
    if (refused) return this.#stack.reply(flow, refused);
    if (request.method === "OPTIONS") return this.#answerOptions(flow, request);
    return this.#callIn(config, verdict.trunk, flow, request, now);
  }

  #callIn(config: Config, trunk: Trunk, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const { connection } = trunk;
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) return this.#refuse(flow, request, 503, obstacle);
    if (!connection.allowInbound) {
      return this.#refuse(flow, request, 403, `${connection.name} takes no incoming calls`);
    }
    const user = config.users.find((it) => it.enabled && it.id === connection.inboundUser);
    const devices = user ? this.#registrar.devicesOf(user.id) : [];
    if (!user || devices.length === 0) {
      const reason = user
        ? `${user.name} has no softphone online`
        : "nobody answers this connection";
      const log = notRouted({ connection: connection.name, status: 480, reason });
      return [log, ...this.#refuse(flow, request, 480, reason)];
    }
    const caller = callerNumber(request);
    const legsOf: LegsOf = (incoming, orders) =>
      inboundLegs(incoming, connection, trunk.contactUser, devices, this.#random, orders);
    const facts = { direction: "inbound", caller, callee: user.name, user: user.id } as const;
    return this.#calls.start(facts, trunk, flow, request, legsOf, now);
  }

  #answerOptions(flow: Flow, request: SipRequest): Effect[] {
    const headers: [string, string][] = [
      ["Allow", ALLOW],
      ["Accept", "application/sdp"],
    ];
    return this.#stack.reply(flow, createResponse(request, 200, { headers }));
  }

  /** Why no call can be taken at all; undefined when one can. */
  #obstacle(): string | undefined {
    if (this.#draining) return "the gateway is shutting down";
    return this.#calls.isFull ? "the gateway holds as many calls as it can" : undefined;
  }

  #refuse(flow: Flow, request: SipRequest, status: number, reason: string): Effect[] {
    const headers = status === 503 ? [RETRY_AFTER] : [];
    return this.#stack.reply(flow, refusal(request, status, reason, headers));
  }
}

function notRouted(fields: Record<string, string | number>): Effect {
  return { type: "log", level: "info", event: "call-not-routed", fields };
}
