/**
 * What an operator is woken for (OPS-03, SEC-06), and when it is over: pure rules over what the
 * gateway says of itself. Each alert is told once when it begins and once when it ends.
 */
import type { Config, Connection } from "../../schema/config.ts";
import type { Status } from "../b2bua/status.ts";
import type { Millis, WallMillis } from "../machine.ts";
import type { CallingHabits } from "./calling-habits.ts";
import { Condition, type Patience } from "./condition.ts";

export const ALERT_RULES = [
  "registration-failed",
  "trunk-down",
  "capacity",
  "calls-per-minute",
  "minutes-per-day",
  "new-country",
  "certificate",
  "disk-full",
  "ban",
] as const;

export type AlertRule = (typeof ALERT_RULES)[number];

export interface AlertChange {
  readonly change: "raised" | "recovered";
  readonly rule: AlertRule;
  /** What it is about: a connection's name, a user's, a certificate's, the disk. */
  readonly subject: string;
  /** One sentence. */
  readonly text: string;
  readonly at: WallMillis;
}

/** What the rules look at. */
export interface Observation {
  readonly status: Status;
  readonly config: Config;
  readonly habits: CallingHabits;
  readonly disk?: {
    readonly freeBytes: number;
    readonly totalBytes: number;
    readonly failed: boolean;
  };
  readonly wallNow: WallMillis;
}

export interface AlertLimits {
  /** Rules that are not told. */
  readonly silent?: readonly AlertRule[];
  /** 50 to 100, default 80. */
  readonly capacityPercent?: number;
}

/** Two intervals of registration are waited for, but nobody waits longer than this. */
const REGISTRATION_FAILED_MAX_MS = 600_000;
const CAPACITY_PERCENT = 80;
/** Below the limit by so much a capacity alert is over. */
const CAPACITY_BACK = 0.1;
const DISK_BYTES_LEAST = 100 * 1_048_576;
const DISK_SHARE_LEAST = 0.02;
const AT_ONCE: Patience = { raiseMs: 0, clearMs: 0 };
const FLUTTERING: Patience = { raiseMs: 0, clearMs: 60_000 };
/** Subjects under watch; past it new ones are not told. */
const CONDITIONS_MAX = 20_000;

interface Matter {
  rule: AlertRule;
  subject: string;
  isSo: boolean;
  text: string;
  patience: Patience;
}

export class AlertRules {
  readonly #conditions = new Map<string, { condition: Condition; matter: Matter }>();
  /** Since when a registration isn't one, by connection. */
  readonly #failing = new Map<number, Millis>();

