/** Call records: written when a call ends, kept for a while, read newest first. */
import type { CallRecord } from "../gateway/b2bua/status.ts";
import type { Database } from "./database.ts";

const RECORDS_MAX = 100_000;

export class Records {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async add(record: CallRecord): Promise<void> {
    const { id, started, ended } = record;
    const row = { id, started, ended, record: JSON.stringify(record) };
    await this.#database.insertInto("call_record").values(row).execute();
  }

  /** The newest `limit` records, 1 to 500, that ended before `before`. */
  async newest(limit: number, before: number = Number.MAX_SAFE_INTEGER): Promise<CallRecord[]> {
    const rows = await this.#database
      .selectFrom("call_record")
      .select("record")
      .where("ended", "<", before)
      .orderBy("ended", "desc")
      .limit(Math.min(Math.max(limit, 1), 500))
      .execute();
    return rows.map(({ record }) => JSON.parse(record));
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
