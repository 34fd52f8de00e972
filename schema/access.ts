/**
 * Who may administer: the administrator's password, log-in sessions, API tokens, and the one-time
 * token that sets the first password. Tokens are kept as SHA-256; the password's hash comes in.
 */
import { hashHex } from "../gateway/crypto.ts";
import type { Random } from "../gateway/random.ts";
import type { Database } from "./database.ts";

export interface ApiToken {
  id: number;
  name: string;
  created: number;
  lastUsed: number | null;
}

const TOKEN_BYTES = 32;
/** A log-in ends when it was not used for so long. */
const SESSION_IDLE_MS = 12 * 3_600_000;
const PASSWORD = "administrator-password";
const SETUP = "setup-token";

export class Access {
  readonly #database: Database;
  readonly #random: Random;
  readonly #now: () => number;

  constructor(options: { database: Database; random: Random; now: () => number }) {
    this.#database = options.database;
    this.#random = options.random;
    this.#now = options.now;
  }

  /** The hash of the administrator's password; undefined before set-up. */
  passwordHash(): Promise<string | undefined> {
    return this.#setting(PASSWORD);
  }

  /** Replaces the password and ends every log-in (W13). */
  async setPassword(hash: string): Promise<void> {
    await this.#database.transaction().execute(async (database) => {
      await this.#write(database, PASSWORD, hash);
      await database.deleteFrom("setting").where("name", "=", SETUP).execute();
      await database.deleteFrom("login_session").execute();
    });
  }

  /** A new one-time set-up token; the one before is void. */
  async newSetupToken(): Promise<string> {
    const token = this.#token();
    await this.#write(this.#database, SETUP, hashHex("sha256", token));
    return token;
  }

  async isSetupToken(token: string): Promise<boolean> {
    return (await this.#setting(SETUP)) === hashHex("sha256", token);
  }

  /** Uses the set-up token up and sets the password; false when somebody was faster (W5). */
  async setUp(token: string, passwordHash: string): Promise<boolean> {
    return this.#database.transaction().execute(async (database) => {
      const used = await database
        .deleteFrom("setting")
        .where("name", "=", SETUP)
        .where("value", "=", hashHex("sha256", token))
        .executeTakeFirst();
      if (used.numDeletedRows === 0n) return false;
      await this.#write(database, PASSWORD, passwordHash);
      return true;
    });
  }

  async newSession(): Promise<string> {
    const token = this.#token();
    const at = this.#now();
    const row = { token_hash: hashHex("sha256", token), created: at, last_used: at };
    await this.#database.insertInto("login_session").values(row).execute();
    await this.#database
      .deleteFrom("login_session")
      .where("last_used", "<", at - SESSION_IDLE_MS)
      .execute();
    return token;
  }

  /** True for a log-in that is alive; it is used by this. */
  async isSession(token: string): Promise<boolean> {
    const at = this.#now();
    const updated = await this.#database
      .updateTable("login_session")
      .set({ last_used: at })
      .where("token_hash", "=", hashHex("sha256", token))
      .where("last_used", ">=", at - SESSION_IDLE_MS)
      .executeTakeFirst();
    return updated.numUpdatedRows > 0n;
  }

  /** The same without using it: what watches on its own must not keep a log-in alive. */
  async isSessionAlive(token: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom("login_session")
      .select("created")
      .where("token_hash", "=", hashHex("sha256", token))
      .where("last_used", ">=", this.#now() - SESSION_IDLE_MS)
      .executeTakeFirst();
    return row !== undefined;
  }

  async endSession(token: string): Promise<void> {
    await this.#database
      .deleteFrom("login_session")
      .where("token_hash", "=", hashHex("sha256", token))
      .execute();
  }

  /** The token itself is told this once. */
  async newApiToken(name: string): Promise<{ id: number; token: string }> {
    const token = `jf_${this.#token()}`;
    const row = {
      name,
      token_hash: hashHex("sha256", token),
      created: this.#now(),
      last_used: null,
    };
    const { id } = await this.#database
      .insertInto("api_token")
      .values(row)
      .returning("id")
      .executeTakeFirstOrThrow();
    return { id, token };
  }

  /** The token's name; undefined for a token that is none, or was revoked. */
  async apiTokenName(token: string): Promise<string | undefined> {
    const row = await this.#database
      .updateTable("api_token")
      .set({ last_used: this.#now() })
      .where("token_hash", "=", hashHex("sha256", token))
      .returning("name")
      .executeTakeFirst();
    return row?.name;
  }

  async apiTokens(): Promise<ApiToken[]> {
    const rows = await this.#database.selectFrom("api_token").selectAll().orderBy("id").execute();
    return rows.map(({ id, name, created, last_used: lastUsed }) => ({
      id,
      name,
      created,
      lastUsed,
    }));
  }

  async revokeApiToken(id: number): Promise<boolean> {
    const deleted = await this.#database
      .deleteFrom("api_token")
      .where("id", "=", id)
      .executeTakeFirst();
    return deleted.numDeletedRows > 0n;
  }

  async #setting(name: string): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom("setting")
      .select("value")
      .where("name", "=", name)
      .executeTakeFirst();
    return row?.value;
  }

  async #write(database: Database, name: string, value: string): Promise<void> {
    await database
      .insertInto("setting")
      .values({ name, value })
      .onConflict((it) => it.column("name").doUpdateSet({ value }))
      .execute();
  }

  #token(): string {
    return this.#random.bytes(TOKEN_BYTES).toHex();
  }
}
