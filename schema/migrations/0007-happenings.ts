/** What became of connections (OPS-05), and what operators were told (OPS-03). */
import type { Kysely, Migration } from "kysely";

export const happenings: Migration = {
  async up(database: Kysely<never>) {
    const { schema } = database;
    await schema
      .createTable("status_change")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      .addColumn("connection", "integer", (column) =>
        column.notNull().references("connection.id").onDelete("cascade"),
      )
      .addColumn("at", "integer", (column) => column.notNull())
      .addColumn("aspect", "text", (column) => column.notNull())
      .addColumn("state", "text", (column) => column.notNull())
      .addColumn("reason", "text", (column) => column.notNull())
      .execute();
    await schema
      .createIndex("status_change_connection")
      .on("status_change")
      .columns(["connection", "id"])
      .execute();
    await schema
      .createTable("alert")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      .addColumn("rule", "text", (column) => column.notNull())
      .addColumn("subject", "text", (column) => column.notNull())
      .addColumn("text", "text", (column) => column.notNull())
      .addColumn("raised", "integer", (column) => column.notNull())
      .addColumn("recovered", "integer")
      .execute();
  },
};
