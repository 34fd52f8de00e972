/** What a PBX that registers with us proves itself with: digests, as users have them. */
import type { Kysely, Migration } from "kysely";

export const connectionCredentials: Migration = {
  async up(database: Kysely<never>) {
    for (const column of ["ha1_md5", "ha1_sha256"]) {
      await database.schema.alterTable("connection").addColumn(column, "text").execute();
    }
  },
};
