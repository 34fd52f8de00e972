/**
 * What happened to the gateway and who did it (OPS-04): changes of the configuration, which are
 * written with them in one transaction, and what else must not be denied: log-ins, bans, tokens,
 * tests. Rows are only ever added.
 */
import type { Selectable } from "kysely";
import type { AuditEntry, FieldChange } from "./audit-entry.ts";
import type { Database } from "./database.ts";
import { withoutPath } from "./settings.ts";
import type { Tables } from "./tables.ts";

/** Who acts, and from which address; a bare name where that is the program's own doing. */
export type Actor = string | { readonly name: string; readonly source?: string };

export interface AuditQuery {
  /** 1 to 500. */
  limit: number;
  /** Only entries with a smaller id: to page on. */
  before?: number | undefined;
  kind?: string | undefined;
  item?: number | undefined;
  action?: string | undefined;
}

export interface AuditRow {
  readonly action: string;
  readonly kind?: string;
  readonly item?: number;
  readonly name?: string;
  readonly before?: object | undefined;
  readonly after?: object | undefined;
}

/** What stands in the place of a secret; whether it changed is told, not what it was. */
const SECRET = "(secret)";
const NEW_SECRET = "(another secret)";
const SECRETS: ReadonlySet<string> = new Set(["password", "ha1", "secret"]);

/** Whether a state of the log has a secret's place there, and not the secret. */
export function isMasked(value: unknown): boolean {
  return value === SECRET || value === NEW_SECRET;
}

/** What strangers cause is told so often in an hour: they must not fill the disk. */
const STRANGERS_PER_HOUR_MAX = 100;
const HOUR_MS = 3_600_000;

export class Audit {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #hours = new Map<string, { since: number; count: number }>();

  constructor(options: { database: Database; now: () => number }) {
    this.#database = options.database;
    this.#now = options.now;
  }

  /** Adds one entry. Rejects where nothing can be written. */
  async add(actor: Actor, row: AuditRow): Promise<void> {
    await addAudit(this.#database, this.#now(), actor, [row]);
  }

  /** The same for what strangers cause, a log-in that failed or a ban: bounded by the hour. */
  async addBounded(actor: Actor, row: AuditRow): Promise<void> {
    const now = this.#now();
    const known = this.#hours.get(row.action);
    const hour = known && now - known.since < HOUR_MS ? known : { since: now, count: 0 };
    this.#hours.set(row.action, hour);
    hour.count++;
    if (hour.count < STRANGERS_PER_HOUR_MAX) await this.add(actor, row);
    else if (hour.count === STRANGERS_PER_HOUR_MAX) {
      await this.add(actor, { ...row, name: "and more, not told one by one in this hour" });
    }
  }

  /** Newest first. */
  async page({ limit, before, kind, item, action }: AuditQuery): Promise<AuditEntry[]> {
    let query = this.#database.selectFrom("audit").selectAll().orderBy("id", "desc").limit(limit);
    if (before !== undefined) query = query.where("id", "<", before);
    if (kind !== undefined) query = query.where("kind", "=", kind);
    if (item !== undefined) query = query.where("item", "=", item);
    if (action !== undefined) query = query.where("action", "=", action);
    return (await query.execute()).map(entryOf);
  }

  async entry(id: number): Promise<AuditEntry | undefined> {
    const row = await this.#database
      .selectFrom("audit")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    return row && entryOf(row);
  }
}

/** Inside a transaction the entries stand or fall with what they tell of. */
export async function addAudit(
  database: Database,
  at: number,
  actor: Actor,
  rows: readonly AuditRow[],
): Promise<void> {
  const { name, source = null } = typeof actor === "string" ? { name: actor } : actor;
  for (const { action, kind = null, item = null, name: itemName = null, before, after } of rows) {
    await database
      .insertInto("audit")
      .values({
        at,
        actor: name,
        source,
        action,
        kind,
        item,
        name: itemName,
        before: redacted(before),
        after: redacted(after, before),
      })
      .execute();
  }
}

/** The fields in which two values differ, as paths: `forward.busy`. A list is told as a whole. */
export function fieldChanges(before: unknown, after: unknown, path = ""): FieldChange[] {
  if (Bun.deepEquals(before, after)) return [];
  if (!isPlain(before) || !isPlain(after)) return [{ path, before, after }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    const inner = path === "" ? key : `${path}.${key}`;
    return fieldChanges(Reflect.get(before, key), Reflect.get(after, key), inner);
  });
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Secrets are an item's own fields; `before` is what they were, where there was something. */
function redacted(item: object | undefined, before?: object): string | null {
  if (!item) return null;
  return JSON.stringify(item, (key, value) => {
    if (key === "webhook" && typeof value === "string") return withoutPath(value);
    if (!SECRETS.has(key) || value === undefined) return value;
    const isAnother = before && !Bun.deepEquals(value, Reflect.get(before, key));
    return isAnother ? NEW_SECRET : SECRET;
  });
}

type Row = Selectable<Tables["audit"]>;

function entryOf(row: Row): AuditEntry {
  const before = row.before === null ? undefined : (JSON.parse(row.before) as object);
  const after = row.after === null ? undefined : (JSON.parse(row.after) as object);
  return {
    id: row.id,
    at: row.at,
    actor: row.actor,
    ...(row.source === null ? {} : { source: row.source }),
    action: row.action,
    ...(row.kind === null ? {} : { kind: row.kind }),
    ...(row.item === null ? {} : { item: row.item }),
    ...(row.name === null ? {} : { name: row.name }),
    ...(before ? { before } : {}),
    ...(after ? { after } : {}),
    fields: before && after ? fieldChanges(before, after) : [],
  };
}
