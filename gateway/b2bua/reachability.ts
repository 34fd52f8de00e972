/**
 * Whether a PBX can be reached: OPTIONS now and then (RFC 3261 §11), judged by several answers, not
 * by one (ADM-03, ADM-04).
 *
 *   unknown ──────any answer──────► ok ─no answer─► degraded ─third in a row─► down
 *      └─no answer─► degraded        ▲─────────────────┴───────any answer────────┘
 *                                         503: down at once, the PBX says so itself
 *
 * It asks its connection's trunk for a flow, as the registration does, and never gives up.
 */
import type { Connection } from "../../schema/config.ts";
import { type Millis, Timers } from "../machine.ts";
import { type Random, randomFraction, randomToken } from "../random.ts";
import { createRequest } from "../sip/build.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import { contactUri, localUri, registrarUri, routesOf } from "./identity.ts";
import { type KnownPlace, LastPlace } from "./last-place.ts";
import type { ReachabilityState, ReachabilityStatus } from "./status.ts";

/** A PBX that says nothing for so long has missed a probe; a later answer still counts. */
const PATIENCE_MS = 8_000;
/** After a miss the next one follows soon, so that a return is noticed within seconds. */
const AGAIN_MS = 2_000;
const MISSES_MAX = 3;

export class Reachability {
  readonly #connection: Connection;
  readonly #intervalMs: number;
  readonly #random: Random;
  readonly #timers = new Timers<"probe" | "patience">();
  readonly #callId: string;
  #cseq = 0;
  #sentAt: Millis = 0;
  #misses = 0;
  #state: ReachabilityState = "unknown";
  #reason = "not asked yet";
  #since: Millis;
  #roundTripMs: number | undefined;
  readonly #place: LastPlace;

  /** `intervalSeconds` between probes of a PBX that answers. */
  constructor(
    connection: Connection,
    intervalSeconds: number,
    random: Random,
    now: Millis,
    known?: KnownPlace,
  ) {
    this.#connection = connection;
    this.#intervalMs = intervalSeconds * 1_000;
    this.#random = random;
    this.#callId = randomToken(random, 12);
    this.#since = now;
    this.#place = new LastPlace(connection, known);
  }

  get status(): Omit<ReachabilityStatus, "since"> & { since: Millis } {
    const roundTrip = this.#roundTripMs === undefined ? {} : { roundTripMs: this.#roundTripMs };
    return { state: this.#state, reason: this.#reason, since: this.#since, ...roundTrip };
  }

  /** Probes after up to `spreadMs` of jitter. */
  start(spreadMs: number, now: Millis): void {
    this.#timers.arm("probe", now + Math.round(randomFraction(this.#random) * spreadMs));
  }

  stop(): void {
    this.#timers.cancelAll();
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** `probe`: a flow is wanted, see `request`; `missed`: nothing was heard. */
  timeout(now: Millis): "probe" | "missed" | undefined {
    const due = this.#timers.takeDue(now);
    if (!due) return undefined;
    if (due.name === "probe") return "probe";
    this.missed(this.#place.explained("the PBX doesn't answer OPTIONS"), now);
    return "missed";
  }

  /** The next probe; the trunk sends it. `connection`: as it is known now, where that may change. */
  request(flow: Flow, now: Millis, connection: Connection = this.#connection): SipRequest {
    this.#cseq += 1;
    this.#sentAt = now;
    this.#timers.arm("patience", now + PATIENCE_MS);
    this.#place.asked(flow);
    const params = new Map<string, string | undefined>();
    const own = new Map([["tag", randomToken(this.#random, 6)]]);
    return createRequest({
      method: "OPTIONS",
      uri: registrarUri(connection),
      from: { uri: localUri(connection), params: own },
      to: { uri: registrarUri(connection), params },
      callId: this.#callId,
      cseq: this.#cseq,
      contact: `<${contactUri(connection.username ?? "jackfield", flow)}>`,
      routes: routesOf(connection),
      headers: [["Accept", "application/sdp"]],
    });
  }

  /** Any answer says that somebody is there; a 503 that it can't serve. */
  answered(status: number, now: Millis): void {
    this.#timers.cancel("patience");
    this.#roundTripMs = Math.round(now - this.#sentAt);
    this.#place.answered();
    if (status === 503) {
      this.#misses = MISSES_MAX;
      this.#enter("down", "the PBX says that it is out of service (503)", now);
      this.#timers.arm("probe", now + PATIENCE_MS);
      return;
    }
    this.#misses = 0;
    this.#enter("ok", `the PBX answers (${status})`, now);
    const jitter = 0.9 + 0.2 * randomFraction(this.#random);
    this.#timers.arm("probe", now + Math.round(this.#intervalMs * jitter));
  }

  /** No answer, or no way there. */
  missed(reason: string, now: Millis): void {
    this.#timers.cancel("patience");
    this.#misses += 1;
    this.#enter(this.#misses >= MISSES_MAX ? "down" : "degraded", reason, now);
    this.#timers.arm("probe", now + AGAIN_MS);
  }

  #enter(state: ReachabilityState, reason: string, now: Millis): void {
    if (state !== this.#state) this.#since = now;
    this.#state = state;
    this.#reason = reason;
  }
}
