/**
 * What runs beside the calls for those who run the gateway: the watcher with its history and alerts,
 * the web hook, backups. Wired here out of its parts.
 */
import { statfs } from "node:fs/promises";
import { basename } from "node:path";
import type { OperationsFace } from "../admin/services.ts";
import type { Audit } from "../schema/audit.ts";
import { listBackups, makeBackup } from "../schema/backup.ts";
import type { Database } from "../schema/database.ts";
import { Happenings } from "../schema/happenings.ts";
import { loadRevision } from "../schema/load.ts";
import { type SealedSettings, WEBHOOK_SECRET } from "../schema/sealed-settings.ts";
import type { Store } from "../schema/store.ts";
import { Verifications } from "../schema/verification.ts";
import type { CallRecord, Status } from "./b2bua/status.ts";
import { monotonicNow } from "./io/clock.ts";
import type { Log } from "./io/log.ts";
import { post } from "./io/outbound-post.ts";
import { systemRandom } from "./io/random.ts";
import { Watcher } from "./io/watcher.ts";
import { Webhook } from "./io/webhook.ts";
import type { WallMillis } from "./machine.ts";

export interface OperationsOptions {
  database: Database;
  directory: string;
  store: Store;
  sealed: SealedSettings;
  audit: Audit;
  /** Web hooks may be on this machine. */
  allowLoopback: boolean;
  status: () => Status;
  log: Log;
}

export interface Operations {
  readonly face: OperationsFace;
  ended(record: CallRecord): void;
  stop(): Promise<void>;
}

const POST_MS = 10_000;
const TRIM_MS = 6 * 3_600_000;
const BACKUP_EVERY_MS = 24 * 3_600_000;
const BACKUP_LOOK_MS = 3_600_000;
const SECRET_BYTES = 32;

export async function openOperations(options: OperationsOptions): Promise<Operations> {
  const { database, directory, store, sealed, audit, log, status } = options;
  const happenings = new Happenings(database);
  const verifications = new Verifications(database);
  const settings = (await store.load()).settings ?? {};
  await happenings.endAlerts(Date.now()).catch(() => {});
  const webhook = new Webhook({
    target: async () => {
      const url = (await store.load()).settings?.alerts?.webhook;
      const secret = await sealed.get(WEBHOOK_SECRET);
      return url === undefined ? undefined : { url, ...(secret === undefined ? {} : { secret }) };
    },
    post: (url, headers, body) =>
      post(url, { headers, body, allowLoopback: options.allowLoopback, timeoutMs: POST_MS }),
    now: Date.now,
    pause: (forMs) => new Promise((resolve) => setTimeout(resolve, forMs).unref()),
    log,
  });
  const watcher = new Watcher({
    status,
    config: () => store.load(),
    habits: await happenings.habits(Date.now(), settings.numberPlan?.internationalPrefix),
    addChanges: (changes) => happenings.addChanges(changes),
    keepPlace: (connection, place) => happenings.keepPlace(connection, place),
    addAlert: (alert) => happenings.addAlert(alert),
    banned: (source, reason) =>
      audit.addBounded({ name: "gateway", source }, { action: "ban", name: reason }),
    deliver: (alert) => webhook.add(alert),
    disk: async () => {
      const { bavail, blocks, bsize } = await statfs(directory);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    },
    now: monotonicNow,
    wallNow: () => Date.now() as WallMillis,
    log,
  });
  watcher.start();
  const trim = () => happenings.trim(Date.now()).catch((error: Error) => reportTrim(log, error));
  const trimming = setInterval(trim, TRIM_MS).unref();
  void trim();
  const backups = keepBackups({ database, directory, log });
  return {
    face: {
      heard: (connection, way, at) => verifications.heard(connection, way, at),
      verification: (connection) => verifications.of(connection),
      verifications: () => verifications.all(),
      passedAt: (connection) => happenings.passedAt(connection),
      tested: (change) => happenings.addChanges([change]),
      history: (connection, limit, before) => happenings.changes(connection, limit, before),
      states: (at) => happenings.states(at),
      alerts: (limit, before) => happenings.alerts(limit, before),
      peakCalls: (connection, since) => happenings.peakCalls(connection, since),
      raised: () => watcher.alerts,
      canWrite: () => watcher.canWrite,
      tryWebhook: () =>
        webhook.try({
          change: "raised",
          rule: "capacity",
          subject: "test",
          text: "a test of the web hook: nothing is the matter",
          at: Date.now() as WallMillis,
        }),
      newWebhookSecret: async () => {
        const secret = systemRandom.bytes(SECRET_BYTES).toHex();
        await sealed.set(WEBHOOK_SECRET, secret);
        return secret;
      },
      backups: () => listBackups(directory),
      backUp: async () => basename(await makeBackup(database, directory, Date.now())),
    },
    ended: (record) => watcher.ended(record),
    stop: async () => {
      watcher.stop();
      clearInterval(trimming);
      await backups.stop();
    },
  };
}

function reportTrim(log: Log, error: Error): void {
  log("warning", "not-trimmed", { reason: error.message });
}

interface BackupOptions {
  database: Database;
  directory: string;
  log: Log;
}

/** D6: a backup a day while there is something to lose. */
function keepBackups({ database, directory, log }: BackupOptions) {
  let running: Promise<void> = Promise.resolve();
  const backUp = async () => {
    const newest = listBackups(directory).at(-1);
    if (newest && Date.now() - newest.at < BACKUP_EVERY_MS) return;
    if ((await loadRevision(database)) === 0) return;
    const name = basename(await makeBackup(database, directory, Date.now()));
    log("info", "backup-made", { name });
  };
  const look = () => {
    running = backUp().catch((error: Error) => {
      log("error", "backup-failed", { reason: error.message });
    });
  };
  look();
  const timer = setInterval(look, BACKUP_LOOK_MS).unref();
  return {
    stop: () => {
      clearInterval(timer);
      return running;
    },
  };
}