  /** What changed since it was asked last. */
  observe(observation: Observation, limits: AlertLimits, now: Millis): AlertChange[] {
    const silent = new Set(limits.silent);
    // What was raised before its rule fell silent is not told as over, for it may not be.
    for (const [key, { matter }] of this.#conditions) {
      if (silent.has(matter.rule)) this.#conditions.delete(key);
    }
    const matters = [
      ...this.#connections(observation, limits, now),
      ...certificates(observation),
      ...disk(observation),
      ...callers(observation),
      ...bans(observation),
    ].filter(({ rule }) => !silent.has(rule));
    const changes = matters.flatMap((matter) => this.#seen(matter, observation.wallNow, now));
    // What is not mentioned any more is over: a deleted connection, a user who is usual again.
    const mentioned = new Set(matters.map(keyOf));
    for (const [key, { matter }] of this.#conditions) {
      if (mentioned.has(key)) continue;
      changes.push(...this.#seen({ ...matter, isSo: false }, observation.wallNow, now));
      if (this.#conditions.get(key)?.condition.isRaised === false) this.#conditions.delete(key);
    }
    return changes;
  }

  /** What is the matter at present. */
  get raised(): readonly { rule: AlertRule; subject: string; text: string }[] {
    return [...this.#conditions.values()]
      .filter(({ condition }) => condition.isRaised)
      .map(({ matter: { rule, subject, text } }) => ({ rule, subject, text }));
  }

  #seen(matter: Matter, at: WallMillis, now: Millis): AlertChange[] {
    const key = keyOf(matter);
    let known = this.#conditions.get(key);
    if (!known) {
      if (!matter.isSo || this.#conditions.size >= CONDITIONS_MAX) return [];
      known = { condition: new Condition(matter.patience), matter };
      this.#conditions.set(key, known);
    }
    if (matter.isSo) known.matter = matter;
    const change = known.condition.seen(matter.isSo, now);
    if (change === undefined) return [];
    const { rule, subject } = matter;
    const text = change === "raised" ? matter.text : `over: ${known.matter.text}`;
    return [{ change, rule, subject, text, at }];
  }

  *#connections(
    { status, config }: Observation,
    limits: AlertLimits,
    now: Millis,
  ): Generator<Matter> {
    const configured = new Map<number, Connection>(config.connections.map((it) => [it.id, it]));
    const present = new Set<number>(status.connections.map(({ id }) => id));
    for (const id of this.#failing.keys()) if (!present.has(id)) this.#failing.delete(id);
    for (const it of status.connections) {
      const connection = configured.get(it.id);
      if (!connection) continue;
      const subject = it.name;
      const intervalMs = 2 * connection.registrationExpires * 1_000;
      const isFailing = this.#isFailing(it.id, it.registration, now);
      yield {
        rule: "registration-failed",
        subject,
        isSo:
          isFailing !== undefined &&
          now - isFailing >= Math.min(intervalMs, REGISTRATION_FAILED_MAX_MS),
        text: `${subject} is not registered: ${it.reason}`,
        patience: AT_ONCE,
      };
      yield {
        rule: "trunk-down",
        subject,
        isSo: it.reachability?.state === "down",
        text: `${subject} is down: ${it.reachability?.reason ?? ""}`,
        patience: AT_ONCE,
      };
      yield this.#capacity(subject, it.callsNow, connection.maxCalls, limits);
    }
  }

  #isFailing(id: number, state: string, now: Millis): Millis | undefined {
    const isUp = [
      "registered",
      "refreshing",
      "not-applicable",
      "disabled",
      "unregistering",
    ].includes(state);
    if (isUp) this.#failing.delete(id);
    else if (!this.#failing.has(id)) this.#failing.set(id, now);
    return this.#failing.get(id);
  }

  #capacity(subject: string, calls: number, max: number | undefined, limits: AlertLimits): Matter {
    const percent = limits.capacityPercent ?? CAPACITY_PERCENT;
    const share = max === undefined || max === 0 || max >= 9_999 ? 0 : calls / max;
    const known = this.#conditions.get(`capacity\n${subject}`);
    const limit = percent / 100 - (known?.condition.isRaised ? CAPACITY_BACK : 0);
    return {
      rule: "capacity",
      subject,
      isSo: share > limit,
      text: `${subject} has ${calls} calls of at most ${max}`,
      patience: FLUTTERING,
    };
  }
}

function keyOf({ rule, subject }: Matter): string {
  return `${rule}\n${subject}`;
}

function certificates({ status }: Observation): Matter[] {
  return status.certificates.map(({ names, isDue, daysLeft }) => {
    const subject = names[0] ?? "without a name";
    const text =
      daysLeft < 0
        ? `the certificate of ${subject} has expired`
        : `the certificate of ${subject} expires in ${daysLeft} days`;
    return { rule: "certificate", subject, isSo: isDue, text, patience: AT_ONCE };
  });
}

function disk({ disk: seen }: Observation): Matter[] {
  if (!seen) return [];
  const { freeBytes, totalBytes, failed } = seen;
  const least = Math.min(DISK_BYTES_LEAST, totalBytes * DISK_SHARE_LEAST);
  const text = failed
    ? "the database can't be written; calls go on"
    : `${Math.floor(freeBytes / 1_048_576)} MiB are left on the disk of the data`;
  return [
    {
      rule: "disk-full",
      subject: "disk",
      isSo: failed || freeBytes < least,
      text,
      patience: FLUTTERING,
    },
  ];
}

function callers({ habits, config, wallNow }: Observation): Matter[] {
  return habits.unusual(wallNow).map(({ rule, user, text, country }) => {
    const name = config.users.find(({ id }) => id === user)?.name ?? String(user);
    // Two new countries are two alerts.
    const subject = country === undefined ? name : `${name} called ${country}`;
    return { rule, subject, isSo: true, text: `${name}: ${text}`, patience: FLUTTERING };
  });
}

function bans({ status }: Observation): Matter[] {
  return status.bans.map(({ source, reason }) => ({
    rule: "ban",
    subject: source,
    isSo: true,
    text: `${source} is not listened to: ${reason}`,
    patience: AT_ONCE,
  }));
}
