/**
 * A document of `schema/export`, or one written by hand, into the configuration (OPS-02): in one
 * transaction, all of it or nothing. A trial does the very same and is undone, so that it tells what
 * would be created, changed and deleted, and what is wrong, field by field.
 */
import { z } from "zod";
import { type Actor, fieldChanges } from "../schema/audit.ts";
import type { FieldChange } from "../schema/audit-entry.ts";
import type { Config, Connection, Problem, User } from "../schema/config.ts";
import {
  EXPORT_FORMAT,
  EXPORT_VERSION,
  type ExportSecrets,
  exportConnection,
  exportUser,
  mapUsers,
} from "../schema/export.ts";
import { Refused } from "../schema/refused.ts";
import { openWithPassphrase, WrongPassphrase } from "../schema/sealed.ts";
import type { Store, Together } from "../schema/store.ts";
import { foreignTrunks } from "./foreign-trunks.ts";
import { parsedAs } from "./routes/resource.ts";
import {
  connectionBody,
  connectionInput,
  settingsBody,
  settingsInput,
  userBody,
  userInput,
} from "./schemas.ts";

const item = z.record(z.string(), z.unknown());

const sealed = z.strictObject({
  cipher: z.literal("aes-256-gcm"),
  key: z.strictObject({
    function: z.literal("scrypt"),
    n: z.number().int().positive(),
    r: z.number().int().positive(),
    p: z.number().int().positive(),
  }),
  salt: z.string(),
  nonce: z.string(),
  data: z.string(),
});

export const exportShape = z
  .strictObject({
    format: z.literal(EXPORT_FORMAT),
    version: z.literal(EXPORT_VERSION),
    settings: item.optional(),
    users: z.array(item).max(100_000).default([]),
    connections: z.array(item).max(20_000).default([]),
    trunks: z
      .array(item)
      .max(20_000)
      .default([])
      .describe("Trunks of other products: type Register, Peer or Account, with their field names"),
    secrets: sealed.optional(),
  })
  .meta({ id: "Export" });

export interface ImportOptions {
  /** Opens the secrets of the document. */
  passphrase?: string | undefined;
  /** `merge` adds and changes; `replace` also deletes what the document doesn't have. */
  mode: "merge" | "replace";
  /** Undone in the end. */
  isTrial: boolean;
  /** What the configuration's revision must still be; absent: anything. */
  revision?: number | undefined;
}

export interface ItemChange {
  readonly kind: "user" | "connection" | "settings";
  readonly name: string;
  /** Of a change; `password` stands for any secret. */
  readonly fields?: readonly FieldChange[];
}

export interface ImportResult {
  readonly created: readonly ItemChange[];
  readonly changed: readonly ItemChange[];
  readonly deleted: readonly ItemChange[];
  /** Nothing was done where there are any. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Before the import: what an import of just this must find. */
  readonly revision: number;
  readonly config: Config;
}

type Items = z.infer<typeof exportShape>;

/** Rejects with `Refused` for what is no document, a wrong passphrase or another revision. */
export async function importDocument(
  store: Store,
  document: unknown,
  actor: Actor,
  options: ImportOptions,
): Promise<ImportResult> {
  const items = parsedAs(exportShape, document);
  const secrets = await secretsOf(items, options.passphrase);
  const foreign = foreignTrunks(items.trunks);
  const all = { ...items, connections: [...items.connections, ...foreign.connections] };
  const problems: Problem[] = [...foreign.problems];
  const dropped: Problem[] = [];
  let result: Together;
  try {
    result = await store.together(
      actor,
      async (within, before) => {
        if (options.revision !== undefined && options.revision !== before.revision) {
          throw new Refused(412, "the configuration was changed since the trial: try again");
        }
        const parts = { store: within, before, items: all, secrets, problems, dropped };
        await new Import(parts).run(options.mode);
        if (problems.length > 0) throw new Refused(422, "the document can't be imported", problems);
      },
      { isTrial: options.isTrial },
    );
  } catch (error) {
    // What a trial finds is its answer, not a refusal.
    if (!(error instanceof Refused) || error.status !== 422) throw error;
    const before = await store.load();
    result = { before, config: before, problems: [...error.problems], warnings: [] };
  }
  const own = items.connections.length;
  const inTrunk = (problem: Problem) => inTrunks(problem, own, foreign.origins);
  const placed = placesIn(result.config, all);
  const place = (problem: Problem) => inTrunk(placed(problem));
  return {
    ...differences(result),
    problems: result.problems.map(problems.length > 0 ? inTrunk : place),
    warnings: [...result.warnings.map(place), ...dropped.map(inTrunk)],
    revision: result.before.revision,
    config: result.config,
  };
}

