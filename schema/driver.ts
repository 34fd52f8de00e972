/**
 * The one seam to the driver. A bound boolean, or a bare Buffer as the only argument, ends the
 * whole process inside libSQL's native code; here such values become what it can take. And a
 * statement another program's lock stopped stays half run, so that no later commit succeeds: what
 * writes therefore takes the lock first, by itself.
 */

import type { SqliteDatabase, SqliteStatement } from "kysely";
import type Libsql from "libsql";
import { failpointAtStatement } from "./failpoint.ts";

const BEGIN = /^\s*begin\b/i;
const END = /^\s*(?:commit|rollback)\b/i;
const WRITE = /^\s*(?:insert|update|delete|replace)\b/i;

interface Executed {
  rows: unknown[];
  changes?: number;
  lastInsertRowid?: number | bigint;
}

/** Runs statements on one connection, with every parameter made bindable. */
export class Statements {
  readonly #connection: Libsql.Database;
  #isInTransaction = false;

  constructor(connection: Libsql.Database) {
    this.#connection = connection;
  }

  execute(sql: string, parameters: readonly unknown[]): Executed {
    failpointAtStatement();
    if (BEGIN.test(sql)) return this.#begin();
    if (END.test(sql)) return this.#end(sql);
    if (!WRITE.test(sql) || this.#isInTransaction) return this.#run(sql, parameters);
    this.#begin();
    try {
      const executed = this.#run(sql, parameters);
      this.#end("commit");
      return executed;
    } catch (error) {
      this.#end("rollback");
      throw error;
    }
  }

  close(): void {
    this.#connection.close();
  }

  /** At once for writing: a reader that becomes a writer fails where another one was faster. */
  #begin(): Executed {
    this.#connection.exec("begin immediate");
    this.#isInTransaction = true;
    return { rows: [] };
  }

  #end(sql: string): Executed {
    const isRollback = /rollback/i.test(sql);
    if (isRollback) this.#isInTransaction = false;
    try {
      this.#connection.exec(sql);
    } catch (error) {
      // A full disk has rolled back by itself (sqlite.org/lang_transaction).
      if (!isRollback || !/no transaction is active/.test((error as Error).message)) throw error;
    }
    this.#isInTransaction = false;
    return { rows: [] };
  }

  #run(sql: string, parameters: readonly unknown[]): Executed {
    const statement = this.#connection.prepare(sql);
    const bound = parameters.map(bindableValue);
    if (statement.reader) return { rows: statement.all(bound) };
    return { rows: [], ...statement.run(bound) };
  }
}

/** The connection as Kysely's dialect wants it. */
export function bindable(connection: Libsql.Database): SqliteDatabase {
  const statements = new Statements(connection);
  return {
    close: () => statements.close(),
    prepare: (sql: string): SqliteStatement => {
      const isControl = BEGIN.test(sql) || END.test(sql);
      return {
        reader: !isControl && connection.prepare(sql).reader,
        all: (parameters) => statements.execute(sql, parameters).rows,
        run: (parameters) => {
          const { changes = 0, lastInsertRowid = 0 } = statements.execute(sql, parameters);
          return { changes, lastInsertRowid };
        },
        iterate: (parameters) => statements.execute(sql, parameters).rows.values(),
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
