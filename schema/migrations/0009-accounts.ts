/**
 * Accounts in the place of the one administrator: the password there was becomes that of the account
 * `administrator`, who may do everything, and log-ins of before stay his.
 */
import { type Kysely, type Migration, sql } from "kysely";

export const accounts: Migration = {
  async up(database: Kysely<never>) {
    const { schema } = database;
    await schema
      .createTable("account")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      // Whoever is asked for a name on a phone writes a capital letter.
      .addColumn("name", sql`text collate nocase`, (column) => column.notNull().unique())
      .addColumn("role", "text", (column) => column.notNull())
      .addColumn("enabled", "integer", (column) => column.notNull())
      .addColumn("password_hash", "text", (column) => column.notNull())
      .addColumn("created", "integer", (column) => column.notNull())
      .addColumn("last_log_in", "integer")
      .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
      .execute();
    const steps = [
      `insert into account (name, role, enabled, password_hash, created)
       select 'administrator', 'admin', 1, value, cast(strftime('%s', 'now') as integer) * 1000
       from setting where name = 'administrator-password'`,
      "delete from setting where name = 'administrator-password'",
      "alter table login_session rename to login_session_before",
      `create table login_session (
         token_hash text primary key,
         account integer not null references account (id) on delete cascade,
         created integer not null,
         last_used integer not null
       )`,
      `insert into login_session (token_hash, account, created, last_used)
       select token_hash, account.id, login_session_before.created, last_used
       from login_session_before, account`,
      "drop table login_session_before",
      "create index login_session_account on login_session (account)",
    ];
    for (const step of steps) await sql.raw(step).execute(database);
  },
};
