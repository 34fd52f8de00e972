/** Call records: written when a call ends, kept for a while, read newest first. */

import { sql } from "kysely";
import type { CallThen } from "../gateway/b2bua/back-then.ts";
import type { StandingCall } from "../gateway/b2bua/standing.ts";
import type { CallRecord } from "../gateway/b2bua/status.ts";
import type { UserId } from "./config.ts";
import type { Database } from "./database.ts";
import { qualityOf, rowsOf } from "./quality-rows.ts";

const DAY_MS = 86_400_000;
const RECORDS_MAX = 100_000;
/** SQLite binds 32,766 values in one statement; a party's audio has thirty, both ways. */
export const RECORDS_AT_ONCE_MAX = 100;

/** What is to be known of a call on disk: that it is up, or how it ended. */
export type CallNote = { readonly id: string } & (
  | { readonly standing: StandingCall }
  | { readonly record: CallRecord }
);

/** Which records are wanted; absent parts don't matter. */
export interface RecordsAsked {
  /** Part of the caller's or the callee's number or of the reason, or a whole id. */
  readonly text?: string;
  readonly outcome?: "answered" | "unanswered";
  readonly connection?: number;
}

export class Records {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** At least one, at most `RECORDS_AT_ONCE_MAX`; all of them or none. */
  add(records: readonly CallRecord[]): Promise<void> {
    return this.note(records.map((record) => ({ id: record.id, record })));
  }

  /** The same of calls that are up as well: a call's record takes the place of what stood of it. */
  async note(notes: readonly CallNote[]): Promise<void> {
    const records = notes.flatMap((note) => ("record" in note ? [note.record] : []));
    const over = records.map(({ id }) => id);
    // The latest of each is what stands.
    const standing = new Map(
      notes.flatMap((note) => ("standing" in note ? [[note.id, note.standing] as const] : [])),
    );
    for (const id of over) standing.delete(id);
    const rows = [...standing].map(([id, call]) => ({ id, call: JSON.stringify(call) }));
    await this.#database.transaction().execute(async (transaction) => {
      if (rows.length > 0) await transaction.replaceInto("standing_call").values(rows).execute();
      if (records.length === 0) return;
      await transaction.deleteFrom("standing_call").where("id", "in", over).execute();
      await this.#insert(transaction, records);
    });
  }

  /** Calls that were up when whoever wrote here ended without a word; each stays until its record comes. */
  async standing(): Promise<StandingCall[]> {
    const rows = await this.#database.selectFrom("standing_call").select("call").execute();
    return rows.map(({ call }) => JSON.parse(call));
  }

  async #insert(transaction: Database, records: readonly CallRecord[]): Promise<void> {
    const calls = records.map(({ quality: _quality, ...rest }) => {
      const { id, started, ended } = rest;
      return { id, started, ended, record: JSON.stringify(rest) };
    });
    const rows = records.flatMap(({ id, quality = [] }) => rowsOf(id, quality));
    await transaction.insertInto("call_record").values(calls).execute();
    if (rows.length > 0) await transaction.insertInto("call_quality").values(rows).execute();
  }

  /** The newest `limit` records, 1 to 500, that ended before `before` and are as asked. */
  async newest(
    limit: number,
    before: number = Number.MAX_SAFE_INTEGER,
    asked: RecordsAsked = {},
  ): Promise<CallRecord[]> {
    let query = this.#database
      .selectFrom("call_record")
      .select(["id", "record"])
      .where("ended", "<", before)
      .orderBy("ended", "desc")
      .limit(Math.min(Math.max(limit, 1), 500));
    if (asked.text !== undefined) {
      const pattern = `%${asked.text.replace(/[\\%_]/g, "\\$&")}%`;
      const named = (path: string) =>
        sql<boolean>`json_extract(record, ${path}) like ${pattern} escape '\\'`;
      query = query.where((it) =>
        it.or([
          named("$.caller"),
          named("$.callee"),
          named("$.reason"),
          it("id", "=", asked.text ?? ""),
        ]),
      );
    }
    if (asked.outcome !== undefined) {
      const sign = asked.outcome === "answered" ? sql`is not null` : sql`is null`;
      query = query.where(sql<boolean>`json_extract(record, '$.answered') ${sign}`);
    }
    if (asked.connection !== undefined) {
      query = query.where(sql<boolean>`json_extract(record, '$.connection') = ${asked.connection}`);
    }
    return this.#measured(await query.execute());
  }

  /** Those that were up at that time, and those of that user in the day before it (RTE-16). */
  async around(at: number, user: UserId): Promise<CallThen[]> {
    const rows = await this.#database
      .selectFrom("call_record")
      .select("record")
      .where("started", "<=", at)
      .where("ended", ">", at - DAY_MS)
      .where((it) =>
        it.or([it("ended", ">", at), sql<boolean>`json_extract(record, '$.user') = ${user}`]),
      )
      .execute();
    return rows.map(({ record }) => JSON.parse(record));
  }

  /** One of them; undefined where it is not kept any more. */
  async one(id: string): Promise<CallRecord | undefined> {
    const rows = await this.#database
      .selectFrom("call_record")
      .select(["id", "record"])
      .where("id", "=", id)
      .execute();
    return (await this.#measured(rows))[0];
  }

  /** With how they sounded. */
  async #measured(rows: readonly { id: string; record: string }[]): Promise<CallRecord[]> {
    const ids = rows.map(({ id }) => id);
    const measured = await this.#database
      .selectFrom("call_quality")
      .selectAll()
      .where("call", "in", ids)
      .orderBy("id")
      .execute();
    const byCall = Map.groupBy(measured, ({ call }) => call);
    return rows.map(({ id, record }) => {
      const own = byCall.get(id);
      return { ...JSON.parse(record), ...(own ? { quality: qualityOf(own) } : {}) };
    });
  }

  /** Drops what is too old to keep. */
  async trim(): Promise<void> {
    const row = await this.#database
      .selectFrom("call_record")
      .select("ended")
      .orderBy("ended", "desc")
      .offset(RECORDS_MAX)
      .limit(1)
      .executeTakeFirst();
    if (row)
      await this.#database.deleteFrom("call_record").where("ended", "<=", row.ended).execute();
  }
}
