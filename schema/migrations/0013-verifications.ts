/** When a call by a connection was last heard, each way, and why that counts no more (TST-08). */
import { type Kysely, type Migration, sql } from "kysely";

export const verifications: Migration = {
  async up(database: Kysely<never>) {
    await sql`create table verification (
      connection integer primary key references connection (id) on delete cascade,
      placed integer,
      received integer,
      void text
    )`.execute(database);
  },
};
