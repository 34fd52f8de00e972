/** What holds for the whole gateway: one row, as JSON, with a version as users and connections have. */
import type { Kysely, Migration } from "kysely";

export const settings: Migration = {
  async up(database: Kysely<never>) {
    await database.schema
      .createTable("settings")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("details", "text", (column) => column.notNull())
      .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
      .execute();
    const table = database as unknown as Kysely<{ settings: { id: number; details: string } }>;
    await table.insertInto("settings").values({ id: 1, details: "{}" }).execute();
  },
};
