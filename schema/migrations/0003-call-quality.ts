/**
 * How a call sounded: a row for each party's audio in each direction. In columns of its own, so
 * that bad connections can be asked for. Shares 0 to 1, times in milliseconds, MOS 1 to 4.5.
 */
import type { Kysely, Migration } from "kysely";

export const callQuality: Migration = {
  async up(database: Kysely<never>) {
    await database.schema
      .createTable("call_quality")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      .addColumn("call", "text", (column) =>
        column.notNull().references("call_record.id").onDelete("cascade"),
      )
      .addColumn("leg", "integer", (column) => column.notNull())
      .addColumn("party", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("codec", "text", (column) => column.notNull())
      .addColumn("round_trip_ms", "real")
      .addColumn("direction", "text", (column) => column.notNull())
      .addColumn("basis", "text", (column) => column.notNull())
      .addColumn("loss", "real", (column) => column.notNull())
      .addColumn("loss_last", "real", (column) => column.notNull())
      .addColumn("burst_ratio", "real", (column) => column.notNull())
      .addColumn("jitter_ms", "real", (column) => column.notNull())
      .addColumn("mos", "real", (column) => column.notNull())
      .addColumn("mos_last", "real", (column) => column.notNull())
      .addColumn("mos_worst", "real", (column) => column.notNull())
      .execute();
    await database.schema
      .createIndex("call_quality_call")
      .on("call_quality")
      .column("call")
      .execute();
  },
};
