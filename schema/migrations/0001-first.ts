/** Settings, users, connections, and what is kept about them. */
import type { Kysely, Migration } from "kysely";

export const first: Migration = {
  async up(database: Kysely<never>) {
    const { schema } = database;
    await schema
      .createTable("setting")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("value", "text", (column) => column.notNull())
      .execute();
    await schema
      .createTable("user")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("display_name", "text", (column) => column.notNull())
      .addColumn("enabled", "integer", (column) => column.notNull())
      .addColumn("ha1_md5", "text", (column) => column.notNull())
      .addColumn("ha1_sha256", "text", (column) => column.notNull())
      .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
      .execute();
    await schema
      .createTable("connection")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("type", "text", (column) => column.notNull())
      .addColumn("enabled", "integer", (column) => column.notNull())
      .addColumn("details", "text", (column) => column.notNull())
      .addColumn("password", "text")
      .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
      .execute();
    await schema
      .createTable("audit")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      .addColumn("at", "integer", (column) => column.notNull())
      .addColumn("actor", "text", (column) => column.notNull())
      .addColumn("action", "text", (column) => column.notNull())
      .addColumn("before", "text")
      .addColumn("after", "text")
      .execute();
    await schema
      .createTable("call_record")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("started", "integer", (column) => column.notNull())
      .addColumn("ended", "integer", (column) => column.notNull())
      .addColumn("record", "text", (column) => column.notNull())
      .execute();
    await schema.createIndex("call_record_ended").on("call_record").column("ended").execute();
    await schema
      .createTable("login_session")
      .addColumn("token_hash", "text", (column) => column.primaryKey())
      .addColumn("created", "integer", (column) => column.notNull())
      .addColumn("last_used", "integer", (column) => column.notNull())
      .execute();
    await schema
      .createTable("api_token")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("token_hash", "text", (column) => column.notNull().unique())
      .addColumn("created", "integer", (column) => column.notNull())
      .addColumn("last_used", "integer")
      .execute();
  },
};
