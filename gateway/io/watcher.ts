/**
 * Looks at the gateway once a second, and tells what changed: to the history of connections, to the
 * alerts and their web hook, to the audit log. It costs calls nothing: what can't be written waits,
 * bounded.
 */
import type { Place } from "../b2bua/last-place.ts";
import type { CallRecord, Status } from "../b2bua/status.ts";
import type { Millis, WallMillis } from "../machine.ts";
import { type AlertChange, AlertRules, type Observation } from "../watch/alert-rules.ts";
import { CallingHabits, type Habit } from "../watch/calling-habits.ts";
import { type StatusChange, StatusHistory } from "../watch/status-history.ts";
import type { Log } from "./log.ts";

export interface WatcherOptions {
  status: () => Status;
  /** As it is stored now. */
  config: () => Promise<Observation["config"]>;
  habits: readonly Habit[];
  addChanges: (changes: readonly StatusChange[]) => Promise<void>;
  /** Where a connection's PBX answers. */
  keepPlace: (connection: number, place: Place) => Promise<void>;
  addAlert: (alert: AlertChange) => Promise<void>;
  /** Somebody who is not listened to any more. */
  banned: (source: string, reason: string) => Promise<void>;
  deliver: (alert: AlertChange) => void;
  /** Room on the disk of the data. */
  disk: () => Promise<{ freeBytes: number; totalBytes: number } | undefined>;
  now: () => Millis;
  wallNow: () => WallMillis;
  log: Log;
}

const LOOK_MS = 1_000;
/** What waits for a disk that can't be written. */
const WAITING_MAX = 10_000;
const DISK_EVERY = 10;

export class Watcher {
  readonly #options: WatcherOptions;
  readonly #history = new StatusHistory();
  readonly #rules = new AlertRules();
  readonly #habits: CallingHabits;
  readonly #banned = new Set<string>();
  /** Where PBXs answered, as it was written last. */
  readonly #places = new Map<number, Place>();
  #waiting: StatusChange[] = [];
  #waitingAlerts: AlertChange[] = [];
  #disk: Observation["disk"];
  #looks = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #canWrite = true;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#habits = new CallingHabits(options.habits);
  }

  start(): void {
    this.#timer = setTimeout(async () => {
      await this.#look().catch((error: Error) => {
        this.#options.log("error", "fault", { where: "watcher", detail: error.stack ?? "" });
      });
      if (!this.#isStopped) this.start();
    }, LOOK_MS);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Whether what is told to the database is written at present (D4). */
  get canWrite(): boolean {
    return this.#canWrite;
  }

  get alerts(): AlertRules["raised"] {
    return this.#rules.raised;
  }

  /** A call that ended. */
  ended({ user, direction, ...record }: CallRecord): void {
    if (user !== undefined && direction === "outbound") this.#habits.seen({ ...record, user });
  }

  async #look(): Promise<void> {
    const { status: look, config: load, disk, now, wallNow, deliver } = this.#options;
    const status = look();
    const at = wallNow();
    for (const { user, direction, ...call } of status.calls) {
      if (user !== undefined && direction === "outbound") this.#habits.seen({ ...call, user });
    }
    this.#waiting.push(...this.#history.changes(status.connections, at));
    if (this.#looks++ % DISK_EVERY === 0) {
      const room = await disk();
      this.#disk = room && { ...room, failed: !this.#canWrite };
    }
    const config = await load().catch(() => undefined);
    if (config) {
      const observation = { status, config, habits: this.#habits, wallNow: at };
      const limits = config.settings?.alerts ?? {};
      const full = this.#disk ? { ...observation, disk: this.#disk } : observation;
      for (const alert of this.#rules.observe(full, limits, now())) {
        const { change, rule, subject, text } = alert;
        this.#options.log("warning", "alert", { change, rule, subject, text });
        this.#waitingAlerts.push(alert);
        deliver(alert);
      }
    }
    await this.#write(status);
  }

  async #write(status: Status): Promise<void> {
    const changes = this.#waiting.splice(0, WAITING_MAX);
    const alerts = this.#waitingAlerts.splice(0, WAITING_MAX);
    const bans = status.bans.filter(({ source }) => !this.#banned.has(source));
    for (const source of this.#banned) {
      if (!status.bans.some((it) => it.source === source)) this.#banned.delete(source);
    }
    try {
      await this.#keepPlaces(status);
      if (changes.length > 0) await this.#options.addChanges(changes);
      changes.length = 0;
      for (let alert = alerts[0]; alert; alert = alerts[0]) {
        await this.#options.addAlert(alert);
        alerts.shift();
      }
      for (const { source, reason } of bans) {
        await this.#options.banned(source, reason);
        this.#banned.add(source);
      }
      this.#canWrite = true;
    } catch (error) {
      if (this.#canWrite) {
        this.#options.log("error", "not-written", { reason: (error as Error).message });
      }
      this.#canWrite = false;
      this.#waiting = [...changes, ...this.#waiting].slice(-WAITING_MAX);
      this.#waitingAlerts = [...alerts, ...this.#waitingAlerts].slice(-WAITING_MAX);
    }
  }

  async #keepPlaces({ connections }: Status): Promise<void> {
    for (const { id, lastAnswered } of connections) {
      if (lastAnswered === undefined || this.#places.get(id) === lastAnswered) continue;
      await this.#options.keepPlace(id, lastAnswered);
      this.#places.set(id, lastAnswered);
    }
    const there = new Set<number>(connections.map(({ id }) => id));
    for (const id of this.#places.keys()) if (!there.has(id)) this.#places.delete(id);
  }
}
