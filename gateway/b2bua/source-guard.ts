/**
 * What a source of messages may do to us before it has proved anything (S4, S9, S11): how many
 * messages are looked at, how many refusals it gets, and when it is not listened to at all. A flood
 * costs its own source only; the PBXs' own addresses have room for a busy hour and are never banned.
 *
 * A source is an address, of IPv6 the network of one customer (/64); a softphone is its WebSocket,
 * for whole offices come from one address.
 */
import { SOURCES_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { Flow } from "../sip/flow.ts";

export interface Ban {
  readonly source: string;
  readonly reason: string;
  readonly until: Millis;
}

interface Source {
  /** Messages it may send now, and refusals it may get. */
  messages: number;
  refusals: number;
  filledAt: Millis;
  /** Undefined where it is found out anew with the next message. */
  isTrusted: boolean | undefined;
  /** A challenge that was not answered is a tenth of one. */
  failures: number;
  failuresSince: Millis;
  bans: number;
  ban: Ban | undefined;
}

/** Messages a second, and at once: a softphone's flow or a stranger; a PBX. */
const RATE = { stranger: 50, trusted: 2_000 };
const BURST = { stranger: 200, trusted: 8_000 };
const REFUSALS_PER_SECOND = 5;
/** Lines in the log about strangers, a second and at once: a flood must not fill the disk. */
const LOG_LINES_PER_SECOND = 10;
const LOG_LINES_BURST = 50;
const FAILURES_MAX = 10;
const FAILURES_WITHIN_MS = 60_000;
const BAN_MS = 300_000;
const BAN_MS_MAX = 86_400_000;
const SCANNERS =
  /friendly-scanner|sipvicious|sipcli|sip-scan|smap|sundayddr|iwar|sivus|gulp|sipv|vaxsip|pplsip/i;

/** Tools that look for gateways to rob: they get no answer, so that they learn of none. */
export function isScanner(userAgent: string | undefined): boolean {
  return userAgent !== undefined && SCANNERS.test(userAgent);
}

export class SourceGuard {
  readonly #isTrusted: (flow: Flow) => boolean;
  readonly #sources = new Map<string, Source>();
  #lines = LOG_LINES_BURST;
  #linesAt: Millis = 0;

  /** `isTrusted`: a connection's own flow, or an address on an allow list. */
  constructor(isTrusted: (flow: Flow) => boolean) {
    this.#isTrusted = isTrusted;
  }

  /** The allow lists changed: who is trusted is found out anew, bans stay. */
  configured(): void {
    for (const [key, source] of this.#sources) this.#doubt(key, source);
  }

  /** A source proved itself, or is gone: who is trusted is found out anew. */
  changed(flow: Flow): void {
    const key = keyOf(flow);
    const source = this.#sources.get(key);
    if (source) this.#doubt(key, source);
  }

  /** Before a message is read: false where it is not even looked at. */
  admits(flow: Flow, now: Millis): boolean {
    const source = this.#source(flow, now);
    if (source.ban && this.#isBanned(source, now)) return false;
    if (source.messages < 1) return false;
    source.messages -= 1;
    return true;
  }

  /** Whether a refusal may be sent to a source that has proved nothing (S11). */
  mayRefuse(flow: Flow, now: Millis): boolean {
    const source = this.#source(flow, now);
    if (source.isTrusted) return true;
    if (source.refusals < 1) return false;
    source.refusals -= 1;
    return true;
  }

  /** Whether the log may have another line about what strangers do; they are counted anyway. */
  mayLog(now: Millis): boolean {
    const seconds = (now - this.#linesAt) / 1_000;
    this.#lines = Math.min(LOG_LINES_BURST, this.#lines + seconds * LOG_LINES_PER_SECOND);
    this.#linesAt = now;
    if (this.#lines < 1) return false;
    this.#lines -= 1;
    return true;
  }

  /** A wrong password, or a call from nowhere; a ban when there were too many. */
  failed(flow: Flow, reason: string, now: Millis, weight = 1): Ban | undefined {
    const source = this.#source(flow, now);
    if (source.isTrusted || source.ban) return undefined;
    if (now - source.failuresSince > FAILURES_WITHIN_MS) {
      source.failures = 0;
      source.failuresSince = now;
    }
    source.failures += weight;
    if (source.failures < FAILURES_MAX) return undefined;
    const forMs = Math.min(BAN_MS * 4 ** source.bans, BAN_MS_MAX);
    source.bans += 1;
    source.failures = 0;
    source.ban = { source: keyOf(flow), reason, until: now + forMs };
    return source.ban;
  }

  /** Who is not listened to now. */
  bans(now: Millis): Ban[] {
    return [...this.#sources.values()].flatMap(({ ban }) => (ban && ban.until > now ? [ban] : []));
  }

  /** Ends the ban of a source, by the name `bans` has for it; false where there is none. */
  lift(banned: string): boolean {
    const source = [...this.#sources.values()].find(({ ban }) => ban?.source === banned);
    if (!source) return false;
    source.ban = undefined;
    source.bans = 0;
    return true;
  }

  /** A ban outlives what the source was taken for, and that it was is found out after it. */
  #doubt(key: string, source: Source): void {
    if (source.ban) source.isTrusted = undefined;
    else this.#sources.delete(key);
  }

  #isBanned(source: Source, now: Millis): boolean {
    if (!source.ban || source.ban.until > now) return source.ban !== undefined;
    source.ban = undefined;
    return false;
  }

  /** The source with its buckets filled up to now. */
  #source(flow: Flow, now: Millis): Source {
    const key = keyOf(flow);
    let source = this.#sources.get(key);
    if (!source) {
      source = this.#newSource(flow, now);
      if (this.#sources.size >= SOURCES_MAX) this.#forgetOldest();
      this.#sources.set(key, source);
    }
    source.isTrusted ??= this.#isTrusted(flow);
    const kind = source.isTrusted ? "trusted" : "stranger";
    const seconds = (now - source.filledAt) / 1_000;
    source.messages = Math.min(BURST[kind], source.messages + seconds * RATE[kind]);
    source.refusals = Math.min(
      REFUSALS_PER_SECOND,
      source.refusals + seconds * REFUSALS_PER_SECOND,
    );
    source.filledAt = now;
    return source;
  }

  #newSource(flow: Flow, now: Millis): Source {
    const isTrusted = this.#isTrusted(flow);
    return {
      messages: isTrusted ? BURST.trusted : BURST.stranger,
      refusals: REFUSALS_PER_SECOND,
      filledAt: now,
      isTrusted,
      failures: 0,
      failuresSince: now,
      bans: 0,
      ban: undefined,
    };
  }

  /** The one known longest goes, unless it is banned: a ban is not washed away by a flood. */
  #forgetOldest(): void {
    for (const [key, { ban }] of this.#sources) {
      if (ban) continue;
      this.#sources.delete(key);
      return;
    }
  }
}

function keyOf({ id, transport, remote }: Flow): string {
  if (transport === "ws" || transport === "wss") return id;
  const { address } = remote;
  if (!address.includes(":")) return address;
  return `${networkOf(address)}::/64`;
}

/** The first four groups of an IPv6 address, `::` written out. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  if (tail === undefined) return before.slice(0, 4).join(":");
  const after = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].slice(0, 4).join(":");
}