async function secretsOf(
  { secrets }: Items,
  passphrase: string | undefined,
): Promise<ExportSecrets | undefined> {
  if (!secrets || passphrase === undefined) return undefined;
  try {
    return JSON.parse(await openWithPassphrase(secrets, passphrase)) as ExportSecrets;
  } catch (error) {
    if (!(error instanceof WrongPassphrase)) throw error;
    const problems = [{ path: "passphrase", message: error.message }];
    throw new Refused(422, "the secrets can't be opened", problems);
  }
}

interface ImportParts {
  store: Store;
  before: Config;
  items: Items;
  secrets: ExportSecrets | undefined;
  problems: Problem[];
  /** Passwords of the document that are worth nothing here. */
  dropped: Problem[];
}

/** One import inside its transaction; what is wrong is gathered, so that all of it is told at once. */
class Import {
  readonly #parts: ImportParts;
  readonly #users: Map<string, number>;
  readonly #known: { users: Map<string, User>; connections: Map<string, Connection> };

  constructor(parts: ImportParts) {
    this.#parts = parts;
    const { users, connections } = parts.before;
    this.#users = new Map(users.map(({ id, name }) => [name.toLowerCase(), id]));
    this.#known = { users: byName(users), connections: byName(connections) };
  }

  async run(mode: ImportOptions["mode"]): Promise<void> {
    const { store, before, items } = this.#parts;
    const { settings } = items;
    if (settings !== undefined && !Bun.deepEquals(settings, before.settings ?? {})) {
      await this.#at("settings", async () => {
        await store.saveSettings(settingsInput(parsedAs(settingsBody, settings)), "");
      });
    }
    for (const [at, user] of items.users.entries()) {
      await this.#at(`users[${at}]`, () => this.#user(user, `users[${at}]`));
    }
    for (const [at, connection] of items.connections.entries()) {
      const path = `connections[${at}]`;
      await this.#at(path, () => this.#connection(connection, path));
    }
    if (mode === "merge") return;
    for (const { id } of missing(before.connections, items.connections)) {
      await store.remove("connection", id, "");
    }
    for (const { id } of missing(before.users, items.users)) await store.remove("user", id, "");
  }

  async #at(path: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const inner =
        error.problems.length > 0 ? error.problems : [{ path: "", message: error.message }];
      for (const { path: at, message } of inner) {
        this.#parts.problems.push({ path: at === "" ? path : `${path}.${at}`, message });
      }
    }
  }

  async #user(user: Items["users"][number], path: string): Promise<void> {
    const { store, secrets } = this.#parts;
    const input = userInput(parsedAs(userBody, user));
    const current = this.#known.users.get(input.name.toLowerCase());
    const ha1 = this.#digests(secrets?.users[input.name], path);
    const isNew = input.password !== undefined || (ha1 && !Bun.deepEquals(ha1, current?.ha1));
    const { password: _, ...shown } = user;
    if (current && !isNew && Bun.deepEquals(exportUser(current), shown)) return;
    const id = current?.id;
    if (id === undefined && input.password === undefined && !ha1) throw noPassword(secrets);
    const given = input.password === undefined && ha1 ? { ha1 } : {};
    const saved = await store.saveUser(id, { ...input, ...given }, "");
    this.#users.set(input.name.toLowerCase(), saved.id);
  }

  /** Digests hold in the realm they were made for (RFC 7616 §3.4.2). */
  #digests(ha1: User["ha1"] | undefined, path: string): User["ha1"] | undefined {
    const { before, secrets, dropped } = this.#parts;
    if (!ha1 || secrets?.realm === before.realm) return ha1;
    const message = `its password is not taken over: it was made for the realm ${secrets?.realm}, and here it is ${before.realm}`;
    dropped.push({ path: `${path}.password`, message });
    return undefined;
  }

  async #connection(connection: Items["connections"][number], path: string): Promise<void> {
    const { store, secrets } = this.#parts;
    const unknown: Problem[] = [];
    const referring = mapUsers(connection, (user, path) => {
      const id = this.#users.get(String(user).toLowerCase());
      if (id === undefined) unknown.push({ path, message: `there is no user ${String(user)}` });
      return id ?? 0;
    });
    if (unknown.length > 0) throw new Refused(422, "", unknown);
    const input = connectionInput(parsedAs(connectionBody, referring));
    const current = this.#known.connections.get(input.name.toLowerCase());
    const { password, ha1: digests } = secrets?.connections[input.name] ?? {};
    const ha1 = this.#digests(digests, path);
    const own = { ...(password === undefined ? {} : { password }), ...(ha1 ? { ha1 } : {}) };
    const given = input.password === undefined ? own : {};
    const after = { ...input, ...given };
    if (current && isSame(current, after)) return;
    await store.saveConnection(current?.id, after, "");
  }
}

