/** What of the gateway is on disk, opened and wired for the composition root. */
import { join } from "node:path";
import { createAdmin } from "../admin/app.ts";
import type { GatewayFace, PasswordHasher } from "../admin/services.ts";
import { Access } from "../schema/access.ts";
import type { Config } from "../schema/config.ts";
import { openDatabase } from "../schema/database.ts";
import { Records } from "../schema/records.ts";
import { openSecrets } from "../schema/secrets.ts";
import { Store } from "../schema/store.ts";
import type { CallRecord } from "./b2bua/status.ts";
import type { Fetch } from "./io/http.ts";
import type { Log } from "./io/log.ts";
import { systemRandom } from "./io/random.ts";
import { type GatewayOptions, OperatorError } from "./options.ts";

export interface OpenedStore {
  config(): Promise<Config>;
  record(record: CallRecord): void;
  openAdmin(gateway: GatewayFace): Fetch;
  /** What the first start tells a person; empty once the password is set. */
  welcome(url: string): Promise<string>;
  close(): Promise<void>;
}

const PASSWORD_LENGTH_MIN = 12;

const hasher: PasswordHasher = {
  hash: (password) => Bun.password.hash(password, "argon2id"),
  verify: (password, hash) => Bun.password.verify(password, hash),
};

/** Rejects with an `OperatorError` where the data directory can't be used. */
export async function openStore(options: GatewayOptions, log: Log): Promise<OpenedStore> {
  const secrets = openSecrets(options.data, process.env["JACKFIELD_SECRET_KEY"]);
  const database = await openDatabase(join(options.data, "jackfield.db"));
  const now = () => Date.now();
  const store = new Store({ database, secrets, now });
  const access = new Access({ database, random: systemRandom, now });
  const records = new Records(database);
  await store.prepare();
  await setFirstPassword(access);
  await records.trim();
  return {
    config: () => store.load(),
    record: (record) => {
      records.add(record).catch((error: Error) => {
        log("error", "record-lost", { call: record.id, reason: error.message });
      });
    },
    openAdmin: (gateway) => {
      const secure = options.tls !== undefined;
      const report = (error: Error) =>
        log("error", "fault", { where: "admin", detail: error.stack ?? error.message });
      const app = createAdmin({ store, access, records, gateway, hasher, report, now, secure });
      return (request, remoteAddress) => app.fetch(request, { remoteAddress });
    },
    welcome: async (url) => {
      if ((await access.passwordHash()) !== undefined) return `Jackfield is at ${url}/\n`;
      const link = `${url}/setup?token=${await access.newSetupToken()}`;
      return `Jackfield is at ${url}/\nSet the administrator's password (this link works once):\n  ${link}\n`;
    },
    close: () => database.destroy(),
  };
}

/** For scripts and tests: the password of the first start from the environment. */
async function setFirstPassword(access: Access): Promise<void> {
  const password = process.env["JACKFIELD_ADMIN_PASSWORD"];
  if (password === undefined || (await access.passwordHash()) !== undefined) return;
  if (password.length < PASSWORD_LENGTH_MIN) {
    throw new OperatorError(
      `JACKFIELD_ADMIN_PASSWORD is too short: at least ${PASSWORD_LENGTH_MIN} characters`,
    );
  }
  await access.setPassword(await hasher.hash(password));
}
