/**
 * Our registration with a PBX: RFC 3261 §10.2, one machine a connection (REG-01 to REG-05).
 *
 *   idle ─start─► registering ─200─► registered ─refresh due─► refreshing ─200─► registered
 *                      │                                           │
 *                      └─ failed │ auth-failed │ unreachable ◄─────┘   each tries again later
 *
 * It asks its connection's trunk for a flow, sends REGISTER over it and always knows the last
 * answer, the reason in words and the time of the next attempt. It never gives up by itself.
 */
import type { Connection } from "../../schema/config.ts";
import { type Millis, Timers } from "../machine.ts";
import { type Random, randomFraction, randomToken } from "../random.ts";
import { contacts, expires } from "../sip/accessors.ts";
import { createRequest } from "../sip/build.ts";
import { answerChallenge, type DigestState } from "../sip/digest-client.ts";
import { type Flow, leadsToSamePlace } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { parseUri } from "../sip/uri.ts";
import { contactUri, credentialsOf, localUri, registrarUri, routesOf } from "./identity.ts";
import { type KnownPlace, LastPlace } from "./last-place.ts";
import { type RegisteredWay, registeredWay } from "./registered-way.ts";
import type { RegistrationState } from "./status.ts";

const RETRY_FIRST_MS = 5_000;
/** Of a PBX that answers and refuses (REG-05). */
const RETRY_MAX_MS = 25_000;
/** Of one that is not there: it is back within 15 seconds of its return, and R4 has 35. */
const UNREACHABLE_RETRY_MAX_MS = 10_000;
/** Between attempts once the credentials were refused this often (REG-05). */
const REFUSED_TRIES = 3;
const REFUSED_RETRY_MS = 600_000;
const GRANTED_DEFAULT_SECONDS = 300;

export type RegistrationOutput =
  /** A flow is needed; answered by `flowReady` or `flowFailed`. */
  | { type: "reach" }
  | { type: "request"; flow: Flow; request: SipRequest }
  /** The flow led nowhere: look its address up anew next time. */
  | { type: "abandon"; reason: string }
  | { type: "changed" }
  /** Un-registered, or nothing was registered: the machine is done. */
  | { type: "stopped" };

export class Registration {
  readonly #connection: Connection;
  readonly #random: Random;
  readonly #timers = new Timers<"attempt">();
  readonly #callId: string;
  /** The user part of our Contact: unguessable, so that it identifies the PBX's calls (REG-06). */
  readonly contactUser: string;

  #state: RegistrationState = "idle";
  #reason = "not tried yet";
  #since: Millis;
  #lastStatus: number | undefined;
  #grantedSeconds: number | undefined;
  #registeredUntil: Millis = 0;
  #wantedSeconds: number;
  #cseq = 0;
  #digest: DigestState = {};
  #challenged = 0;
  #failures = 0;
  #refusals = 0;
  #stopping = false;
  #pending: Flow | undefined;
  #way: RegisteredWay = {};
  readonly #place: LastPlace;

  constructor(connection: Connection, random: Random, now: Millis, known?: KnownPlace) {
    this.#place = new LastPlace(connection, known);
    this.#connection = connection;
    this.#random = random;
    this.#wantedSeconds = connection.registrationExpires;
    this.#callId = randomToken(random, 12);
    this.contactUser = randomToken(random, 10);
    this.#since = now;
  }

  get status() {
    return {
      registration: this.#state,
      reason: this.#reason,
      since: this.#since,
      lastStatus: this.#lastStatus,
      grantedSeconds: this.#grantedSeconds,
      nextAttempt: this.#timers.at("attempt"),
      way: this.#way,
    };
  }

