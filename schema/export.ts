/**
 * The configuration as a document (OPS-02): stable, so that two exports of one configuration are
 * one text, and free of ids, so that it means the same in another gateway. Users are referred to by
 * name. Secrets are in it only under a passphrase (SEC-11).
 */
import type { Config, Connection, User } from "./config.ts";
import { type Sealed, sealWithPassphrase } from "./sealed.ts";

export const EXPORT_FORMAT = "jackfield-export";
/** Grows when documents of old would be read wrong. */
export const EXPORT_VERSION = 1;

export interface ExportDocument {
  readonly format: typeof EXPORT_FORMAT;
  readonly version: typeof EXPORT_VERSION;
  readonly settings: object;
  /** By name. */
  readonly users: readonly { readonly name: string }[];
  readonly connections: readonly { readonly name: string }[];
  readonly secrets?: Sealed;
}

/** What is sealed in `secrets`. */
export interface ExportSecrets {
  /** The digests below are good for this realm only. */
  readonly realm: string;
  readonly users: Readonly<Record<string, User["ha1"]>>;
  readonly connections: Readonly<
    Record<string, { readonly password?: string; readonly ha1?: { md5: string; sha256: string } }>
  >;
}

export async function exportConfig(config: Config, passphrase?: string): Promise<ExportDocument> {
  const document: ExportDocument = {
    format: EXPORT_FORMAT,
    version: EXPORT_VERSION,
    settings: ordered(config.settings ?? {}) as object,
    users: byName(config.users).map(exportUser),
    connections: byName(config.connections).map((it) => exportConnection(it, config.users)),
  };
  if (passphrase === undefined) return document;
  const secrets = await sealWithPassphrase(JSON.stringify(secretsOf(config)), passphrase);
  return { ...document, secrets };
}

/** A user as the document has it: without id and secrets. */
export function exportUser({ id: _id, ha1: _ha1, ...user }: User): { name: string } {
  return ordered(user) as { name: string };
}

/** The same for a connection; users are named. */
export function exportConnection(connection: Connection, users: readonly User[]): { name: string } {
  const names = new Map<unknown, string>(users.map(({ id, name }) => [id, name]));
  const {
    id: _id,
    password: _password,
    ha1: _ha1,
    ...rest
  } = connection as Connection & { ha1?: object };
  return ordered(mapUsers(rest, (id) => names.get(id) ?? String(id))) as { name: string };
}

/** Every place of a connection that refers to users, through `change`. */
export function mapUsers(
  connection: object,
  change: (user: unknown, path: string) => unknown,
): object {
  const { inboundUser, users, inboundNumbers, ...rest } = connection as Record<string, unknown>;
  const list = (value: unknown, path: string): unknown =>
    Array.isArray(value) ? value.map((user, at) => change(user, `${path}[${at}]`)) : value;
  const number = (value: unknown, at: number): unknown =>
    isObject(value) && "users" in value
      ? { ...value, users: list(value["users"], `inboundNumbers[${at}].users`) }
      : value;
  return {
    ...rest,
    ...(inboundUser === undefined ? {} : { inboundUser: change(inboundUser, "inboundUser") }),
    ...(users === undefined ? {} : { users: list(users, "users") }),
    ...(inboundNumbers === undefined
      ? {}
      : {
          inboundNumbers: Array.isArray(inboundNumbers)
            ? inboundNumbers.map(number)
            : inboundNumbers,
        }),
  };
}

function secretsOf(config: Config): ExportSecrets {
  const connections = byName(config.connections).flatMap((connection) => {
    const { password, ha1 } = connection as Connection & { ha1?: User["ha1"] };
    if (password === undefined && ha1 === undefined) return [];
    const own = { ...(password === undefined ? {} : { password }), ...(ha1 ? { ha1 } : {}) };
    return [[connection.name, own]];
  });
  return {
    realm: config.realm,
    users: Object.fromEntries(byName(config.users).map(({ name, ha1 }) => [name, ha1])),
    connections: Object.fromEntries(connections),
  };
}

function byName<Item extends { name: string }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The same value with the keys of every object in order: one value, one text. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isObject(value)) return value;
  const { name, ...rest } = value;
  const entries = Object.entries(rest).filter(([, it]) => it !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(name === undefined ? {} : { name }),
    ...Object.fromEntries(entries.map(([key, it]) => [key, ordered(it)])),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
