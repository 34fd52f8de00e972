/**
 * Changing the configuration: one transaction writes the rows, loads and checks the WHOLE of it, and
 * commits only when nothing is wrong. Every change has an audit row and a new revision.
 */

import { parseCidr, printCidr } from "../gateway/address.ts";
import type { Actor } from "./audit.ts";
import { Change, placeOf, versionOf } from "./change.ts";
import type { Config, Connection, Problem, User } from "./config.ts";
import { type Credentials, digestsOf, newPassword, newUsername } from "./credentials.ts";
import type { Database } from "./database.ts";
import { isUnprintable, UNPRINTABLE_MESSAGE } from "./findings.ts";
import {
  type ConnectionDetails,
  type Kind,
  loadConfig,
  loadRevision,
  REALM_DEFAULT,
  type UserDetails,
} from "./load.ts";
import { Refused } from "./refused.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

/** A user as it is written; the password is kept only as digest hashes. */
export interface UserInput extends Omit<User, "id" | "ha1"> {
  /** Absent: keeps the one there is. */
  password?: string | undefined;
  /** In the place of a password, where that is not known: as an export has it. */
  ha1?: User["ha1"] | undefined;
}

/** A connection as it is written; an absent password keeps the one there is. */
export type ConnectionInput = Omit<Connection, "id">;

export interface Saved {
  id: number;
  /** Of the row as it is now, for its ETag. */
  version: number;
  config: Config;
  warnings: Problem[];
  /** What a PBX registers with, where it was just made: nobody learns the password again. */
  credentials?: Credentials;
}

/** Of the settings there is one row. */
export const SETTINGS_ID = 1;

/** What several changes made, or would make. */
export interface Together {
  before: Config;
  config: Config;
  problems: Problem[];
  warnings: Problem[];
}

export interface StoreOptions {
  database: Database;
  secrets: Secrets;
  /** The wall clock, in milliseconds since 1970. */
  now: () => number;
}

const PASSWORD_LENGTH_MIN = 8;

export class Store {
  readonly #options: StoreOptions;
  readonly #database: Database;
  readonly #secrets: Secrets;
  /** The change this store writes into; see `together`. */
  readonly #within: Change | undefined;
  #known: Config | undefined;

