/**
 * Changing the configuration: one transaction writes the rows, loads and checks the WHOLE of it, and
 * commits only when nothing is wrong. Every change has an audit row and a new revision.
 */

import { parseCidr, printCidr } from "../gateway/address.ts";
import { type HashName, hashHex } from "../gateway/crypto.ts";
import { checkConfig, isUnprintable, UNPRINTABLE_MESSAGE } from "./check.ts";
import type { Config, Connection, Problem } from "./config.ts";
import type { Database } from "./database.ts";
import { type ConnectionDetails, loadConfig, REALM_DEFAULT } from "./load.ts";
import type { Secrets } from "./secrets.ts";

/** A user as it is written; the password is kept only as digest hashes. */
export interface UserInput {
  name: string;
  displayName: string;
  enabled: boolean;
  /** Absent: keeps the one there is. */
  password?: string | undefined;
}

/** A connection as it is written; an absent password keeps the one there is. */
export type ConnectionInput = Omit<Connection, "id">;

export interface Saved {
  id: number;
  /** Of the row as it is now, for its ETag. */
  version: number;
  config: Config;
  warnings: Problem[];
}

/** The change was not made: 404, 409 (somebody else was first) or 422 with problems. */
export class Refused extends Error {
  readonly status: 404 | 409 | 412 | 422;
  readonly problems: readonly Problem[];

  constructor(status: 404 | 409 | 412 | 422, message: string, problems: readonly Problem[] = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

export interface StoreOptions {
  database: Database;
  secrets: Secrets;
  /** The wall clock, in milliseconds since 1970. */
  now: () => number;
}

const PASSWORD_LENGTH_MIN = 8;

export class Store {
  readonly #database: Database;
  readonly #secrets: Secrets;
  readonly #now: () => number;

  constructor(options: StoreOptions) {
    this.#database = options.database;
    this.#secrets = options.secrets;
    this.#now = options.now;
  }

  /** At the first start: what is fixed from then on. */
  async prepare(): Promise<void> {
    const settings = [
      { name: "realm", value: REALM_DEFAULT },
      { name: "revision", value: "0" },
    ];
    for (const setting of settings) {
      await this.#database
        .insertInto("setting")
        .values(setting)
        .onConflict((it) => it.doNothing())
        .execute();
    }
  }

  load(): Promise<Config> {
    return loadConfig(this.#database, this.#secrets);
  }

  /** The version of a row, for ETags; undefined when there is no such row. */
  version(kind: "user" | "connection", id: number): Promise<number | undefined> {
    return versionOf(this.#database, kind, id);
  }

  async saveUser(
    id: number | undefined,
    input: UserInput,
    actor: string,
    expected?: number,
  ): Promise<Saved> {
    const problems = [
      ...textProblems({ name: input.name, displayName: input.displayName }),
      ...passwordProblems(input.password, id === undefined),
    ];
    if (problems.length > 0) throw new Refused(422, "the user can't be saved", problems);
    return this.#change("user", id, actor, expected, async (database, realm) => {
      const { name, displayName, enabled, password } = input;
      const digest = (algorithm: HashName) =>
        hashHex(algorithm, `${name}:${realm}:${password ?? ""}`);
      const hashes =
        password === undefined ? {} : { ha1_md5: digest("md5"), ha1_sha256: digest("sha256") };
      const row = { name, display_name: displayName, enabled: Number(enabled), ...hashes };
      if (id !== undefined) {
        await this.#keepName(database, id, name, password);
        await database.updateTable("user").set(row).where("id", "=", id).execute();
        return id;
      }
      const values = { ha1_md5: "", ha1_sha256: "", ...row };
      return (
        await database.insertInto("user").values(values).returning("id").executeTakeFirstOrThrow()
      ).id;
    });
  }

  async saveConnection(
    id: number | undefined,
    input: ConnectionInput,
    actor: string,
    expected?: number,
  ): Promise<Saved> {
    const problems = textProblems({ name: input.name, password: input.password ?? "" });
    if (problems.length > 0) throw new Refused(422, "the connection can't be saved", problems);
    const saved = await this.#change("connection", id, actor, expected, async (database) => {
      const { name, type, enabled, password, ...rest } = input;
      const details: ConnectionDetails = { ...rest, allow: rest.allow.map(canonicalBlock) };
      const sealed = password === undefined ? {} : { password: this.#secrets.seal(password) };
      const row = {
        name,
        type,
        enabled: Number(enabled),
        details: JSON.stringify(details),
        ...sealed,
      };
      if (id !== undefined) {
        await database.updateTable("connection").set(row).where("id", "=", id).execute();
        return id;
      }
      return (
        await database
          .insertInto("connection")
          .values(row)
          .returning("id")
          .executeTakeFirstOrThrow()
      ).id;
    });
    return { ...saved, warnings: [...clearedBlocks(input.allow), ...saved.warnings] };
  }

  async remove(
    kind: "user" | "connection",
    id: number,
    actor: string,
    expected?: number,
  ): Promise<Saved> {
    return this.#change(kind, id, actor, expected, async (database) => {
      await database.deleteFrom(kind).where("id", "=", id).execute();
      return id;
    });
  }

  /** The name is part of the digest: with a new one the old password's hash is worthless. */
  async #keepName(
    database: Database,
    id: number,
    name: string,
    password: string | undefined,
  ): Promise<void> {
    const row = await database
      .selectFrom("user")
      .select("name")
      .where("id", "=", id)
      .executeTakeFirst();
    if (row && row.name !== name && password === undefined) {
      const message = "a new name needs the password set anew: it is stored bound to the name";
      throw new Refused(422, "the user can't be saved", [{ path: "password", message }]);
    }
  }

  async #change(
    kind: "user" | "connection",
    id: number | undefined,
    actor: string,
    expected: number | undefined,
    write: (database: Database, realm: string) => Promise<number>,
  ): Promise<Saved> {
    return this.#database.transaction().execute(async (database) => {
      const before = await loadConfig(database, this.#secrets);
      if (id !== undefined) await checkVersion(database, kind, id, expected);
      const written = await writeRow(() => write(database, before.realm));
      const revision = before.revision + 1;
      await database
        .updateTable("setting")
        .set({ value: String(revision) })
        .where("name", "=", "revision")
        .execute();
      if (id !== undefined) {
        await database
          .updateTable(kind)
          .set((it) => ({ version: it("version", "+", 1) }))
          .where("id", "=", id)
          .execute();
      }
      const version = await versionOf(database, kind, written);
      const config = await loadConfig(database, this.#secrets);
      const { problems, warnings } = checkConfig(config);
      const list = kind === "user" ? "users" : "connections";
      const index = config[list].findIndex((item) => item.id === written);
      if (problems.length > 0)
        throw new Refused(422, `the ${kind} can't be saved`, relative(problems, list, index));
      await database
        .insertInto("audit")
        .values({
          at: this.#now(),
          actor,
          action: `${id === undefined ? "create" : index < 0 ? "delete" : "update"} ${kind} ${written}`,
          before: redacted(before[list].find((item) => item.id === written)),
          after: redacted(config[list][index]),
        })
        .execute();
      return {
        id: written,
        version: version ?? 0,
        config,
        warnings: relative(warnings, list, index),
      };
    });
  }
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

