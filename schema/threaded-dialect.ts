/**
 * Kysely over the database's own thread: what the disk and other programs' locks cost is waited for
 * there, never on the thread that speaks SIP (D5). There is one connection; who wants it waits for
 * a bounded time.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { OperatorError } from "../gateway/options.ts";
import type { DatabaseReply, DatabaseRequest } from "./database-thread.ts";
import { bindableValue } from "./driver.ts";

/** Who waited for so long for the connection is told that the database is busy (D5). */
const WAIT_MAX_MS = 2_500;

type Reply = Extract<DatabaseReply, { rows: unknown }>;

/** Whoever waits for an answer of the thread. */
interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** The thread, as something to ask. */
export class DatabaseThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  /** Why nothing can be asked any more. */
  #fault: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener("message", (event: MessageEvent<DatabaseReply>) => {
      this.#received(event.data);
    });
    worker.addEventListener("error", (event: ErrorEvent) => this.#ended(event.message));
    worker.addEventListener("close", () => this.#ended("its thread ended"));
  }

  /** Rejects with an `OperatorError` where the file can't be used. */
  async open(file: string): Promise<void> {
    await this.#ask({ type: "open", file });
  }

  run(sql: string, parameters: readonly unknown[]): Promise<Reply> {
    return this.#ask({ type: "run", sql, parameters: parameters.map(bindableValue) });
  }

  /** Closes the file and ends the thread. */
  async close(): Promise<void> {
    await this.#ask({ type: "close" });
    this.#worker.terminate();
  }

  #ask(request: DatabaseRequest): Promise<Reply> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#fault) return reject(this.#fault);
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request });
    });
  }

  #ended(reason: string): void {
    this.#fault = new Error(`the database can't be asked any more: ${reason}`);
    for (const { reject } of this.#waiting.values()) reject(this.#fault);
    this.#waiting.clear();
  }

  #received(reply: DatabaseReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("rows" in reply) waiting?.resolve(reply);
    else
      waiting?.reject(
        reply.isOperators ? new OperatorError(reply.message) : new Error(reply.message),
      );
  }
}

/** D2: SQLite takes a change of tables back as any other, which Kysely's adapter doesn't use. */
export class WholeMigrations extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

export class ThreadedDialect implements Dialect {
  readonly #thread: DatabaseThread;

  constructor(thread: DatabaseThread) {
    this.#thread = thread;
  }

  createDriver = (): Driver => new ThreadedDriver(this.#thread);
  createQueryCompiler = () => new SqliteQueryCompiler();
  createAdapter = () => new WholeMigrations();
  createIntrospector = (database: ConstructorParameters<typeof SqliteIntrospector>[0]) =>
    new SqliteIntrospector(database);
}

class ThreadedDriver implements Driver {
  readonly #thread: DatabaseThread;
  readonly #connection: DatabaseConnection;
  #isTaken = false;
  /** Who waits for the connection, first come first served. */
  readonly #queue: (() => void)[] = [];

  constructor(thread: DatabaseThread) {
    this.#thread = thread;
    this.#connection = {
      executeQuery: async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => {
        const { rows, changes } = await thread.run(sql, parameters);
        return {
          rows: rows as Row[],
          ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }),
        };
      },
      streamQuery: () => {
        throw new Error("rows come all at once from the database's thread");
      },
    };
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#isTaken) await this.#turn();
    this.#isTaken = true;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    const next = this.#queue.shift();
    if (next) next();
    else this.#isTaken = false;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin"));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("rollback"));
  }

  async destroy(): Promise<void> {
    await this.#thread.close();
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#queue.splice(this.#queue.indexOf(turn), 1);
        reject(new Error("the database is busy: nothing was done"));
      }, WAIT_MAX_MS);
      this.#queue.push(turn);
    });
  }
}
