/**
 * One change of the configuration, of one row or of many: rows are written one after the other, then
 * the whole is checked once, and each row gets its line in the audit log. All inside the caller's
 * transaction: problems roll everything back.
 */
import { type Actor, addAudit } from "./audit.ts";
import { checkConfig } from "./check.ts";
import type { Config, Problem } from "./config.ts";
import type { Database } from "./database.ts";
import { type Kind, loadConfig, reloadConfig } from "./load.ts";
import { Refused } from "./refused.ts";
import type { Secrets } from "./secrets.ts";
import { voidChanged } from "./verification.ts";

/** A row that was written. */
export interface Touched {
  readonly kind: Kind;
  readonly id: number;
  readonly isNew: boolean;
}

/** Beyond so many rows all of them are read anew: statements bind a bounded number of values. */
const ROWS_MAX = 500;

export class Change {
  readonly #database: Database;
  readonly #secrets: Secrets;
  readonly before: Config;
  readonly touched: Touched[] = [];

  constructor(database: Database, secrets: Secrets, before: Config) {
    this.#database = database;
    this.#secrets = secrets;
    this.before = before;
  }

  /** Writes one row; `id` absent makes it, `expected` is the version it must still have. */
  async write(
    kind: Kind,
    id: number | undefined,
    expected: number | undefined,
    write: (database: Database, realm: string) => Promise<number>,
  ): Promise<number> {
    if (id !== undefined) await checkVersion(this.#database, kind, id, expected);
    const written = await writeRow(() => write(this.#database, this.before.realm));
    this.touched.push({ kind, id: written, isNew: id === undefined });
    if (id !== undefined) {
      await this.#database
        .updateTable(kind)
        .set((it) => ({ version: it("version", "+", 1) }))
        .where("id", "=", id)
        .execute();
    }
    return written;
  }

  /** Checks the whole. With problems nothing is written in the audit log: the caller rolls back. */
  async finish(
    actor: Actor,
    at: number,
  ): Promise<{ config: Config; problems: Problem[]; warnings: Problem[] }> {
    await this.#database
      .updateTable("setting")
      .set({ value: String(this.before.revision + 1) })
      .where("name", "=", "revision")
      .execute();
    const config =
      this.touched.length > ROWS_MAX
        ? await loadConfig(this.#database, this.#secrets)
        : await reloadConfig(this.#database, this.#secrets, this.before, this.touched);
    const { problems, warnings } = checkConfig(config);
    if (problems.length === 0) {
      await this.#audit(actor, at, config);
      const ids = this.touched.flatMap(({ kind, id }) => (kind === "connection" ? [id] : []));
      await voidChanged(this.#database, this.before, config, ids);
    }
    return { config, problems, warnings };
  }

  async #audit(actor: Actor, at: number, config: Config): Promise<void> {
    const rows = this.touched.map(({ kind, id, isNew }) => {
      const before = isNew ? undefined : placeOf(this.before, kind, id)[1];
      const after = placeOf(config, kind, id)[1];
      const { name } = (after ?? before ?? {}) as { name?: string };
      const action = isNew ? "create" : after ? "update" : "delete";
      return { action, kind, item: id, ...(name === undefined ? {} : { name }), before, after };
    });
    await addAudit(this.#database, at, actor, rows);
  }
}

/** A row in the configuration: its path there, and itself where it is. */
export function placeOf(config: Config, kind: Kind, id: number): [string, object | undefined] {
  if (kind === "settings") return ["settings", config.settings];
  const list = kind === "user" ? "users" : "connections";
  const index = config[list].findIndex((item) => item.id === id);
  return [`${list}[${index}]`, config[list][index]];
}

/** A taken name shows up as the database's own complaint when two writers race. */
async function writeRow(write: () => Promise<number>): Promise<number> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof Error && /UNIQUE constraint/.test(error.message)) {
      throw new Refused(409, "the name is taken", [
        { path: "name", message: "the name is taken: choose another" },
      ]);
    }
    throw error;
  }
}

export async function versionOf(
  database: Database,
  kind: Kind,
  id: number,
): Promise<number | undefined> {
  const row = await database
    .selectFrom(kind)
    .select("version")
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.version;
}

async function checkVersion(
  database: Database,
  kind: Kind,
  id: number,
  expected: number | undefined,
): Promise<void> {
  const version = await versionOf(database, kind, id);
  if (version === undefined) throw new Refused(404, `there is no ${kind} ${id}`);
  if (expected !== undefined && version !== expected) {
    throw new Refused(412, "somebody else changed it meanwhile: load it again");
  }
}