async function versionOf(
  database: Database,
  kind: "user" | "connection",
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
  kind: "user" | "connection",
  id: number,
  expected: number | undefined,
): Promise<void> {
  const version = await versionOf(database, kind, id);
  if (version === undefined) throw new Refused(404, `there is no ${kind} ${id}`);
  if (expected !== undefined && version !== expected) {
    throw new Refused(412, "somebody else changed it meanwhile: load it again");
  }
}

/** Problems of the row itself lose the path in front; others keep it. */
function relative(problems: readonly Problem[], list: string, index: number): Problem[] {
  const prefix = `${list}[${index}].`;
  return problems.map(({ path, message }) => ({
    path: path.startsWith(prefix) ? path.slice(prefix.length) : path,
    message,
  }));
}

function redacted(item: object | undefined): string | null {
  if (!item) return null;
  return JSON.stringify(item, (key, value) =>
    key === "password" || key === "ha1" ? "(secret)" : value,
  );
}

/** What goes into columns as it is must be looked at before: neither a NUL nor half a character comes back. */
function textProblems(texts: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(texts)
    .filter(([, text]) => isUnprintable(text))
    .map(([path]) => ({ path, message: UNPRINTABLE_MESSAGE }));
}

function passwordProblems(password: string | undefined, isNew: boolean): Problem[] {
  if (password === undefined && !isNew) return [];
  if (password !== undefined && password.length >= PASSWORD_LENGTH_MIN) return [];
  return [{ path: "password", message: `at least ${PASSWORD_LENGTH_MIN} characters are expected` }];
}

function canonicalBlock(text: string): string {
  const parsed = parseCidr(text.trim());
  return parsed ? printCidr(parsed.cidr) : text;
}

/** SEC-01: what a block became, where it was written with host bits. */
function clearedBlocks(allow: readonly string[]): Problem[] {
  return allow.flatMap((text, index) => {
    const parsed = parseCidr(text.trim());
    if (!parsed?.hostBitsCleared) return [];
    const message = `${text.trim()} was stored as ${printCidr(parsed.cidr)}`;
    return [{ path: `allow[${index}]`, message }];
  });
}
