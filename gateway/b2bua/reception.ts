/**
 * Requests that belong to no dialog: who sent them, may they, and where do they lead. Softphones
 * come over WebSocket and prove themselves by digest; PBXs come over UDP and TCP and are known by
 * their connection (see `admission`). An INVITE that passes becomes a call.
 */
import type { Config, Connection, User, UserId } from "../../schema/config.ts";
import type { LoadLevel } from "../load-ladder.ts";
import { earliest, type Millis, type WallMillis } from "../machine.ts";
import type { Random } from "../random.ts";
import { from, maxForwards } from "../sip/accessors.ts";
import { createResponse } from "../sip/build.ts";
import { DigestServer } from "../sip/digest-server.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import { PING } from "../sip/keep-alive.ts";
import type { SipRequest } from "../sip/message.ts";
import { replacesOf } from "../sip/refer.ts";
import type { Stack } from "../sip/stack.ts";
import { parseUri } from "../sip/uri.ts";
import type { Abandoned } from "./abandoned.ts";
import { foreignHost } from "./addressed.ts";
import { admitSoftphone, identifyTrunk, speaksFor } from "./admission.ts";
import { type AttemptFacts, Attempts, admission, numberOf } from "./attempts.ts";
import type { CallControl, Effect, Incoming } from "./call-control.ts";
import { audioOf, encoded, WEBRTC_CODECS } from "./call-plan.ts";
import { callerOf } from "./caller-identity.ts";
import type { Directed, Director } from "./director.ts";
import { calledUsers } from "./inbound.ts";
import { pbxProfile, softphoneProfile } from "./interop.ts";
import type { CallFacts } from "./journal.ts";
import { ALLOW } from "./leg-contract.ts";
import type { Messages } from "./messages.ts";
import type { PbxRegistrar } from "./pbx-registrar.ts";
import { legPlace, seenBy } from "./place.ts";
import { refusal } from "./reason.ts";
import type { Binding, Registrar } from "./registrar.ts";
import { MAX_FORWARDS_DEFAULT, screen } from "./screening.ts";
import type { SourceGuard } from "./source-guard.ts";
import { spared } from "./sparing.ts";
import { Strangers } from "./strangers.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { Tracer } from "./tracer.ts";
import type { Trunk } from "./trunk.ts";
import { routeVerdicts } from "./verdicts.ts";

const SOFTPHONE_METHODS = ["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE"];
const TRUNK_METHODS = ["INVITE", "OPTIONS", "NOTIFY", "MESSAGE"];
const RETRY_AFTER: [string, string] = ["Retry-After", "30"];
/** LIM-04, in the words of the telephone network (Q.850): no circuit available. */
const NO_CIRCUIT = 34;

export interface ReceptionOptions {
  stack: Stack;
  calls: CallControl;
  tracer: Tracer;
  wall: (at: Millis) => WallMillis;
  random: Random;
  registrar: Registrar;
  pbxs: PbxRegistrar;
  director: Director;
  guard: SourceGuard;
  subscriptions: Subscriptions;
  messages: Messages;
  abandoned: Abandoned;
  trunks: () => Iterable<Trunk>;
}

export class Reception {
  readonly #stack: Stack;
  readonly #calls: CallControl;
  readonly #random: Random;
  readonly #trunks: () => Iterable<Trunk>;
  readonly #registrar: Registrar;
  readonly #pbxs: PbxRegistrar;
  readonly #abandoned: Abandoned;
  readonly #strangers: Strangers;
  readonly #director: Director;
  readonly #subscriptions: Subscriptions;
  readonly #messages: Messages;
  readonly #attempts: Attempts;
  /** Which user proved itself on a WebSocket flow. */
  readonly #flowUsers = new Map<FlowId, UserId>();
  readonly #digestSecret: Uint8Array;
  #digest: DigestServer | undefined;
  #config: Config | undefined;
  #draining = false;
  /** How short of time the media workers are. */
  load: LoadLevel = "normal";

