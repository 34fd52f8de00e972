/**
 * Accounts of people who administer: a name, a role, and the hash of a password, which comes in
 * hashed. Each change is written with its line in the audit log; whoever loses rights or changes the
 * password is logged out everywhere (W13). There is always an admin who can log in.
 */
import type { Selectable } from "kysely";
import type { Account, AccountInput } from "./account.ts";
import { type Actor, type AuditRow, addAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { Refused } from "./refused.ts";
import type { Tables } from "./tables.ts";

/** The account the set-up makes. */
export const FIRST_ACCOUNT = "administrator";
/** Of an account's password, in characters. */
export const ACCOUNT_PASSWORD_LENGTH_MIN = 12;
export const ACCOUNT_PASSWORD_LENGTH_MAX = 1_024;
/** Each may have log-ins, which must not grow without end. */
const ACCOUNTS_MAX = 200;
/** No spaces: `token NAME` in the audit log is a program. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
/** Who the audit log calls so is no account. */
const RESERVED: ReadonlySet<string> = new Set(["console", "gateway"]);

type Row = Selectable<Tables["account"]>;

export class Accounts {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(options: { database: Database; now: () => number }) {
    this.#database = options.database;
    this.#now = options.now;
  }

  /** False until the first account is made. */
  async isSetUp(): Promise<boolean> {
    return (
      (await this.#database.selectFrom("account").select("id").limit(1).executeTakeFirst()) !==
      undefined
    );
  }

  /** By name. */
  async all(): Promise<Account[]> {
    const rows = await this.#database.selectFrom("account").selectAll().orderBy("name").execute();
    return rows.map(accountOf);
  }

  async one(id: number): Promise<(Account & { version: number }) | undefined> {
    const row = await rowOf(this.#database, id);
    return row && { ...accountOf(row), version: row.version };
  }

  /** What a log-in by that name is held against; undefined where nobody of it may log in. */
  async proofOf(name: string): Promise<{ account: Account; passwordHash: string } | undefined> {
    const row = await this.#database
      .selectFrom("account")
      .selectAll()
      .where("name", "=", name)
      .where("enabled", "=", 1)
      .executeTakeFirst();
    return row && { account: accountOf(row), passwordHash: row.password_hash };
  }

  /** Rejects with `Refused`: 409 for a taken name, 422 for one that can't be. */
  async create(input: AccountInput & { passwordHash: string }, actor: Actor): Promise<Account> {
    refuseName(input.name);
    return this.#database.transaction().execute(async (database) => {
      const row = { ...columnsOf(input), password_hash: input.passwordHash, created: this.#now() };
      const made = await unlessTaken(() =>
        database.insertInto("account").values(row).returningAll().executeTakeFirstOrThrow(),
      );
      const { count } = await database
        .selectFrom("account")
        .select((it) => it.fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow();
      if (count > ACCOUNTS_MAX)
        throw new Refused(409, `there are ${ACCOUNTS_MAX} accounts already`);
      await this.#told(database, actor, { action: "create", ...about(made), after: shown(made) });
      return accountOf(made);
    });
  }

  /**
   * Over version `expected`, where that is given. Rejects with `Refused`: 404, 409 for a taken name
   * and for the last admin, 412 for another version, 422 for a name that can't be.
   */
  async update(id: number, input: AccountInput, actor: Actor, expected?: number): Promise<Account> {
    refuseName(input.name);
    return this.#database.transaction().execute(async (database) => {
      const before = await rowAt(database, id, expected);
      const after = await unlessTaken(() =>
        database
          .updateTable("account")
          .set({ ...columnsOf(input), version: before.version + 1 })
          .where("id", "=", id)
          .returningAll()
          .executeTakeFirstOrThrow(),
      );
      await requireAdmin(database, before.name);
      const row = { action: "update", ...about(after), before: shown(before), after: shown(after) };
      await this.#told(database, actor, row);
      if (input.passwordHash !== undefined) {
        await this.#told(database, actor, { action: "password-change", ...about(after) });
      }
      const isSame = before.role === after.role && after.enabled === 1;
      if (!isSame || input.passwordHash !== undefined) await endSessions(database, id);
      return accountOf(after);
    });
  }

  /** Sets the password and ends every log-in of the account. */
  async setPassword(id: number, passwordHash: string, actor: Actor): Promise<void> {
    await this.#database.transaction().execute(async (database) => {
      const row = await rowAt(database, id);
      await database
        .updateTable("account")
        .set({ password_hash: passwordHash, version: row.version + 1 })
        .where("id", "=", id)
        .execute();
      await endSessions(database, id);
      await this.#told(database, actor, { action: "password-change", ...about(row) });
    });
  }

  /** Rejects with `Refused`: 404, 409 for the last admin, 412 for another version. */
  async remove(id: number, actor: Actor, expected?: number): Promise<void> {
    await this.#database.transaction().execute(async (database) => {
      const row = await rowAt(database, id, expected);
      await endSessions(database, id);
      await database.deleteFrom("account").where("id", "=", id).execute();
      await requireAdmin(database, row.name);
      await this.#told(database, actor, { action: "delete", ...about(row), before: shown(row) });
    });
  }

  async #told(database: Database, actor: Actor, row: AuditRow): Promise<void> {
    await addAudit(database, this.#now(), actor, [row]);
  }
}

function refuseName(name: string): void {
  if (NAME.test(name) && !RESERVED.has(name.toLowerCase())) return;
  const message = RESERVED.has(name.toLowerCase())
    ? `${name} is a name of the program's own: choose another`
    : "1 to 64 letters, digits and . _ - @ are expected, the first a letter or a digit";
  throw new Refused(422, "the account can't be saved", [{ path: "name", message }]);
}

async function unlessTaken(write: () => Promise<Row>): Promise<Row> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof Error) || !/UNIQUE constraint/.test(error.message)) throw error;
    const problems = [{ path: "name", message: "the name is taken: choose another" }];
    throw new Refused(409, "the name is taken", problems);
  }
}

/** After the change, inside its transaction: whoever was first, one admin is left. */
async function requireAdmin(database: Database, name: string): Promise<void> {
  const left = await database
    .selectFrom("account")
    .select("id")
    .where("role", "=", "admin")
    .where("enabled", "=", 1)
    .limit(1)
    .executeTakeFirst();
  if (left) return;
  throw new Refused(409, `${name} is the last admin who can log in: make another one first`);
}

async function rowAt(database: Database, id: number, expected?: number): Promise<Row> {
  const row = await rowOf(database, id);
  if (!row) throw new Refused(404, `there is no account ${id}`);
  if (expected !== undefined && row.version !== expected)
    throw new Refused(412, "somebody else changed it meanwhile: load it again");
  return row;
}

function rowOf(database: Database, id: number): Promise<Row | undefined> {
  return database.selectFrom("account").selectAll().where("id", "=", id).executeTakeFirst();
}

async function endSessions(database: Database, account: number): Promise<void> {
  await database.deleteFrom("login_session").where("account", "=", account).execute();
}

function columnsOf({ name, role, enabled, passwordHash }: AccountInput) {
  const hash = passwordHash === undefined ? {} : { password_hash: passwordHash };
  return { name, role, enabled: Number(enabled), ...hash };
}

function about({ id, name }: Row) {
  return { kind: "account", item: id, name };
}

/** What the audit log has of it. */
function shown({ name, role, enabled }: Row) {
  return { name, role, enabled: enabled === 1 };
}

function accountOf({ id, name, role, enabled, created, last_log_in: lastLogIn }: Row): Account {
  return { id, name, role, enabled: enabled === 1, created, lastLogIn };
}
