/** Rows to the configuration snapshot the gateway runs on. */
import type { Config, Connection, ConnectionId, User, UserId } from "./config.ts";
import type { Database } from "./database.ts";
import type { Secrets } from "./secrets.ts";

export const REALM_DEFAULT = "jackfield";

/** What a connection's `details` column holds. */
export type ConnectionDetails = Omit<Connection, "id" | "name" | "type" | "enabled" | "password">;

/** Reads everything; inside a transaction it sees what that wrote. */
export async function loadConfig(database: Database, secrets: Secrets): Promise<Config> {
  const settings = await database.selectFrom("setting").selectAll().execute();
  const setting = (name: string) => settings.find((row) => row.name === name)?.value;
  const users = await database.selectFrom("user").selectAll().orderBy("id").execute();
  const connections = await database.selectFrom("connection").selectAll().orderBy("id").execute();
  return {
    revision: Number(setting("revision") ?? 0),
    realm: setting("realm") ?? REALM_DEFAULT,
    users: users.map(
      (row): User => ({
        id: row.id as UserId,
        name: row.name,
        displayName: row.display_name,
        enabled: row.enabled === 1,
        ha1: { md5: row.ha1_md5, sha256: row.ha1_sha256 },
      }),
    ),
    connections: connections.map((row): Connection => {
      const details: ConnectionDetails = JSON.parse(row.details);
      const base = {
        ...details,
        id: row.id as ConnectionId,
        name: row.name,
        enabled: row.enabled === 1,
      };
      const typed = { ...base, type: row.type as Connection["type"] };
      return row.password === null ? typed : { ...typed, password: secrets.open(row.password) };
    }),
  };
}