  constructor(options: ReceptionOptions) {
    this.#stack = options.stack;
    this.#calls = options.calls;
    this.#random = options.random;
    this.#trunks = options.trunks;
    this.#registrar = options.registrar;
    this.#pbxs = options.pbxs;
    this.#abandoned = options.abandoned;
    this.#director = options.director;
    this.#attempts = new Attempts(options);
    this.#strangers = new Strangers(options.guard, options.stack, this.#attempts);
    this.#subscriptions = options.subscriptions;
    this.#messages = options.messages;
    this.#digestSecret = options.random.bytes(32);
  }

  get bindings(): Binding[] {
    return this.#registrar.all();
  }

  /** The user that proved itself on the flow. */
  userOf(flow: FlowId): UserId | undefined {
    return this.#flowUsers.get(flow);
  }

  configure(config: Config, now: Millis): void {
    if (!this.#digest || this.#config?.realm !== config.realm) {
      const { realm } = config;
      this.#digest = new DigestServer({ realm, secret: this.#digestSecret, random: this.#random });
    }
    this.#config = config;
    this.#director.configure(config);
    this.#pbxs.configure(config, now);
    this.#strangers.isSilent = config.settings?.silentToStrangers === true;
    const users = new Set(config.users.filter((user) => user.enabled).map((user) => user.id));
    this.#registrar.retain(users);
    for (const [flow, user] of this.#flowUsers) if (!users.has(user)) this.#flowUsers.delete(flow);
  }

  /** No new calls and registrations from now on. */
  drain(): void {
    this.#draining = true;
  }

  deadline(): Millis | undefined {
    return earliest(this.#registrar.deadline(), this.#pbxs.deadline());
  }

  timeout(now: Millis): Effect[] {
    const hasExpired = this.#registrar.expire(now);
    const { changed, pings } = this.#pbxs.timeout(now);
    const effects = pings.map((flow): Effect => ({ type: "send", flow, bytes: PING }));
    return hasExpired || changed ? [...effects, { type: "changed" }] : effects;
  }

  closed(flow: FlowId, now: Millis): Effect[] {
    this.#flowUsers.delete(flow);
    const isPbx = this.#pbxs.closed(flow, now);
    return this.#registrar.closed(flow, now) || isPbx ? [{ type: "changed" }] : [];
  }

  /** A request outside any dialog. */
  request(flow: Flow, request: SipRequest, now: Millis): Effect[] {
    if (!this.#config || !this.#digest) {
      return this.#refuse(flow, request, 503, "the gateway is starting");
    }
    const isSocket = flow.transport === "ws" || flow.transport === "wss";
    if (isSocket) return this.#fromSoftphone(this.#digest, flow, request, now);
    return this.#fromOutside(this.#digest, flow, request, now);
  }

  #fromSoftphone(digest: DigestServer, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const refused = screen(request, SOFTPHONE_METHODS);
    if (refused) return this.#stack.reply(flow, refused);
    // A flow that registered speaks for its user; anything else shows its password.
    const known = this.#director.enabledUser(this.#flowUsers.get(flow.id));
    if (known && request.method !== "REGISTER" && speaksFor(known, request)) {
      return this.#admitted(known, "by its registered connection", flow, request, now);
    }
    const userNamed = (name: string) => this.#director.userNamed(name);
    const verdict = admitSoftphone(userNamed, digest, flow, request, now);
    switch (verdict.outcome) {
      case "admitted":
        return this.#admitted(verdict.user, "by its password", flow, request, now);
      case "refused": {
        const fields = { remote: flow.remote.address, reason: verdict.reason };
        const log = this.#strangers.told("softphone-refused", fields, now);
        const refusal = this.#refuse(flow, request, 403, verdict.reason);
        if (log.length > 0)
          this.#attempts.strange(flow, request, { status: 403, reason: verdict.reason }, now);
        return [...log, ...refusal, ...this.failed(flow, verdict.reason, now)];
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

  #admitted(user: User, how: string, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    if (request.method === "REGISTER") return this.#register(flow, user.id, request, now);
    if (request.method === "INVITE") return this.#callOut(user, how, flow, request, now);
    if (request.method === "MESSAGE") return this.#messageOut(user, flow, request, now);
    if (request.method === "SUBSCRIBE")
      return this.#subscriptions.request(user, flow, request, now);
    return this.#answerOptions(flow, request);
  }

  #register(flow: Flow, user: UserId, request: SipRequest, now: Millis): Effect[] {
    if (this.#draining) return this.#refuse(flow, request, 503, "the gateway is shutting down");
    const { transaction, outputs } = this.#stack.serve(flow, request, now);
    const { response, changed, returned } = this.#registrar.register(user, flow, request, now);
    if (response.status === 200) this.#flowUsers.set(flow.id, user);
    const effects: Effect[] = [...outputs, ...this.#stack.respond(transaction, response, now)];
    if (changed) effects.push({ type: "changed" });
    if (returned !== undefined) effects.push(...this.#calls.returned(returned, flow, now));
    return effects;
  }

  #callOut(user: User, how: string, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const incoming: Incoming = {
      flow,
      invite: request,
      known: `${user.name} is known ${how}`,
      options: {
        owner: { user: user.id },
        kind: "webrtc",
        codecs: WEBRTC_CODECS,
        ...(user.holdMusic ? { holdMusic: user.holdMusic } : {}),
        contactUser: user.name,
        profile: softphoneProfile(request.headers.get("User-Agent")),
        mayRefer: true,
      },
    };
    const number = parseUri(request.uri)?.user ?? "";
    const direction = this.#director.userNamed(number) ? "internal" : "outbound";
    const attempt = {
      direction,
      caller: user.name,
      callee: numberOf(request.uri),
      user: user.id,
    } as const;
    const obstacle = this.#obstacle(this.#director.isEmergency(number));
    if (obstacle !== undefined)
      return this.#attempts.turnAway(incoming, attempt, { status: 503, reason: obstacle }, now);
    const taken = this.#takesPlace(incoming, now);
    if (taken) return taken;
    const claimed = callerOf(request, false);
    const displayName = claimed.displayName ?? user.displayName;
    const caller = { number: user.name, displayName, isPrivate: claimed.isPrivate };
    const journey = { caller, maxForwards: hopsOf(request) };
    const directed = this.#director.dialled(user, number, journey, now);
    const callerIsPrivate = claimed.isPrivate;
    const facts = { caller: user.name, callerName: displayName, callerIsPrivate, user: user.id };
    return this.#place(facts, attempt, incoming, directed, now);
  }

  /** RFC 3891: an INVITE that takes the place of a call's leg; undefined when it names none. */
  #takesPlace(incoming: Incoming, now: Millis): Effect[] | undefined {
    const { flow, invite } = incoming;
    const replaces = replacesOf(invite);
    if (replaces === undefined) return undefined;
    if (replaces === "malformed") {
      return this.#refuse(flow, invite, 400, "the Replaces can't be read: one with two tags is");
    }
    const outcome = this.#calls.replace(incoming, replaces, now);
    return "status" in outcome
      ? this.#refuse(flow, invite, outcome.status, outcome.reason)
      : outcome;
  }

  #place(
    facts: Pick<CallFacts, "caller" | "callerName" | "callerIsPrivate" | "user">,
    attempt: AttemptFacts,
    incoming: Incoming,
    directed: Directed,
    now: Millis,
  ): Effect[] {
    const { invite, trunk } = incoming;
    const verdicts = routeVerdicts(directed);
    if (!directed.ok) {
      const { status, reason, isFull } = directed;
      const log = notRouted({ caller: facts.caller, status, reason });
      const ending = { status, reason, ...(isFull ? { q850: NO_CIRCUIT } : {}) };
      return [log, ...this.#attempts.turnAway(incoming, attempt, ending, now, verdicts)];
    }
    const { callee, newCountry } = directed;
    const { codecs, destination } = spared(this.load, incoming.options, directed.destination);
    const out = destination.candidates.find((it) => it.connection !== undefined);
    const connection = trunk?.connection.id ?? out?.connection;
    const whole = {
      ...facts,
      callee,
      direction: trunk ? "inbound" : out ? "outbound" : "internal",
      maxForwards: hopsOf(invite),
      ...(connection === undefined ? {} : { connection }),
    } as const;
    const options = { ...incoming.options, codecs };
    const all = [admission(incoming), ...verdicts];
    const log = newCountry === undefined ? [] : [calledAbroad(facts.caller, newCountry)];
    const started = { ...incoming, options };
    return [...log, ...this.#calls.start(whole, started, destination, all, now)];
  }

  /**
   * A PBX or a stranger. What its address, our token or our own flow doesn't say is asked of it, once
   * any PBX may register (AMB-20): the same question for everybody, whoever is named (S5).
   */
  #fromOutside(digest: DigestServer, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const showsPassword = request.method === "REGISTER" || request.headers.has("Authorization");
    const isRegistered = this.#pbxs.ownerOf(flow.id) !== undefined;
    const verdict = this.#pbxs.isOpen ? this.#pbxs.admit(digest, flow, request, now) : undefined;
    if (verdict?.outcome === "admitted") {
      return this.#fromRegistering(verdict.connection, flow, request, now);
    }
    if (verdict && (showsPassword || isRegistered)) {
      return this.#strangers.question(digest, verdict, flow, request, now);
    }
    const identified = identifyTrunk(this.#trunks(), flow, request);
    if (identified.trunk) {
      return this.#fromTrunk(identified.trunk, identified.by, flow, request, now);
    }
    if (verdict) return this.#strangers.question(digest, verdict, flow, request, now);
    return this.#strangers.refuse(identified.reason, flow, request, now);
  }

  #fromRegistering({ id }: Connection, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const trunk = [...this.#trunks()].find(({ connection }) => connection.id === id);
    if (!trunk) return this.#refuse(flow, request, 503, "the connection is being changed");
    if (request.method !== "REGISTER") {
      return this.#fromTrunk(trunk, "it proved its password", flow, request, now);
    }
    const refused = screen(request, ["REGISTER"]);
    if (refused) return this.#stack.reply(flow, refused);
    if (this.#draining) return this.#refuse(flow, request, 503, "the gateway is shutting down");
    const { transaction, outputs } = this.#stack.serve(flow, request, now);
    const { response, changed } = this.#pbxs.register(trunk.connection, flow, request, now);
    const effects: Effect[] = [...outputs, ...this.#stack.respond(transaction, response, now)];
    if (!changed) return effects;
    return [...effects, ...this.#abandoned.returned(id), { type: "changed" }];
  }

  #fromTrunk(trunk: Trunk, by: string, on: Flow, request: SipRequest, now: Millis): Effect[] {
    const flow = seenBy(trunk.connection, on);
    const refused = screen(request, TRUNK_METHODS);
    if (refused) return this.#stack.reply(flow, refused);
    if (request.method === "OPTIONS") return this.#answerOptions(flow, request);
    if (request.method === "MESSAGE") return this.#messageIn(trunk, flow, request, now);
    if (request.method === "NOTIFY") {
      return this.#subscriptions.unsolicited(trunk, flow, request, now);
    }
    return this.#callIn(trunk, by, flow, request, now);
  }

  #callIn(trunk: Trunk, by: string, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const { connection } = trunk;
    const incoming: Incoming = {
      flow,
      invite: request,
      known: `this is ${connection.name}: ${by}`,
      trunk,
      options: {
        owner: { connection: connection.id },
        kind: "trunk",
        ...audioOf(connection),
        place: legPlace(connection, trunk.place, flow),
        contactUser: trunk.contactUser,
        profile: pbxProfile(connection.interop),
        mayRefer: connection.allowTransfer === true,
      },
    };
    const attempt = {
      direction: "inbound",
      caller: numberOf(from(request).uri),
      callee: numberOf(request.uri),
      connection: connection.id,
    } as const;
    const obstacle = this.#obstacle();
    if (obstacle !== undefined)
      return this.#attempts.turnAway(incoming, attempt, { status: 503, reason: obstacle }, now);
    const foreign = foreignHost(request, flow, this.#config?.settings?.domains);
    if (foreign !== undefined) {
      const reason = `it is addressed to ${foreign}, which is none of the gateway's domains`;
      return this.#attempts.turnAway(incoming, attempt, { status: 404, reason }, now);
    }
    if (!connection.allowInbound) {
      const reason = `${connection.name} takes no incoming calls`;
      return this.#attempts.turnAway(incoming, attempt, { status: 403, reason }, now);
    }
    const taken = this.#takesPlace(incoming, now);
    if (taken) return taken;
    const full = trunk.inboundFullness;
    if (full !== undefined) {
      const { name, fullStatus = 503 } = connection;
      const reason = `${name} is full: ${full}`;
      const ending = { status: fullStatus, reason, q850: NO_CIRCUIT };
      return this.#attempts.turnAway(incoming, attempt, ending, now);
    }
    const caller = callerOf(request, connection.trustIdentity === true);
    const called = calledUsers(connection, request);
    const directed = this.#director.users(called, { caller, maxForwards: hopsOf(request) }, now);
    const facts = {
      caller: encoded(caller.number),
      callerIsPrivate: caller.isPrivate,
      ...(caller.displayName === undefined ? {} : { callerName: caller.displayName }),
      ...(called.length === 1 && called[0] !== undefined ? { user: called[0] } : {}),
    };
    return this.#place(facts, attempt, incoming, directed, now);
  }

  #messageOut(user: User, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const caller = { number: user.name, displayName: user.displayName, isPrivate: false };
    const journey = { caller, maxForwards: hopsOf(request) };
    const directed = this.#director.dialled(user, parseUri(request.uri)?.user ?? "", journey, now);
    return this.#deliver(flow, request, directed, now);
  }

  #messageIn(trunk: Trunk, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const { connection } = trunk;
    const caller = callerOf(request, connection.trustIdentity === true);
    const journey = { caller, maxForwards: hopsOf(request) };
    const directed = this.#director.users(calledUsers(connection, request), journey, now);
    return this.#deliver(flow, request, directed, now);
  }

  #deliver(flow: Flow, request: SipRequest, directed: Directed, now: Millis): Effect[] {
    if (!directed.ok) return this.#refuse(flow, request, directed.status, directed.reason);
    return this.#messages.send(flow, request, directed.destination, now);
  }

  #answerOptions(flow: Flow, request: SipRequest): Effect[] {
    const headers: [string, string][] = [
      ["Allow", ALLOW],
      ["Accept", "application/sdp"],
    ];
    return this.#stack.reply(flow, createResponse(request, 200, { headers }));
  }

