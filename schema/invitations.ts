/**
 * Invitations: a link by which a user's softphone is set up, good once and for a while. Whoever
 * opens it gets a password that is made then, so that none waits in a mail or in the database. One
 * for a user: a new one makes the one before worthless. Tokens are kept as SHA-256.
 */
import { hashHex } from "../gateway/crypto.ts";
import type { Random } from "../gateway/random.ts";
import type { Database } from "./database.ts";

/** How long one may be good for. */
export const INVITATION_HOURS_MAX = 168;
export const INVITATION_HOURS_DEFAULT = 24;

const TOKEN_BYTES = 32;
const HOUR_MS = 3_600_000;

export interface Invitation {
  /** Wall clock, milliseconds. */
  readonly created: number;
  readonly expires: number;
  /** Who made it. */
  readonly by: string;
}

export class Invitations {
  readonly #database: Database;
  readonly #random: Random;
  readonly #now: () => number;

  /** `now` is the wall clock, in milliseconds. */
  constructor(options: { database: Database; random: Random; now: () => number }) {
    this.#database = options.database;
    this.#random = options.random;
    this.#now = options.now;
  }

  /** The token is told this once. `hours`: 1 to `INVITATION_HOURS_MAX`; `user` is there. */
  async make(user: number, hours: number, by: string): Promise<{ token: string; expires: number }> {
    const token = this.#random.bytes(TOKEN_BYTES).toHex();
    const created = this.#now();
    const expires = created + hours * HOUR_MS;
    const row = { token_hash: hashHex("sha256", token), created, created_by: by, expires };
    await this.#database
      .insertInto("invitation")
      .values({ user, ...row })
      .onConflict((it) => it.column("user").doUpdateSet(row))
      .execute();
    return { token, expires };
  }

  /** The user's, while it is good. */
  async of(user: number): Promise<Invitation | undefined> {
    const row = await this.#good().where("user", "=", user).executeTakeFirst();
    return row && { created: row.created, expires: row.expires, by: row.created_by };
  }

  /** Whose it is; undefined for one that is none, was used, revoked, or has expired. */
  async userOf(token: string): Promise<number | undefined> {
    const hash = hashHex("sha256", token);
    return (await this.#good().where("token_hash", "=", hash).executeTakeFirst())?.user;
  }

  /** Uses it up: of those who come at once one is told whose it is. */
  async use(token: string): Promise<number | undefined> {
    const row = await this.#database
      .deleteFrom("invitation")
      .where("token_hash", "=", hashHex("sha256", token))
      .where("expires", ">", this.#now())
      .returning("user")
      .executeTakeFirst();
    return row?.user;
  }

  /** Whether there was one. */
  async revoke(user: number): Promise<boolean> {
    const { numDeletedRows } = await this.#database
      .deleteFrom("invitation")
      .where("user", "=", user)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  #good() {
    return this.#database.selectFrom("invitation").selectAll().where("expires", ">", this.#now());
  }
}
