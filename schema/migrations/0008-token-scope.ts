/** What a token may do, and until when (D14); those of old may do all, for ever. */
import type { Kysely, Migration } from "kysely";

export const tokenScope: Migration = {
  async up(database: Kysely<never>) {
    const { schema } = database;
    await schema
      .alterTable("api_token")
      .addColumn("scope", "text", (column) => column.notNull().defaultTo("all"))
      .execute();
    await schema.alterTable("api_token").addColumn("expires", "integer").execute();
  },
};
