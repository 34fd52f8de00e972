/**
 * The one seam to the driver. A bound boolean, or a bare Buffer as the only argument, ends the
 * whole process inside libSQL's native code; here such values become what it can take.
 */

import type { SqliteDatabase, SqliteStatement } from "kysely";
import type Libsql from "libsql";

/** The connection as Kysely's dialect wants it, with every parameter made bindable. */
export function bindable(connection: Libsql.Database): SqliteDatabase {
  return {
    close: () => connection.close(),
    prepare: (sql: string): SqliteStatement => {
      const statement = connection.prepare(sql);
      const bound = (parameters: readonly unknown[]) => parameters.map(bindableValue);
      return {
        reader: statement.reader,
        all: (parameters) => statement.all(bound(parameters)),
        run: (parameters) => statement.run(bound(parameters)),
        iterate: (parameters) => statement.iterate(bound(parameters)) as IterableIterator<unknown>,
      };
    },
  };
}

/** libSQL keeps only what stands before a NUL; it would be lost without a word. */
export class NulInText extends Error {}

/** Booleans become 0 and 1, bytes a plain Uint8Array, `undefined` NULL. */
export function bindableValue(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === undefined) return null;
  if (typeof value === "string" && value.includes("\0")) throw new NulInText("a text has a NUL");
  if (value instanceof Uint8Array) return new Uint8Array(value);
  return value;
}
