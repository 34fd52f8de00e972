/** What of a user is neither its name nor its secret, as JSON: forwarding, and what comes later. */
import type { Kysely, Migration } from "kysely";

export const userDetails: Migration = {
  async up(database: Kysely<never>) {
    await database.schema
      .alterTable("user")
      .addColumn("details", "text", (column) => column.notNull().defaultTo("{}"))
      .execute();
  },
};
