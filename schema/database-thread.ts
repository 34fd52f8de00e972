/**
 * The database's thread, as a function of what is asked of it; `gateway/database-worker` runs it.
 * One file, one connection, one statement after the other.
 */
import { OperatorError } from "../gateway/options.ts";
import { openConnection } from "./connection.ts";
import { Statements } from "./driver.ts";

export type DatabaseRequest =
  | { type: "open"; file: string }
  | { type: "run"; sql: string; parameters: readonly unknown[] }
  | { type: "close" };

export type DatabaseReply =
  | { id: number; rows: readonly unknown[]; changes?: number }
  /** `isOperators`: the operator can put it right, see `OperatorError`. */
  | { id: number; message: string; isOperators: boolean };

/** Answers each request; what goes wrong is an answer too. */
export function databaseThread(): (request: DatabaseRequest & { id: number }) => DatabaseReply {
  let statements: Statements | undefined;
  return (request) => {
    const { id } = request;
    try {
      switch (request.type) {
        case "open":
          statements = new Statements(openConnection(request.file));
          return { id, rows: [] };
        case "close":
          statements?.close();
          return { id, rows: [] };
        case "run":
          if (!statements) throw new Error("the database is not open");
          return { id, ...statements.execute(request.sql, request.parameters) };
      }
    } catch (error) {
      const isOperators = error instanceof OperatorError;
      return { id, message: (error as Error).message, isOperators };
    }
  };
}
