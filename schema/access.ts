/**
 * How somebody is let in: log-in sessions of accounts, API tokens, and the one-time token that makes
 * the first account. Tokens are kept as SHA-256. Accounts themselves are `accounts.ts`.
 */
import { hashHex } from "../gateway/crypto.ts";
import type { Random } from "../gateway/random.ts";
import { FIRST_ACCOUNT } from "./accounts.ts";
import type { Database } from "./database.ts";
import type { Role } from "./roles.ts";
import type { TokenScope } from "./tables.ts";

export interface ApiToken {
  id: number;
  name: string;
  created: number;
  /** To the minute. */
  lastUsed: number | null;
  scope: TokenScope;
  /** Wall clock, milliseconds; null: never. */
  expires: number | null;
}

export interface ApiTokenInput {
  name: string;
  scope?: TokenScope;
  expires?: number;
}

const TOKEN_BYTES = 32;
/** How exactly the last use is known: each request must not be a write (D4, D5). */
const USED_MS = 60_000;
/** A log-in ends when it was not used for so long. */
const SESSION_IDLE_MS = 12 * 3_600_000;
/** Log-ins of one account; with one more, the one that was used longest ago ends. */
const SESSIONS_MAX = 20;
/** How far the clock may have gone back before nobody can tell how long a log-in was idle. */
const CLOCK_BACK_MS = 5 * 60_000;
const SEEN_MAX = 5_000;
const SETUP = "setup-token";

/** Whose log-in it is. */
export interface Session {
  readonly account: number;
  readonly name: string;
  readonly role: Role;
}

export class Access {
  readonly #database: Database;
  readonly #random: Random;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  /** When this process saw a log-in used, by the clock nobody sets (W13); by the token's hash. */
  readonly #seen = new Map<string, number>();

  /** `now` is the wall clock, `monotonic` one that is never set; both in milliseconds. */
  constructor(options: {
    database: Database;
    random: Random;
    now: () => number;
    monotonic: () => number;
  }) {
    this.#database = options.database;
    this.#random = options.random;
    this.#now = options.now;
    this.#monotonic = options.monotonic;
  }

  /** A new one-time set-up token; the one before is void. */
  async newSetupToken(): Promise<string> {
    const token = this.#token();
    const value = hashHex("sha256", token);
    await this.#database
      .insertInto("setting")
      .values({ name: SETUP, value })
      .onConflict((it) => it.column("name").doUpdateSet({ value }))
      .execute();
    return token;
  }

