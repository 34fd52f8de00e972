/**
 * Where a search that failed goes on: by another connection (AMB-02), to the targets of a redirect,
 * one after the other (RFC 3261 §8.1.3.4), then by a forward of the user's. Whether a target may be
 * called is the director's to say.
 */
import type { NameAddr } from "../sip/name-addr.ts";
import type { Candidate, Destination, RouteAsk } from "./destination.ts";
import type { Ending } from "./reason.ts";

/** What came of a search. */
export interface Missed extends Ending {
  readonly why?: "busy" | "noAnswer" | "down" | "other";
  readonly redirects?: readonly string[];
}

export type Detour = Pick<
  RouteAsk,
  "why" | "uri" | "user" | "connection" | "diverted" | "standIn" | "because"
>;

/** Forwards, redirects, transfers and failovers in one call. */
const DETOURS_MAX = 8;
/** Targets one call remembers: a redirect that names more names too many. */
const TARGETS_MAX = 8;
const QVALUE = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** Contacts in the order to try them: by q, 1 where there is none (§20.10), else as they came. */
export function byPreference(contacts: readonly NameAddr[]): NameAddr[] {
  const preference = ({ params }: NameAddr) => {
    const text = params.get("q") ?? "1";
    return QVALUE.test(text) ? Number(text) : 0;
  };
  return [...contacts].sort((a, b) => preference(b) - preference(a));
}

/** The target set of §8.1.3.4: nobody is in it twice. */
export class Detours {
  readonly #waiting: Detour[] = [];
  readonly #known = new Set<string>();
  #taken = 0;

  /** Hops left for the next one of a call that may pass `hops`; undefined where it is one too many. */
  take(hops: number): number | undefined {
    this.#taken += 1;
    return this.#taken > DETOURS_MAX ? undefined : hops - this.#taken;
  }

  /**
   * The next place, after `missed`; undefined where there is none. `destination` is where it was
   * searched, absent where the place was refused before. `callee` is whom the caller asked for.
   */
  next(destination: Destination | undefined, missed: Missed, callee: string): Detour | undefined {
    const instead = destination && failoverOf(destination, missed);
    if (instead) return instead;
    // §21.6: nobody anywhere wants this call.
    if (missed.status >= 600) this.#waiting.splice(0);
    if (destination) this.#add(destination, missed.redirects ?? [], callee);
    return this.#waiting.shift() ?? (destination && forwardOf(destination, missed, callee));
  }

  /** Somebody answered: the rest is of no interest any more. */
  clear(): void {
    this.#waiting.splice(0);
  }

  /** A redirect that came of a redirect is followed before the rest of the first. */
  #add(destination: Destination, redirects: readonly string[], callee: string): void {
    const diverted = { by: callee, reason: "deflection" };
    const fresh: Detour[] = [];
    for (const uri of redirects) {
      if (this.#known.has(uri) || this.#known.size >= TARGETS_MAX) continue;
      this.#known.add(uri);
      fresh.push({ why: "redirect", uri, ...behalfOf(destination), diverted });
    }
    this.#waiting.unshift(...fresh);
  }
}

function failoverOf({ standIn }: Destination, { why, reason }: Missed): Detour | undefined {
  if (why !== "down" || !standIn) return undefined;
  const uri = `sip:${standIn.number}@failover.invalid`;
  return { why: "failover", uri, standIn, because: reason };
}

function forwardOf(destination: Destination, { why }: Missed, callee: string): Detour | undefined {
  const { forward } = destination;
  const number =
    why === "busy" ? forward?.busy : why === "noAnswer" ? forward?.noAnswer : undefined;
  if (number === undefined) return undefined;
  // RFC 5806 §4: the words of Diversion.
  const diverted = { by: callee, reason: why === "busy" ? "user-busy" : "no-answer" };
  const uri = `sip:${number}@forward.invalid`;
  return { why: "forward", uri, ...behalfOf(destination), diverted };
}

/** Who sends the call on: the user who was called, or whoever redirected. */
function behalfOf({ candidates, user }: Destination): Pick<RouteAsk, "user" | "connection"> {
  return user === undefined ? ownerOf(candidates[0]) : { user };
}

function ownerOf(candidate: Candidate | undefined): Pick<RouteAsk, "user" | "connection"> {
  if (candidate?.user !== undefined) return { user: candidate.user };
  return candidate?.connection === undefined ? {} : { connection: candidate.connection };
}
