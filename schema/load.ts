/** Rows to the configuration snapshot the gateway runs on. */
import type { Selectable } from "kysely";
import type { Config, Connection, ConnectionId, User, UserId } from "./config.ts";
import type { Database } from "./database.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import type { Tables } from "./tables.ts";

/** What has rows with versions; of the settings there is one row. */
export type Kind = "user" | "connection" | "settings";

export const REALM_DEFAULT = "jackfield";

/** What a connection's `details` column holds. */
export type ConnectionDetails = Omit<
  Connection,
  "id" | "name" | "type" | "enabled" | "password" | "ha1"
>;

/** What a user's `details` column holds. */
export type UserDetails = Omit<User, "id" | "name" | "displayName" | "enabled" | "ha1">;

/** Reads everything; inside a transaction it sees what that wrote. */
export async function loadConfig(database: Database, secrets: Secrets): Promise<Config> {
  const settings = await database.selectFrom("setting").selectAll().execute();
  const setting = (name: string) => settings.find((row) => row.name === name)?.value;
  const users = await database.selectFrom("user").selectAll().orderBy("id").execute();
  const connections = await database.selectFrom("connection").selectAll().orderBy("id").execute();
  return {
    revision: Number(setting("revision") ?? 0),
    realm: setting("realm") ?? REALM_DEFAULT,
    settings: await loadSettings(database),
    users: users.map(userOf),
    connections: connections.map((row) => connectionOf(row, secrets)),
  };
}

/** How often the configuration was changed. */
export async function loadRevision(database: Database): Promise<number> {
  const row = await database
    .selectFrom("setting")
    .select("value")
    .where("name", "=", "revision")
    .executeTakeFirst();
  return Number(row?.value ?? 0);
}

/** `before` with the rows named read anew: what a change costs does not grow with what there is. */
export async function reloadConfig(
  database: Database,
  secrets: Secrets,
  before: Config,
  touched: readonly { kind: Kind; id: number }[],
): Promise<Config> {
  const ids = (kind: Kind) => touched.filter((it) => it.kind === kind).map(({ id }) => id);
  const userIds = ids("user");
  const connectionIds = ids("connection");
  const users = await database
    .selectFrom("user")
    .selectAll()
    .where("id", "in", userIds)
    .orderBy("id")
    .execute();
  const connections = await database
    .selectFrom("connection")
    .selectAll()
    .where("id", "in", connectionIds)
    .orderBy("id")
    .execute();
  return {
    ...before,
    revision: await loadRevision(database),
    ...(ids("settings").length > 0 ? { settings: await loadSettings(database) } : {}),
    users: replaced(before.users, userIds, users.map(userOf)),
    connections: replaced(
      before.connections,
      connectionIds,
      connections.map((row) => connectionOf(row, secrets)),
    ),
  };
}

async function loadSettings(database: Database): Promise<Settings> {
  const row = await database.selectFrom("settings").select("details").executeTakeFirst();
  return JSON.parse(row?.details ?? "{}");
}

/** In the order of their ids, as the database has them. */
function replaced<Item extends { id: number }>(
  items: readonly Item[],
  ids: readonly number[],
  read: readonly Item[],
): readonly Item[] {
  if (ids.length === 0) return items;
  const gone = new Set(ids);
  return [...items.filter(({ id }) => !gone.has(id)), ...read].sort((a, b) => a.id - b.id);
}

function userOf(row: Selectable<Tables["user"]>): User {
  return {
    ...(JSON.parse(row.details) as UserDetails),
    id: row.id as UserId,
    name: row.name,
    displayName: row.display_name,
    enabled: row.enabled === 1,
    ha1: { md5: row.ha1_md5, sha256: row.ha1_sha256 },
  };
}

function connectionOf(row: Selectable<Tables["connection"]>, secrets: Secrets): Connection {
  const details: ConnectionDetails = JSON.parse(row.details);
  const { ha1_md5: md5, ha1_sha256: sha256 } = row;
  return {
    ...details,
    id: row.id as ConnectionId,
    name: row.name,
    enabled: row.enabled === 1,
    type: row.type as Connection["type"],
    ...(row.password === null ? {} : { password: secrets.open(row.password) }),
    ...(md5 === null || sha256 === null ? {} : { ha1: { md5, sha256 } }),
  };
}