  constructor(options: StoreOptions, database = options.database, within?: Change) {
    this.#options = options;
    this.#database = database;
    this.#secrets = options.secrets;
    this.#within = within;
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

  /** As it is stored; read anew only where somebody changed it. */
  load(): Promise<Config> {
    return this.#current(this.#database);
  }

  /**
   * Several changes as one: `work` makes them at the store it is given, and they stand or fall
   * together. `isTrial`: they are checked as ever, and undone. Problems have paths from the top.
   */
  async together(
    actor: Actor,
    work: (store: Store, before: Config) => Promise<void>,
    { isTrial = false }: { isTrial?: boolean } = {},
  ): Promise<Together> {
    let result: Together | undefined;
    try {
      const done = await this.#database.transaction().execute(async (database) => {
        const change = new Change(database, this.#secrets, await this.#current(database));
        await work(new Store(this.#options, database, change), change.before);
        result = { ...(await change.finish(actor, this.#options.now())), before: change.before };
        if (isTrial || result.problems.length > 0) throw new Undone();
        return result;
      });
      this.#known = done.config;
      return done;
    } catch (error) {
      if (error instanceof Undone && result) return result;
      throw error;
    }
  }

  /** The version of a row, for ETags; undefined when there is no such row. */
  version(kind: Kind, id: number): Promise<number | undefined> {
    return versionOf(this.#database, kind, id);
  }

  async saveUser(
    id: number | undefined,
    input: UserInput,
    actor: Actor,
    expected?: number,
  ): Promise<Saved> {
    const problems = [
      ...textProblems({ name: input.name, displayName: input.displayName }),
      ...passwordProblems(input.password, id === undefined && !input.ha1),
    ];
    if (problems.length > 0) throw new Refused(422, "the user can't be saved", problems);
    return this.#change("user", id, actor, expected, async (database, realm) => {
      const { name, displayName, enabled, password, ha1, ...details } = input;
      const hashes =
        password === undefined ? ha1Row(ha1) : digestsOf({ username: name, password }, realm);
      const row = {
        name,
        display_name: displayName,
        enabled: Number(enabled),
        details: JSON.stringify(details satisfies UserDetails),
        ...hashes,
      };
      if (id !== undefined) {
        if (!ha1) await this.#keepName(database, id, name, password);
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
    actor: Actor,
    expected?: number,
  ): Promise<Saved> {
    const problems = textProblems({ name: input.name, password: input.password ?? "" });
    if (problems.length > 0) throw new Refused(422, "the connection can't be saved", problems);
    let credentials: Credentials | undefined;
    const change = await this.#change(
      "connection",
      id,
      actor,
      expected,
      async (database, realm) => {
        const { name, type, enabled, password, ha1, ...rest } = input;
        const made =
          type === "inbound-registration" ? await this.#registers(database, id, input) : {};
        credentials = made.credentials;
        const own = {
          ...rest,
          ...(made.username === undefined ? {} : { username: made.username }),
        };
        const details: ConnectionDetails = { ...own, allow: rest.allow.map(canonicalBlock) };
        const row = {
          name,
          type,
          enabled: Number(enabled),
          details: JSON.stringify(details),
          ...this.#proofOf(
            type,
            password,
            credentials ? digestsOf(credentials, realm) : ha1Row(ha1),
          ),
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
      },
    );
    const warnings = [...clearedBlocks(input.allow), ...change.warnings];
    return { ...change, warnings, ...(credentials ? { credentials } : {}) };
  }

  /** Another password for a PBX that registers with us; the old one is worth nothing from now on. */
  async renewCredentials(id: number, actor: Actor, expected?: number): Promise<Saved> {
    let credentials: Credentials | undefined;
    const change = await this.#change(
      "connection",
      id,
      actor,
      expected,
      async (database, realm) => {
        const { type, username } = (await connectionRow(database, id)) ?? {};
        if (type !== "inbound-registration" || username === undefined) {
          throw new Refused(422, "only a PBX that registers here has credentials made here");
        }
        credentials = { username, password: newPassword() };
        const digests = digestsOf(credentials, realm);
        await database.updateTable("connection").set(digests).where("id", "=", id).execute();
        return id;
      },
    );
    return { ...change, ...(credentials ? { credentials } : {}) };
  }

  /** What of a row proves who somebody is: of its own type alone, and what is absent stays. */
  #proofOf(
    type: Connection["type"],
    password: string | undefined,
    digests: Partial<ReturnType<typeof digestsOf>>,
  ) {
    if (type === "inbound-registration") return { password: null, ...digests };
    const sealed = password === undefined ? {} : { password: this.#secrets.seal(password) };
    return { ha1_md5: null, ha1_sha256: null, ...sealed };
  }

  /** REG-08: the name a PBX has and keeps, and the password where it has none yet. */
  async #registers(
    database: Database,
    id: number | undefined,
    input: ConnectionInput,
  ): Promise<{ username?: string; credentials?: Credentials }> {
    if (input.password !== undefined) {
      const message = "the password of a PBX that registers here is made by the gateway";
      throw new Refused(422, "the connection can't be saved", [{ path: "password", message }]);
    }
    if (input.ha1) return {};
    const row = id === undefined ? undefined : await connectionRow(database, id);
    const known = row?.hasDigests === true ? row.username : undefined;
    if (input.username !== undefined && input.username !== known) {
      const message = "the user name of a PBX that registers here is made by the gateway";
      throw new Refused(422, "the connection can't be saved", [{ path: "username", message }]);
    }
    if (known !== undefined) return { username: known };
    const credentials = { username: newUsername(), password: newPassword() };
    return { username: credentials.username, credentials };
  }

  /** Everything that is set, anew: what is absent is not set any more. */
  async saveSettings(input: Settings, actor: Actor, expected?: number): Promise<Saved> {
    const blocks = input.localNetworks?.map(canonicalBlock);
    const details = JSON.stringify(blocks ? { ...input, localNetworks: blocks } : input);
    return this.#change("settings", SETTINGS_ID, actor, expected, async (database) => {
      await database
        .updateTable("settings")
        .set({ details })
        .where("id", "=", SETTINGS_ID)
        .execute();
      return SETTINGS_ID;
    });
  }

  async remove(
    kind: "user" | "connection",
    id: number,
    actor: Actor,
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
    kind: Kind,
    id: number | undefined,
    actor: Actor,
    expected: number | undefined,
    write: (database: Database, realm: string) => Promise<number>,
  ): Promise<Saved> {
    if (this.#within) {
      const { before } = this.#within;
      const written = await this.#within.write(kind, id, expected, write);
      return { id: written, version: 0, config: before, warnings: [] };
    }
    const saved = await this.#database.transaction().execute(async (database) => {
      const change = new Change(database, this.#secrets, await this.#current(database));
      const written = await change.write(kind, id, expected, write);
      const { config, problems, warnings } = await change.finish(actor, this.#options.now());
      const [path] = placeOf(config, kind, written);
      if (problems.length > 0)
        throw new Refused(422, `the ${kind} can't be saved`, relative(problems, path));
      const version = (await versionOf(database, kind, written)) ?? 0;
      return { id: written, version, config, warnings: relative(warnings, path) };
    });
    this.#known = saved.config;
    return saved;
  }

  /** The revision tells whether what is known is what is stored: it grows with each change. */
  async #current(database: Database): Promise<Config> {
    const revision = await loadRevision(database);
    if (this.#known?.revision !== revision) {
      const read = await loadConfig(database, this.#secrets);
      // Between the two a change may have come; inside a transaction nothing can.
      if (this.#known === undefined || read.revision >= this.#known.revision) this.#known = read;
      return read;
    }
    return this.#known;
  }
}

/** Takes a transaction back whose outcome is wanted all the same. */
class Undone extends Error {}

/** Problems of the row itself lose the path in front; others keep it. */
function relative(problems: readonly Problem[], place: string): Problem[] {
  const prefix = `${place}.`;
  return problems.map(({ path, message }) => ({
    path: path.startsWith(prefix) ? path.slice(prefix.length) : path,
    message,
  }));
}

function ha1Row(ha1: User["ha1"] | undefined) {
  return ha1 ? { ha1_md5: ha1.md5, ha1_sha256: ha1.sha256 } : {};
}

async function connectionRow(database: Database, id: number) {
  const row = await database
    .selectFrom("connection")
    .select(["type", "details", "ha1_md5"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (!row) return undefined;
  const { username }: ConnectionDetails = JSON.parse(row.details);
  const isInbound = row.type === "inbound-registration";
  return { type: row.type, username, hasDigests: isInbound && row.ha1_md5 !== null };
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
