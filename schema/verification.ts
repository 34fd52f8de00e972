/**
 * Whether a connection is verified (TST-08): a call placed by it was heard, and one that came in by it.
 * What they showed counts no more once the connection leads elsewhere, or as somebody else.
 */
import type { Config, Connection } from "./config.ts";
import type { Database } from "./database.ts";

export interface Verification {
  /** When a call each way was last heard; absent where none was, since it was last changed. */
  readonly placedAt?: number;
  readonly receivedAt?: number;
  /** Since both were heard; absent where it is not verified. */
  readonly verifiedAt?: number;
  /** Why what was heard before counts no more, in words. */
  readonly voidBecause?: string;
}

export type Way = "placed" | "received";

/** What calls depend on, in words. */
const DEPENDS: readonly (readonly [words: string, fields: readonly (keyof Connection)[]])[] = [
  ["type", ["type"]],
  ["host", ["host", "port", "furtherHosts", "outboundProxy"]],
  ["transport", ["transport", "tls"]],
  ["way out", ["interface", "mediaInterface", "nat"]],
  ["credentials", ["username", "authId", "password", "ha1", "realm", "fromUser", "fromDomain"]],
];

/** What of it is another thing now; undefined where calls go as they went. */
export function changedWords(before: Connection, after: Connection): string | undefined {
  const differs = (field: keyof Connection) => !Bun.deepEquals(before[field], after[field]);
  const words = DEPENDS.filter(([, fields]) => fields.some(differs)).map(([it]) => it);
  return words.length === 0 ? undefined : words.join(" and ");
}

export class Verifications {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A call was heard both ways by a connection that is still there. */
  async heard(connection: number, way: Way, at: number): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const is = await transaction
        .selectFrom("connection")
        .select("id")
        .where("id", "=", connection)
        .executeTakeFirst();
      if (!is) return;
      const { placed, received } = (await rowOf(transaction, connection)) ?? {};
      const row = { connection, placed: placed ?? null, received: received ?? null, void: null };
      await transaction
        .replaceInto("verification")
        .values({ ...row, [way]: at })
        .execute();
    });
  }

  async of(connection: number): Promise<Verification> {
    const row = await rowOf(this.#database, connection);
    return row ? shown(row) : {};
  }

  /** Of all that have one, by connection. */
  async all(): Promise<ReadonlyMap<number, Verification>> {
    const rows = await this.#database.selectFrom("verification").selectAll().execute();
    return new Map(rows.map((row) => [row.connection, shown(row)]));
  }
}

/** Of a change of the configuration, inside its transaction: what it takes from connections' calls. */
export async function voidChanged(
  database: Database,
  before: Config,
  after: Config,
  ids: readonly number[],
): Promise<void> {
  for (const id of new Set(ids)) {
    const [was, is] = [before, after].map((it) => it.connections.find((one) => one.id === id));
    const words = was && is && changedWords(was, is);
    if (words === undefined) continue;
    await database
      .updateTable("verification")
      .set({ placed: null, received: null, void: `its ${words} changed since` })
      .where("connection", "=", id)
      .execute();
  }
}

function rowOf(database: Database, connection: number) {
  return database
    .selectFrom("verification")
    .selectAll()
    .where("connection", "=", connection)
    .executeTakeFirst();
}

function shown(row: {
  placed: number | null;
  received: number | null;
  void: string | null;
}): Verification {
  const { placed, received, void: reason } = row;
  return {
    ...(placed === null ? {} : { placedAt: placed }),
    ...(received === null ? {} : { receivedAt: received }),
    ...(placed === null || received === null ? {} : { verifiedAt: Math.max(placed, received) }),
    ...(reason === null ? {} : { voidBecause: reason }),
  };
}
