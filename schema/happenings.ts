/**
 * What happened besides calls and changes: how connections fared (OPS-05), what operators were told
 * (OPS-03), and from the call records what is usual for each user. Bounded in time and in rows.
 */
import { sql } from "kysely";
import type { StateThen } from "../gateway/b2bua/back-then.ts";
import type { Place } from "../gateway/b2bua/last-place.ts";
import type { AlertChange } from "../gateway/watch/alert-rules.ts";
import type { Habit } from "../gateway/watch/calling-habits.ts";
import { countryOf } from "../gateway/watch/country.ts";
import type { StatusChange } from "../gateway/watch/status-history.ts";
import type { ConnectionId } from "./config.ts";
import type { Database } from "./database.ts";

const DAY_MS = 86_400_000;
/** How long it is kept: OPS-05 asks for ninety days. */
export const KEPT_MS = 100 * DAY_MS;
/** A connection that changes twice a minute all the time keeps a week of it. */
const CHANGES_PER_CONNECTION_MAX = 20_000;
const ALERTS_MAX = 10_000;
/** What is usual is what was so in four weeks. */
const HABIT_MS = 28 * DAY_MS;

export interface Alert {
  readonly id: number;
  readonly rule: string;
  readonly subject: string;
  readonly text: string;
  readonly raised: number;
  readonly recovered?: number;
}

/** How a call went that was placed to test a connection, or waited for (TST-08). */
export interface TestCallChange {
  readonly connection: number;
  readonly at: number;
  readonly aspect: "test-call" | "received-call";
  readonly state: "passed" | "unclear" | "failed";
  readonly reason: string;
}

export type NewChange = StatusChange | TestCallChange;
export type StoredChange = NewChange & { readonly id: number };