function noPassword(secrets: ExportSecrets | undefined): Refused {
  const message = secrets
    ? "the secrets of the document have no password for this realm: give one here"
    : "a new user needs a password: give one here, or import secrets with their passphrase";
  return new Refused(422, "", [{ path: "password", message }]);
}

function isSame({ id: _, ...current }: Connection, input: Omit<Connection, "id">): boolean {
  const kept = { password: input.password ?? current.password };
  return Bun.deepEquals(
    present({ ...current }),
    present({ ...input, ...kept, ...keptDigests(current, input) }),
  );
}

/** Digests a PBX registers with are never in a document's plain part. */
function keptDigests(current: object, input: object): object {
  return "ha1" in input || !("ha1" in current) ? {} : { ha1: current.ha1 };
}

function present(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined));
}

function byName<Item extends { name: string }>(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((it) => [it.name.toLowerCase(), it]));
}

function missing<Item extends { name: string }>(
  items: readonly Item[],
  named: readonly Record<string, unknown>[],
): Item[] {
  const names = new Set(named.map(({ name }) => String(name).trim().toLowerCase()));
  return items.filter(({ name }) => !names.has(name.toLowerCase()));
}

/** What is another than before; of secrets only that they are. */
function differences({ before, config }: Together) {
  const created: ItemChange[] = [];
  const changed: ItemChange[] = [];
  const deleted: ItemChange[] = [];
  const compare = <Item extends User | Connection>(
    kind: ItemChange["kind"],
    was: readonly Item[],
    is: readonly Item[],
    show: (item: Item, users: readonly User[]) => { name: string },
  ) => {
    const old = new Map<number, Item>(was.map((it) => [it.id, it]));
    for (const it of is) {
      const { name } = it;
      const previous = old.get(it.id);
      old.delete(it.id);
      if (!previous) created.push({ kind, name });
      if (!previous || previous === it || Bun.deepEquals(previous, it)) continue;
      const fields = fieldChanges(show(previous, before.users), show(it, config.users));
      const secret = fields.length === 0 ? [{ path: "password" }] : [];
      changed.push({ kind, name, fields: [...fields, ...secret] });
    }
    for (const { name } of old.values()) deleted.push({ kind, name });
  };
  compare("user", before.users, config.users, exportUser);
  compare("connection", before.connections, config.connections, exportConnection);
  const fields = fieldChanges(before.settings ?? {}, config.settings ?? {});
  if (fields.length > 0) changed.push({ kind: "settings", name: "settings", fields });
  return { created, changed, deleted };
}

/** `connections[7]` of the configuration as it stands in the document; others keep their path. */
function placesIn(config: Config, items: Items): (problem: Problem) => Problem {
  const placesOf = (list: Items["users"]) =>
    new Map(list.map(({ name }, at) => [String(name).trim().toLowerCase(), at]));
  const places = { users: placesOf(items.users), connections: placesOf(items.connections) };
  return ({ path, message }) => {
    const match = /^(users|connections)\[(\d+)\](.*)$/.exec(path);
    if (!match) return { path, message };
    const list = match[1] as "users" | "connections";
    const name = config[list][Number(match[2])]?.name.toLowerCase() ?? "";
    const at = places[list].get(name);
    return { path: at === undefined ? `${name}${match[3]}` : `${list}[${at}]${match[3]}`, message };
  };
}

/** Trunks of others are behind our own connections, and may be several each. */
function inTrunks({ path, message }: Problem, own: number, origins: readonly number[]): Problem {
  const match = /^connections\[(\d+)\](.*)$/.exec(path);
  const origin = origins[Number(match?.[1] ?? 0) - own];
  return match && origin !== undefined
    ? { path: `trunks[${origin}]${match[2]}`, message }
    : { path, message };
}
