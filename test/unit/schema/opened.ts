/** A database in a directory of its own, the store on it, and rows that are right. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, openDatabase } from "../../../schema/database.ts";
import { Refused } from "../../../schema/refused.ts";
import { openSecrets, type Secrets } from "../../../schema/secrets.ts";
import { type ConnectionInput, Store } from "../../../schema/store.ts";

export interface Opened {
  directory: string;
  file: string;
  database: Database;
  secrets: Secrets;
  store: Store;
  close(): Promise<void>;
}

export async function openStoreForTest(now: () => number = () => 1_000): Promise<Opened> {
  const directory = mkdtempSync(join(tmpdir(), "schema-"));
  const file = join(directory, "jackfield.db");
  const secrets = openSecrets(directory, undefined);
  const database = await openDatabase(file);
  const store = new Store({ database, secrets, now });
  await store.prepare();
  const close = async () => {
    await database.destroy();
    rmSync(directory, { recursive: true, force: true });
  };
  return { directory, file, database, secrets, store, close };
}

export const ALICE = { name: "alice", displayName: "Alice", enabled: true, password: "wonderland" };

/** A trunk nothing is wrong with, but for what `changes` says. */
export function trunk(changes: Partial<ConnectionInput> = {}): ConnectionInput {
  return {
    name: "Head office",
    type: "outbound-trunk",
    enabled: true,
    host: "pbx.example.com",
    transport: "udp",
    realm: "*",
    registrationExpires: 300,
    weight: 100,
    patterns: [],
    allow: ["192.0.2.7/32"],
    codecs: ["G722", "PCMA"],
    allowInbound: true,
    allowOutbound: true,
    ...changes,
  };
}

/** The refusal a change ends with; throws when it was accepted. */
export async function refusalOf(change: Promise<unknown>): Promise<Refused> {
  try {
    await change;
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
  throw new Error("the change was accepted");
}