  async isSetupToken(token: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom("setting")
      .select("name")
      .where("name", "=", SETUP)
      .where("value", "=", hashHex("sha256", token))
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Uses the set-up token up and makes the first account; undefined when somebody was faster (W5). */
  async setUp(token: string, passwordHash: string): Promise<number | undefined> {
    return this.#database.transaction().execute(async (database) => {
      const used = await database
        .deleteFrom("setting")
        .where("name", "=", SETUP)
        .where("value", "=", hashHex("sha256", token))
        .executeTakeFirst();
      return used.numDeletedRows === 0n ? undefined : this.#first(database, passwordHash);
    });
  }

  /** Makes the first account without a token, as whoever has the machine may; undefined where one is. */
  async makeFirst(passwordHash: string): Promise<number | undefined> {
    return this.#database.transaction().execute(async (database) => {
      await database.deleteFrom("setting").where("name", "=", SETUP).execute();
      return this.#first(database, passwordHash);
    });
  }

  async #first(database: Database, passwordHash: string): Promise<number | undefined> {
    const any = await database.selectFrom("account").select("id").limit(1).executeTakeFirst();
    if (any) return undefined;
    const row = {
      name: FIRST_ACCOUNT,
      role: "admin",
      enabled: 1,
      password_hash: passwordHash,
      created: this.#now(),
    } as const;
    return (
      await database.insertInto("account").values(row).returning("id").executeTakeFirstOrThrow()
    ).id;
  }

  /** A log-in of that account; its token is told this once. */
  async newSession(account: number): Promise<string> {
    const token = this.#token();
    const hash = hashHex("sha256", token);
    const at = this.#now();
    await this.#database.transaction().execute(async (database) => {
      const row = { token_hash: hash, account, created: at, last_used: at };
      await database.insertInto("login_session").values(row).execute();
      const idle = database
        .deleteFrom("login_session")
        .where("last_used", "<", at - SESSION_IDLE_MS);
      await idle.execute();
      const kept = database
        .selectFrom("login_session")
        .select("token_hash")
        .where("account", "=", account)
        .where("token_hash", "!=", hash)
        .orderBy("last_used", "desc")
        .orderBy("created", "desc")
        .limit(SESSIONS_MAX - 1);
      await database
        .deleteFrom("login_session")
        .where("account", "=", account)
        .where("token_hash", "!=", hash)
        .where("token_hash", "not in", kept)
        .execute();
      const values = { last_log_in: at };
      await database.updateTable("account").set(values).where("id", "=", account).execute();
    });
    this.#see(hash);
    return token;
  }

  /** Whose log-in it is, if it is alive; it is used by this. */
  async session(token: string): Promise<Session | undefined> {
    const hash = hashHex("sha256", token);
    const row = await this.#alive(hash);
    if (!row) return undefined;
    this.#see(hash);
    const since = this.#now() - row.last_used;
    if (since >= USED_MS || since < 0) await this.#used("login_session", hash);
    return sessionOf(row);
  }

  /** The same without using it: what watches on its own must not keep a log-in alive. */
  async watchedSession(token: string): Promise<Session | undefined> {
    const row = await this.#alive(hashHex("sha256", token));
    return row && sessionOf(row);
  }

  async endSession(token: string): Promise<void> {
    await this.#end(hashHex("sha256", token));
  }

  async #alive(hash: string) {
    const row = await this.#database
      .selectFrom("login_session")
      .innerJoin("account", "account.id", "login_session.account")
      .select(["account.id", "account.name", "account.role", "login_session.last_used"])
      .where("token_hash", "=", hash)
      .where("account.enabled", "=", 1)
      .executeTakeFirst();
    if (!row) return undefined;
    if (!this.#isIdle(hash, row.last_used)) return row;
    // Or a clock set back would wake it again. On a full disk it only stays refused.
    await this.#end(hash).catch(() => {});
    return undefined;
  }

  /** W13: by either clock. A wall clock that was set must not make a log-in last. */
  #isIdle(hash: string, lastUsed: number): boolean {
    const since = this.#now() - lastUsed;
    if (since > SESSION_IDLE_MS) return true;
    const seen = this.#seen.get(hash);
    if (seen === undefined) return since < -CLOCK_BACK_MS;
    return this.#monotonic() - seen > SESSION_IDLE_MS;
  }

  /** The one seen longest ago is forgotten first; then the wall clock alone counts. */
  #see(hash: string): void {
    this.#seen.delete(hash);
    this.#seen.set(hash, this.#monotonic());
    if (this.#seen.size <= SEEN_MAX) return;
    const [oldest = ""] = this.#seen.keys();
    this.#seen.delete(oldest);
  }

  async #end(hash: string): Promise<void> {
    await this.#database.deleteFrom("login_session").where("token_hash", "=", hash).execute();
    this.#seen.delete(hash);
  }

  /** The token itself is told this once. A bare name: it may do all, for ever. */
  async newApiToken(input: string | ApiTokenInput): Promise<{ id: number; token: string }> {
    const {
      name,
      scope = "all",
      expires = null,
    } = typeof input === "string" ? { name: input } : input;
    const token = `jf_${this.#token()}`;
    const row = {
      name,
      token_hash: hashHex("sha256", token),
      created: this.#now(),
      last_used: null,
      scope,
      expires,
    };
    const { id } = await this.#database
      .insertInto("api_token")
      .values(row)
      .returning("id")
      .executeTakeFirstOrThrow();
    return { id, token };
  }

  /** What a token is; undefined for one that is none, was revoked or has expired (D14). */
  async apiToken(token: string): Promise<{ name: string; scope: TokenScope } | undefined> {
    const row = await this.#database
      .selectFrom("api_token")
      .select(["name", "scope", "last_used", "expires"])
      .where("token_hash", "=", hashHex("sha256", token))
      .executeTakeFirst();
    const now = this.#now();
    if (!row || (row.expires !== null && row.expires <= now)) return undefined;
    if (now - (row.last_used ?? 0) >= USED_MS) {
      await this.#used("api_token", hashHex("sha256", token));
    }
    return { name: row.name, scope: row.scope };
  }

  async apiTokens(): Promise<ApiToken[]> {
    const rows = await this.#database.selectFrom("api_token").selectAll().orderBy("id").execute();
    return rows.map(({ id, name, created, last_used: lastUsed, scope, expires }) => ({
      id,
      name,
      created,
      lastUsed,
      scope,
      expires,
    }));
  }

  /** Its name; undefined where there was none. */
  async revokeApiToken(id: number): Promise<string | undefined> {
    const revoked = await this.#database
      .deleteFrom("api_token")
      .where("id", "=", id)
      .returning("name")
      .executeTakeFirst();
    return revoked?.name;
  }

  /** Whether it can be written or not: a full disk keeps nobody from looking (D4). */
  async #used(table: "login_session" | "api_token", hash: string): Promise<void> {
    await this.#database
      .updateTable(table)
      .set({ last_used: this.#now() })
      .where("token_hash", "=", hash)
      .execute()
      .catch(() => {});
  }

  #token(): string {
    return this.#random.bytes(TOKEN_BYTES).toHex();
  }
}

function sessionOf({ id, name, role }: { id: number; name: string; role: Role }): Session {
  return { account: id, name, role };
}
