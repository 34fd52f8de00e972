/** Where the PBX of a connection last answered (TST-04): what is to be told after a restart. */
import { type Kysely, type Migration, sql } from "kysely";

export const lastPlaces: Migration = {
  async up(database: Kysely<never>) {
    await sql`create table last_place (
      connection integer primary key references connection (id) on delete cascade,
      host text not null,
      address text not null
    )`.execute(database);
  },
};
