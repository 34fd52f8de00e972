/** Calls that are up: what is left of them when the gateway ends without a word (R2). */
import { type Kysely, type Migration, sql } from "kysely";

export const standingCalls: Migration = {
  async up(database: Kysely<never>) {
    await sql`create table standing_call (
      id text primary key,
      call text not null
    )`.execute(database);
  },
};