export class Happenings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Of connections that are no more nothing is kept. */
  async addChanges(changes: readonly NewChange[]): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      for (const { connection, at, aspect, state, reason } of changes) {
        await sql`
          insert into status_change (connection, at, aspect, state, reason)
          select id, ${at}, ${aspect}, ${state}, ${reason.slice(0, 500)}
          from connection where id = ${connection}`.execute(transaction);
      }
    });
  }

  /** Of one connection, newest first; `before` is an id to page on. */
  async changes(connection: number, limit: number, before?: number): Promise<StoredChange[]> {
    let query = this.#database
      .selectFrom("status_change")
      .selectAll()
      .where("connection", "=", connection)
      .orderBy("id", "desc")
      .limit(limit);
    if (before !== undefined) query = query.where("id", "<", before);
    return (await query.execute()) as StoredChange[];
  }

  /** How connections stood at that time, as far as it was kept (RTE-16). */
  async states(at: number): Promise<StateThen[]> {
    const { rows } = await sql<StateThen>`
      select connection, aspect, state, reason from status_change where id in (
        select max(id) from status_change
        where at <= ${at} and aspect in ('registration', 'reachability')
        group by connection, aspect)`.execute(this.#database);
    return rows;
  }

  /** When a test call by it last passed; undefined where none has. */
  async passedAt(connection: number): Promise<number | undefined> {
    const row = await this.#database
      .selectFrom("status_change")
      .select("at")
      .where("connection", "=", connection)
      .where("aspect", "=", "test-call")
      .where("state", "=", "passed")
      .orderBy("id", "desc")
      .executeTakeFirst();
    return row?.at;
  }

  /** Where the PBX of a connection answers; in the place of where it did before (TST-04). */
  async keepPlace(connection: number, { host, address }: Place): Promise<void> {
    await sql`
      insert or replace into last_place (connection, host, address)
      select id, ${host}, ${address} from connection where id = ${connection}`.execute(
      this.#database,
    );
  }

  /** Where PBXs last answered, by connection. */
  async places(): Promise<Map<ConnectionId, Place>> {
    const rows = await this.#database.selectFrom("last_place").selectAll().execute();
    return new Map(
      rows.map(({ connection, host, address }) => [connection as ConnectionId, { host, address }]),
    );
  }

  async addAlert({ change, rule, subject, text, at }: AlertChange): Promise<void> {
    if (change === "raised") {
      const row = { rule, subject, text, raised: at, recovered: null };
      await this.#database.insertInto("alert").values(row).execute();
      return;
    }
    await this.#database
      .updateTable("alert")
      .set({ recovered: at })
      .where("rule", "=", rule)
      .where("subject", "=", subject)
      .where("recovered", "is", null)
      .execute();
  }

  /** Newest first. */
  async alerts(limit: number, before?: number): Promise<Alert[]> {
    let query = this.#database.selectFrom("alert").selectAll().orderBy("id", "desc").limit(limit);
    if (before !== undefined) query = query.where("id", "<", before);
    return (await query.execute()).map(({ recovered, ...row }) =>
      recovered === null ? row : { ...row, recovered },
    );
  }

  /** After a start nothing is known to be the matter: what still is will be told anew. */
  async endAlerts(at: number): Promise<void> {
    await this.#database
      .updateTable("alert")
      .set({ recovered: at })
      .where("recovered", "is", null)
      .execute();
  }

  /** What each user usually does, by the call records of four weeks before `at`. */
  async habits(at: number, internationalPrefix?: string): Promise<Habit[]> {
    const since = at - HABIT_MS;
    const calls = sql`
      select json_extract(record, '$.user') as user, json_extract(record, '$.callee') as callee,
        started, ended - coalesce(json_extract(record, '$.answered'), ended) as talked
      from call_record where ended >= ${since} and json_extract(record, '$.user') is not null
        and json_extract(record, '$.direction') <> 'inbound'`;
    const { rows: days } = await sql<{ user: number; minutes: number }>`
      select user, max(minutes) as minutes from (
        select user, started / 86400000 as day, sum(talked) / 60000 as minutes
        from (${calls}) group by user, day) group by user`.execute(this.#database);
    const { rows: minutes } = await sql<{ user: number; calls: number }>`
      select user, max(calls) as calls from (
        select user, started / 60000 as minute, count(*) as calls
        from (${calls}) group by user, minute) group by user`.execute(this.#database);
    const { rows: numbers } = await sql<{ user: number; callee: string }>`
      select distinct user, substr(callee, 1, 12) as callee from (${calls})
      where callee like '+%' or callee like '0%'`.execute(this.#database);
    const countries = Map.groupBy(numbers, ({ user }) => user);
    return days.map(({ user, minutes: minutesADay }) => ({
      user,
      minutesADay,
      callsAMinute: minutes.find((it) => it.user === user)?.calls ?? 0,
      countries: [
        ...new Set(
          (countries.get(user) ?? []).flatMap(
            ({ callee }) => countryOf(callee, internationalPrefix) ?? [],
          ),
        ),
      ],
    }));
  }

  /** LIM-05: how many calls a connection had at once at its busiest moment since `since`. */
  async peakCalls(connection: number, since: number): Promise<number> {
    const calls = sql`
      select started, ended from call_record
      where ended >= ${since} and json_extract(record, '$.connection') = ${connection}`;
    const { rows } = await sql<{ peak: number | null }>`
      select max(calls) as peak from (
        select sum(step) over (order by at, step) as calls from (
          select started as at, 1 as step from (${calls})
          union all select ended, -1 from (${calls})))`.execute(this.#database);
    return rows[0]?.peak ?? 0;
  }

  /** Drops what is too old, and what is too much. */
  async trim(at: number): Promise<void> {
    const old = at - KEPT_MS;
    await this.#database.deleteFrom("status_change").where("at", "<", old).execute();
    await sql`
      delete from status_change where id in (
        select id from (
          select id, row_number() over (partition by connection order by id desc) as place
          from status_change)
        where place > ${CHANGES_PER_CONNECTION_MAX})`.execute(this.#database);
    await sql`
      delete from alert where id <= (select max(id) from alert) - ${ALERTS_MAX}`.execute(
      this.#database,
    );
  }
}
