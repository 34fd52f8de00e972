/** Links by which a user's softphone is set up: one for a user, kept as its hash. */
import { type Kysely, type Migration, sql } from "kysely";

export const invitations: Migration = {
  async up(database: Kysely<never>) {
    await sql`create table invitation (
      user integer primary key references user (id) on delete cascade,
      token_hash text not null unique,
      created integer not null,
      created_by text not null,
      expires integer not null
    )`.execute(database);
  },
};
