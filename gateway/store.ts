/** What of the gateway is on disk, opened and wired for the composition root. */
import { join } from "node:path";
import { createAdmin } from "../admin/app.ts";
import type { GatewayFace } from "../admin/services.ts";
import { Access } from "../schema/access.ts";
import { ACCOUNT_PASSWORD_LENGTH_MIN, Accounts } from "../schema/accounts.ts";
import { Audit } from "../schema/audit.ts";
import type { Config, ConnectionId } from "../schema/config.ts";
import { DATABASE_NAME, openThreadedDatabase } from "../schema/database.ts";
import { Happenings } from "../schema/happenings.ts";
import { Invitations } from "../schema/invitations.ts";
import { finishRotation } from "../schema/key-rotation.ts";
import { loadRevision } from "../schema/load.ts";
import { type CallNote, RECORDS_AT_ONCE_MAX, Records } from "../schema/records.ts";
import { SealedSettings } from "../schema/sealed-settings.ts";
import { openSecrets } from "../schema/secrets.ts";
import { Store } from "../schema/store.ts";
import type { Place } from "./b2bua/last-place.ts";
import { brokenRecord, type StandingCall } from "./b2bua/standing.ts";
import type { CallRecord } from "./b2bua/status.ts";
import type { Fetch } from "./io/http.ts";
import type { Log } from "./io/log.ts";
import { passwordHasher } from "./io/password-hasher.ts";
import { systemRandom } from "./io/random.ts";
import { RecordWriter } from "./io/record-writer.ts";
import { claimRunning } from "./io/running.ts";
import type { WallMillis } from "./machine.ts";
import { type Operations, openOperations } from "./operations.ts";
import { type GatewayOptions, OperatorError } from "./options.ts";

export interface OpenedStore {
  config(): Promise<Config>;
  record(record: CallRecord): void;
  /** Against our own sudden end: until its record comes, this is what is known of a call. */
  stands(call: StandingCall): void;
  /** Calls whose end nobody saw, because the gateway before this one ended first. */
  readonly abandoned: readonly StandingCall[];
  /** Where PBXs last answered, as the gateway before this one found out (TST-04). */
  readonly places: ReadonlyMap<ConnectionId, Place>;
  /** How often the configuration was changed, by this process or another. */
  revision(): Promise<number>;
  openAdmin(gateway: GatewayFace): Promise<Fetch>;
  /** What the first start tells a person; empty once the password is set. */
  welcome(url: string): Promise<string>;
  close(): Promise<void>;
}

const now = () => Date.now();
const monotonic = () => performance.now();

/** Rejects with an `OperatorError` where the data directory can't be used. */
export async function openStore(options: GatewayOptions, log: Log): Promise<OpenedStore> {
  const database = await openThreadedDatabase(
    join(options.data, DATABASE_NAME),
    new Worker(new URL("./database-worker.ts", import.meta.url)),
  );
  // Before the key is read: a rotation that begins now sees it, one that has begun is waited for.
  const release = claimRunning(options.data);
  await finishRotation(database, options.data);
  const secrets = openSecrets(options.data, process.env["JACKFIELD_SECRET_KEY"]);
  const store = new Store({ database, secrets, now });
  const access = new Access({ database, random: systemRandom, now, monotonic });
  const accounts = new Accounts({ database, now });
  const invitations = new Invitations({ database, random: systemRandom, now });
  const audit = new Audit({ database, now });
  const records = new Records(database);
  await store.prepare();
  await setFirstPassword(access, accounts);
  await records.trim();
  const writer = new RecordWriter<CallNote>({
    write: (some) => records.note(some),
    atOnce: RECORDS_AT_ONCE_MAX,
    log,
  });
  let operations: Operations | undefined;
  const write = (record: CallRecord) => writer.add({ id: record.id, record });
  const abandoned = await records.standing();
  for (const it of abandoned) write(brokenRecord(it, now() as WallMillis));
  const places = await new Happenings(database).places();
  return {
    abandoned,
    places,
    stands: (standing) => writer.add({ id: standing.call.id, standing }),
    config: () => store.load(),
    revision: () => loadRevision(database),
    record: (record) => {
      write(record);
      operations?.ended(record);
    },
    openAdmin: async (gateway) => {
      operations = await openOperations({
        database,
        directory: options.data,
        store,
        sealed: new SealedSettings(database, secrets),
        audit,
        allowLoopback: options.webhookLoopback,
        status: () => gateway.status(),
        log,
      });
      const report = (error: Error) =>
        log("error", "fault", { where: "admin", detail: error.stack ?? error.message });
      const app = createAdmin({
        store,
        access,
        accounts,
        invitations,
        audit,
        records: writtenRecords(records, writer),
        gateway,
        operations: operations.face,
        hasher: passwordHasher,
        report,
        now,
      });
      return (request, remoteAddress) => app.fetch(request, { remoteAddress });
    },
    welcome: async (url) => {
      if (await accounts.isSetUp()) return `Jackfield is at ${url}/\n`;
      const link = `${url}/setup?token=${await access.newSetupToken()}`;
      return `Jackfield is at ${url}/\nSet the administrator's password (this link works once):\n  ${link}\n`;
    },
    close: async () => {
      await writer.close();
      await operations?.stop();
      await database.destroy();
      release();
    },
  };
}

/** Who reads sees every call that has ended. */
function writtenRecords(
  records: Records,
  writer: RecordWriter<CallNote>,
): Pick<Records, "newest" | "one" | "around"> {
  return {
    newest: async (...page) => {
      await writer.flush();
      return records.newest(...page);
    },
    one: async (id) => {
      await writer.flush();
      return records.one(id);
    },
    around: async (...asked) => {
      await writer.flush();
      return records.around(...asked);
    },
  };
}

/** For scripts and tests: the password of the first start from the environment. */
async function setFirstPassword(access: Access, accounts: Accounts): Promise<void> {
  const password = process.env["JACKFIELD_ADMIN_PASSWORD"];
  if (password === undefined || (await accounts.isSetUp())) return;
  if (password.length < ACCOUNT_PASSWORD_LENGTH_MIN) {
    throw new OperatorError(
      `JACKFIELD_ADMIN_PASSWORD is too short: at least ${ACCOUNT_PASSWORD_LENGTH_MIN} characters`,
    );
  }
  await access.makeFirst(await passwordHasher.hash(password));
}
