/** Single secrets of the gateway itself, sealed as passwords are. */
import type { Database } from "./database.ts";
import type { Secrets } from "./secrets.ts";

/** The key of the signature under alerts. */
export const WEBHOOK_SECRET = "webhook-secret";
/** By this a rotation of the key finds them. */
const PREFIX = "sealed-";

export class SealedSettings {
  readonly #database: Database;
  readonly #secrets: Secrets;

  constructor(database: Database, secrets: Secrets) {
    this.#database = database;
    this.#secrets = secrets;
  }

  async get(name: string): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom("setting")
      .select("value")
      .where("name", "=", `${PREFIX}${name}`)
      .executeTakeFirst();
    return row && this.#secrets.open(row.value);
  }

  async set(name: string, text: string): Promise<void> {
    const value = this.#secrets.seal(text);
    await this.#database
      .insertInto("setting")
      .values({ name: `${PREFIX}${name}`, value })
      .onConflict((it) => it.column("name").doUpdateSet({ value }))
      .execute();
  }
}