  /** Why no call can be taken at all; undefined when one can. */
  #obstacle(isEmergency = false): string | undefined {
    if (this.#draining) return "the gateway is shutting down";
    if (this.load === "full" && !isEmergency) return "the gateway is busy with the calls it has";
    return this.#calls.isFull ? "the gateway holds as many calls as it can" : undefined;
  }

  /** Counts against the source; see `Strangers`. */
  failed(flow: Flow, why: string, now: Millis): Effect[] {
    return this.#strangers.failed(flow, why, now);
  }

  #refuse(
    flow: Flow,
    request: SipRequest,
    status: number,
    reason: string,
    q850?: number,
  ): Effect[] {
    const headers = status === 503 ? [RETRY_AFTER] : [];
    return this.#stack.reply(flow, refusal(request, status, reason, headers, q850));
  }
}

function hopsOf(request: SipRequest): number {
  return maxForwards(request) ?? MAX_FORWARDS_DEFAULT;
}

/** SEC-10: told once for each country and user. */
function calledAbroad(user: string, country: string): Effect {
  return {
    type: "log",
    level: "warning",
    event: "new-country",
    fields: { user, country: `+${country}` },
  };
}

function notRouted(fields: Record<string, string | number>): Effect {
  return { type: "log", level: "info", event: "call-not-routed", fields };
}