  /** True while the PBX holds our binding, also while it is being refreshed. */
  isRegistered(now: Millis): boolean {
    return this.#registeredUntil > now;
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** Registers after up to `spreadMs` of jitter, so that a restart is no storm (REG-03). */
  start(spreadMs: number, now: Millis): void {
    this.#timers.arm("attempt", now + Math.round(randomFraction(this.#random) * spreadMs));
  }

  timeout(now: Millis): RegistrationOutput[] {
    if (!this.#timers.takeDue(now)) return [];
    this.#digest = {};
    this.#enter(this.isRegistered(now) ? "refreshing" : "registering", "asking the PBX", now);
    return [{ type: "reach" }, { type: "changed" }];
  }

  flowReady(flow: Flow): RegistrationOutput[] {
    if (this.#state !== "registering" && this.#state !== "refreshing") return [];
    return this.#send(flow);
  }

  flowFailed(reason: string, now: Millis): RegistrationOutput[] {
    if (this.#stopping) return this.#stopped(now);
    if (this.#state !== "registering" && this.#state !== "refreshing") return [];
    return this.#fail("unreachable", reason, undefined, now);
  }

  /** The connection closed under a live registration: over a stream the PBX can't call any more. */
  flowClosed(now: Millis): RegistrationOutput[] {
    if (this.#stopping) return this.#stopped(now);
    if (this.#state !== "registered") return [];
    this.#registeredUntil = now;
    return this.#fail("unreachable", "the connection to the PBX was closed", undefined, now);
  }

  failed(reason: "timeout" | "transport" | "unacknowledged", now: Millis): RegistrationOutput[] {
    this.#pending = undefined;
    if (this.#stopping) return this.#stopped(now);
    const sentence = this.#place.explained(
      reason === "timeout"
        ? "the PBX did not answer within 32 seconds"
        : "the PBX can't be reached",
    );
    return [
      { type: "abandon", reason: sentence },
      ...this.#fail("unreachable", sentence, undefined, now),
    ];
  }

  received(response: SipResponse, flow: Flow, now: Millis): RegistrationOutput[] {
    if (response.status < 200) return [];
    const isOwn = this.#pending !== undefined && leadsToSamePlace(this.#pending, flow);
    this.#pending = undefined;
    if (isOwn) this.#place.answered();
    this.#lastStatus = response.status;
    const isChallenge = response.status === 401 || response.status === 407;
    if (isChallenge && isOwn) return this.#challengedBy(response, flow, now);
    if (this.#stopping) return this.#stopped(now);
    if (isChallenge) {
      // Credentials go only where the request went (S6).
      return this.#fail("failed", "a challenge came from a foreign address", undefined, now);
    }
    if (response.status < 300) {
      this.#way = registeredWay(response, this.contactUser, flow);
      return this.#granted(response, now);
    }
    if (response.status === 423) return this.#tooBrief(response, flow, now);
    if (response.status === 403 || response.status === 404) {
      return this.#refused(`the PBX refused with ${describe(response)}`, now);
    }
    return this.#fail(
      "failed",
      `the PBX answered ${describe(response)}`,
      retryAfter(response),
      now,
    );
  }

  /** Withdraws the binding: `Expires: 0`. */
  stop(flow: Flow | undefined, now: Millis): RegistrationOutput[] {
    this.#timers.cancelAll();
    this.#stopping = true;
    if (!flow || !this.isRegistered(now)) return this.#stopped(now);
    this.#wantedSeconds = 0;
    this.#challenged = 0;
    this.#digest = {};
    this.#enter("unregistering", "withdrawing the registration", now);
    return [...this.#send(flow), { type: "changed" }];
  }

  #send(flow: Flow, authorization: [string, string][] = []): RegistrationOutput[] {
    this.#cseq += 1;
    this.#pending = flow;
    this.#place.asked(flow);
    const aor = { uri: localUri(this.#connection), params: new Map<string, string | undefined>() };
    const request = createRequest({
      method: "REGISTER",
      uri: registrarUri(this.#connection),
      from: { ...aor, params: new Map([["tag", randomToken(this.#random, 6)]]) },
      to: aor,
      callId: this.#callId,
      cseq: this.#cseq,
      contact: `<${contactUri(this.contactUser, flow)}>`,
      routes: routesOf(this.#connection),
      headers: [["Expires", String(this.#wantedSeconds)], ["Supported", "path"], ...authorization],
    });
    return [{ type: "request", flow, request }];
  }

  #challengedBy(response: SipResponse, flow: Flow, now: Millis): RegistrationOutput[] {
    this.#challenged += 1;
    const credentials = credentialsOf(this.#connection);
    const what = {
      method: "REGISTER",
      uri: registrarUri(this.#connection),
      body: new Uint8Array(0),
    };
    const answer = credentials
      ? answerChallenge(response, credentials, what, this.#digest, this.#random)
      : ({ ok: false, reason: "the PBX wants a password and none is set" } as const);
    if (answer.ok && this.#challenged <= 3) return this.#send(flow, answer.headers);
    if (this.#stopping) return this.#stopped(now);
    return this.#refused(answer.ok ? "the PBX keeps asking for the password" : answer.reason, now);
  }

  /**
   * REG-02: the grant is the `expires` of our own Contact, else `Expires`, else 300 s. After a start,
   * of ours or the PBX's, many registrations were made at once: the first refreshes are spread over
   * the whole grant, so that from then on they come evenly (R3).
   */
  #granted(response: SipResponse, now: Millis): RegistrationOutput[] {
    const seconds = this.#grantOf(response);
    this.#grantedSeconds = seconds;
    this.#registeredUntil = now + seconds * 1_000;
    this.#failures = 0;
    this.#refusals = 0;
    this.#challenged = 0;
    const wait = seconds < 80 ? 0.5 * seconds : Math.min(0.8 * seconds, seconds - 40);
    const chance = randomFraction(this.#random);
    const jitter = this.#state === "refreshing" ? 0.95 + 0.1 * chance : 0.1 + 0.95 * chance;
    this.#timers.arm("attempt", now + Math.round(Math.min(wait * jitter, 300) * 1_000));
    this.#enter("registered", `registered for ${seconds} s`, now);
    return [{ type: "changed" }];
  }

  #grantOf(response: SipResponse): number {
    const bindings = contacts(response);
    if (bindings !== "*") {
      const ours = bindings.find((it) => parseUri(it.uri)?.user === this.contactUser);
      const own = ours?.params.get("expires");
      if (own !== undefined && /^[0-9]{1,9}$/.test(own)) return Math.max(1, Number(own));
    }
    return Math.max(1, expires(response) ?? GRANTED_DEFAULT_SECONDS);
  }

  #tooBrief(response: SipResponse, flow: Flow, now: Millis): RegistrationOutput[] {
    const minimum = Number(response.headers.get("Min-Expires"));
    const usable = Number.isInteger(minimum) && minimum > this.#wantedSeconds && minimum <= 86_400;
    if (!usable)
      return this.#fail("failed", `the PBX answered ${describe(response)}`, undefined, now);
    this.#wantedSeconds = minimum;
    return this.#send(flow);
  }

  #refused(reason: string, now: Millis): RegistrationOutput[] {
    this.#refusals += 1;
    const wait = this.#refusals >= REFUSED_TRIES ? REFUSED_RETRY_MS : undefined;
    return this.#fail("auth-failed", reason, wait, now);
  }

  #fail(
    state: "failed" | "auth-failed" | "unreachable",
    reason: string,
    waitMs: number | undefined,
    now: Millis,
  ): RegistrationOutput[] {
    const longest = state === "unreachable" ? UNREACHABLE_RETRY_MAX_MS : RETRY_MAX_MS;
    const backOff = Math.min(RETRY_FIRST_MS * 2 ** this.#failures, longest);
    this.#failures += 1;
    this.#challenged = 0;
    const jitter = 0.8 + 0.4 * randomFraction(this.#random);
    this.#timers.arm("attempt", now + Math.round(waitMs ?? backOff * jitter));
    this.#enter(state, reason, now);
    return [{ type: "changed" }];
  }

  #stopped(now: Millis): RegistrationOutput[] {
    this.#timers.cancelAll();
    this.#registeredUntil = now;
    this.#enter("idle", "withdrawn", now);
    return [{ type: "stopped" }, { type: "changed" }];
  }

  #enter(state: RegistrationState, reason: string, now: Millis): void {
    if (state !== this.#state) this.#since = now;
    this.#state = state;
    this.#reason = reason;
  }
}

function describe(response: SipResponse): string {
  return `${response.status} ${response.reason}`.trim();
}

/** `Retry-After` in milliseconds (RFC 3261 §20.33), at most an hour. */
function retryAfter(response: SipResponse): number | undefined {
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds, 3_600) * 1_000 : undefined;
}
