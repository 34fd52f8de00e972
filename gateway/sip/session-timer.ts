/**
 * The session timer of one dialog: RFC 4028, kept by us on each leg. It says which headers go on
 * our requests and answers, and when the session wants refreshing or is given up.
 *
 *   off ─2xx with Session-Expires─► running ─half the interval─► "refresh" (where we refresh)
 *    │                                 └─ the interval, less a margin ─► "expired"
 *    └─2xx without─► unkept ─each quarter of an hour─► "probe"
 *
 * We prefer to be the refresher: a softphone whose connection comes and goes should owe nothing. Of
 * a peer that keeps no timer we ask now and then whether it is still there (R13): on hold nothing
 * else would tell.
 */
import { type Millis, Timers } from "../machine.ts";
import { tokens } from "./accessors.ts";
import type { SipMessage, SipRequest, SipResponse } from "./message.ts";

/** §5: no interval shorter than this is served, in seconds. */
export const SESSION_INTERVAL_MIN = 90;
/** What our own requests ask for, in seconds (§4). */
export const SESSION_INTERVAL = 1_800;
const SESSION_INTERVAL_MAX = 86_400;
const PROBE_MS = SESSION_INTERVAL * 500;

type Refresher = "uac" | "uas";

export interface SessionExpires {
  /** Seconds. */
  readonly interval: number;
  readonly refresher: Refresher | undefined;
}

/** The header, also in its compact form `x`; undefined when missing or malformed. */
export function sessionExpires(message: SipMessage): SessionExpires | undefined {
  const match = /^\s*([0-9]{1,9})\s*(;.*)?$/.exec(message.headers.get("Session-Expires") ?? "");
  if (!match) return undefined;
  const written = /;\s*refresher\s*=\s*(uac|uas)\b/i.exec(match[2] ?? "")?.[1]?.toLowerCase();
  const refresher = written === "uac" || written === "uas" ? written : undefined;
  return { interval: Number(match[1]), refresher };
}

export class SessionTimer {
  readonly #timers = new Timers<"refresh" | "expire" | "probe">();
  #wanted = SESSION_INTERVAL;
  #least = SESSION_INTERVAL_MIN;
  #interval: number | undefined;

  /** What was agreed, in seconds; undefined while the session has no timer. */
  get interval(): number | undefined {
    return this.#interval;
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** What is due at `now`, once. */
  takeDue(now: Millis): "refresh" | "expired" | "probe" | undefined {
    const due = this.#timers.takeDue(now);
    if (due?.name === "expire") {
      this.stop();
      return "expired";
    }
    if (due?.name === "probe") this.#unkept(now);
    return due?.name;
  }

  stop(): void {
    this.#interval = undefined;
    this.#timers.cancelAll();
  }

  /** For a request of ours that makes or refreshes the session (§7.1, §7.4). */
  requestHeaders(): [string, string][] {
    return [
      ["Session-Expires", `${this.#wanted};refresher=uac`],
      ["Min-SE", String(this.#least)],
    ];
  }

  /** The 2xx to such a request (§7.2): without the header the peer keeps no timer. */
  answered(response: SipResponse, now: Millis): void {
    const agreed = sessionExpires(response);
    if (!agreed) this.#unkept(now);
    else this.#run(agreed.interval, agreed.refresher !== "uas", now);
  }

  /** A 422 to a request of ours (§7.3): true when asking for more may help. */
  raise(response: SipResponse): boolean {
    const least = Number(/^\s*([0-9]{1,9})/.exec(response.headers.get("Min-SE") ?? "")?.[1] ?? 0);
    if (least <= this.#least || least > SESSION_INTERVAL_MAX) return false;
    this.#least = least;
    this.#wanted = Math.max(this.#wanted, least);
    return true;
  }

  /** True for a request of the peer's that asks for too short an interval: 422 (§9). */
  isTooShort(request: SipRequest): boolean {
    const wanted = sessionExpires(request);
    return wanted !== undefined && wanted.interval < this.#least && supportsTimer(request);
  }

  /** The peer's request that makes or refreshes the session: headers for our 2xx (§9). */
  answer(request: SipRequest, now: Millis): [string, string][] {
    const wanted = sessionExpires(request);
    const supported = supportsTimer(request);
    if (!wanted && !supported) {
      this.#unkept(now);
      return [];
    }
    const interval = Math.max(wanted?.interval ?? this.#wanted, this.#least);
    // §9 Table 2: who asked to refresh does; where it is open, or the peer can't, we do.
    const refresher: Refresher = supported && wanted?.refresher === "uac" ? "uac" : "uas";
    this.#run(interval, refresher === "uas", now);
    const value: [string, string] = ["Session-Expires", `${interval};refresher=${refresher}`];
    return refresher === "uac" ? [["Require", "timer"], value] : [value];
  }

  #unkept(now: Millis): void {
    this.stop();
    this.#timers.arm("probe", now + PROBE_MS);
  }

  #run(interval: number, isOurs: boolean, now: Millis): void {
    const seconds = Math.min(Math.max(interval, SESSION_INTERVAL_MIN), SESSION_INTERVAL_MAX);
    this.#interval = seconds;
    this.#timers.cancelAll();
    if (isOurs) this.#timers.arm("refresh", now + seconds * 500);
    // §10: the side that does not refresh leaves a margin for a refresh that is late.
    const margin = isOurs ? 0 : Math.min(32, seconds / 3);
    this.#timers.arm("expire", now + (seconds - margin) * 1_000);
  }
}

function supportsTimer(message: SipMessage): boolean {
  return tokens(message, "Supported").includes("timer");
}
