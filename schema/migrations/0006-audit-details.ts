/**
 * The audit log says what was changed in columns of its own, and from where; and it is append-only
 * in the database itself: neither a mistake of ours nor another program rewrites what happened.
 */
import { type Kysely, type Migration, sql } from "kysely";

export const auditDetails: Migration = {
  async up(database: Kysely<never>) {
    const columns = { kind: "text", item: "integer", name: "text", source: "text" } as const;
    for (const [column, type] of Object.entries(columns)) {
      await database.schema.alterTable("audit").addColumn(column, sql.raw(type)).execute();
    }
    await database.schema
      .createIndex("audit_item")
      .on("audit")
      .columns(["kind", "item"] as never[])
      .execute();
    for (const event of ["update", "delete"]) {
      await sql
        .raw(
          `create trigger audit_no_${event} before ${event} on audit ` +
            "begin select raise(abort, 'the audit log is append-only'); end",
        )
        .execute(database);
    }
  },
};
