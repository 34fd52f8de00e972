/**
 * The commands besides `serve`: each opens what is on disk, does its one thing, says what it did and
 * ends. A gateway that runs on the same data sees what `import` and `user` changed by itself.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ImportResult, importDocument } from "../admin/import-document.ts";
import { Access } from "../schema/access.ts";
import { ACCOUNT_PASSWORD_LENGTH_MIN, Accounts, FIRST_ACCOUNT } from "../schema/accounts.ts";
import { Audit } from "../schema/audit.ts";
import { makeBackup } from "../schema/backup.ts";
import { checkConfig } from "../schema/check.ts";
import type { Config, Problem } from "../schema/config.ts";
import { DATABASE_NAME, type Database, openDatabase } from "../schema/database.ts";
import { exportConfig } from "../schema/export.ts";
import { finishRotation, rotateKey } from "../schema/key-rotation.ts";
import { Refused } from "../schema/refused.ts";
import { restoreBackup } from "../schema/restore.ts";
import { PASSPHRASE_LENGTH_MIN } from "../schema/sealed.ts";
import { openSecrets, type Secrets } from "../schema/secrets.ts";
import { Store } from "../schema/store.ts";
import type { Command } from "./io/command-line.ts";
import { passwordHasher } from "./io/password-hasher.ts";
import { systemRandom } from "./io/random.ts";
import { runningGateway } from "./io/running.ts";
import { OperatorError } from "./options.ts";

const ACTOR = { name: "console" };

interface Opened {
  database: Database;
  secrets: Secrets;
  store: Store;
  access: Access;
  accounts: Accounts;
  audit: Audit;
}

/** Resolves with the exit status; throws an `OperatorError` for what the operator can put right. */
export async function run(command: Command): Promise<number> {
  const say = (text: string) => process.stdout.write(`${text}\n`);
  switch (command.command) {
    case "export":
      return opened(command.data, async ({ store, audit }) => {
        const passphrase = passphraseOf(command.passphraseFile);
        if (passphrase !== undefined && passphrase.length < PASSPHRASE_LENGTH_MIN) {
          throw new OperatorError(
            `a passphrase of at least ${PASSPHRASE_LENGTH_MIN} characters is expected`,
          );
        }
        if (passphrase !== undefined) await audit.add(ACTOR, { action: "export-secrets" });
        say(JSON.stringify(await exportConfig(await store.load(), passphrase), undefined, 2));
        return 0;
      });
    case "import":
      return opened(command.data, async ({ store }) => {
        const result = await imported(store, command);
        for (const line of linesOf(result)) say(line);
        if (result.problems.length > 0) return 1;
        say(command.apply ? "done" : "nothing was changed: to do it add --apply");
        return 0;
      });
    case "check":
      return opened(command.data, async ({ store }) => {
        const config = await store.load();
        const { problems, warnings } = checkConfig(config);
        for (const { path, message } of problems) say(`problem: ${path}: ${message}`);
        for (const { path, message } of warnings) say(`warning: ${path}: ${message}`);
        say(summary(config, problems));
        return problems.length > 0 ? 1 : 0;
      });
    case "user":
      return opened(command.data, async (it) => {
        say(await resetPassword(it, command.name));
        return 0;
      });
    case "backup":
      return opened(command.data, async ({ database }) => {
        say(await makeBackup(database, command.data, Date.now()));
        return 0;
      });
    case "restore": {
      refuseRunning(command.data, command.force);
      const file = join(command.data, DATABASE_NAME);
      const secrets = openSecrets(command.data, process.env["JACKFIELD_SECRET_KEY"]);
      const config = await restoreBackup(command.file, file, secrets);
      say(`restored: ${summary(config, [])}`);
      return 0;
    }
    case "rotate-key":
      refuseRunning(command.data, command.force);
      if (process.env["JACKFIELD_SECRET_KEY"] !== undefined) {
        throw new OperatorError(
          "the key comes from JACKFIELD_SECRET_KEY: only a key file can be rotated",
        );
      }
      return opened(command.data, async ({ database, secrets, audit }) => {
        const refuse = () => refuseRunning(command.data, command.force);
        const count = await rotateKey(database, command.data, secrets, refuse);
        await audit.add(ACTOR, { action: "key-rotated" });
        say(
          `${count} secrets are sealed with a new key: keep the new secret.key with your backups`,
        );
        return 0;
      });
  }
}

async function opened(data: string, work: (it: Opened) => Promise<number>): Promise<number> {
  const database = await openDatabase(join(data, DATABASE_NAME));
  try {
    await finishRotation(database, data);
    const secrets = openSecrets(data, process.env["JACKFIELD_SECRET_KEY"]);
    const now = () => Date.now();
    const store = new Store({ database, secrets, now });
    await store.prepare();
    const monotonic = () => performance.now();
    return await work({
      database,
      secrets,
      store,
      access: new Access({ database, random: systemRandom, now, monotonic }),
      accounts: new Accounts({ database, now }),
      audit: new Audit({ database, now }),
    });
  } finally {
    await database.destroy();
  }
}

function refuseRunning(data: string, force: boolean): void {
  const pid = runningGateway(data);
  if (pid === undefined || force) return;
  throw new OperatorError(
    `a gateway runs on ${data} (process ${pid}): stop it first, or add --force if that is another program`,
  );
}

async function imported(
  store: Store,
  command: Extract<Command, { command: "import" }>,
): Promise<ImportResult> {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(command.file, "utf8"));
  } catch (error) {
    throw new OperatorError(`${command.file} can't be read: ${(error as Error).message}`);
  }
  try {
    return await importDocument(store, document, ACTOR, {
      passphrase: passphraseOf(command.passphraseFile),
      mode: command.replace ? "replace" : "merge",
      isTrial: !command.apply,
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const details = error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw new OperatorError([error.message, ...details].join("; "));
  }
}

function linesOf({ created, changed, deleted, problems, warnings }: ImportResult): string[] {
  const value = (it: unknown) => (it === undefined ? "nothing" : JSON.stringify(it));
  return [
    ...created.map(({ kind, name }) => `create ${kind} ${name}`),
    ...changed.flatMap(({ kind, name, fields = [] }) => [
      `change ${kind} ${name}`,
      ...fields.map(({ path, before, after }) =>
        path === "password"
          ? "  password: another"
          : `  ${path}: ${value(before)} -> ${value(after)}`,
      ),
    ]),
    ...deleted.map(({ kind, name }) => `delete ${kind} ${name}`),
    ...warnings.map(({ path, message }) => `warning: ${path}: ${message}`),
    ...problems.map(({ path, message }) => `problem: ${path}: ${message}`),
  ];
}

function summary({ users, connections, revision }: Config, problems: readonly Problem[]): string {
  const state = problems.length > 0 ? `${problems.length} problems` : "in order";
  return `${users.length} users, ${connections.length} connections, revision ${revision}: ${state}`;
}

/** From a file, or the environment: a command line can be seen by everybody on the machine. */
function passphraseOf(file: string | undefined): string | undefined {
  if (file === undefined) return process.env["JACKFIELD_PASSPHRASE"];
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new OperatorError(`the passphrase can't be read: ${(error as Error).message}`);
  }
}

/** Of the account of that name, or of the only one; the first is made where there is none. */
async function resetPassword(
  { access, accounts }: Opened,
  name: string | undefined,
): Promise<string> {
  const all = await accounts.all();
  const same = (it: string) => it.toLowerCase() === (name ?? FIRST_ACCOUNT).toLowerCase();
  const isOnly = name === undefined && all.length === 1;
  const account = isOnly ? all[0] : all.find((it) => same(it.name));
  if (!account && (all.length > 0 || !same(FIRST_ACCOUNT))) {
    const names = all.map((it) => it.name).join(", ") || `none but ${FIRST_ACCOUNT} can be made`;
    throw new OperatorError(`there is no account ${name ?? FIRST_ACCOUNT}: choose of ${names}`);
  }
  const hash = await passwordHasher.hash(await newPassword(account?.name ?? FIRST_ACCOUNT));
  if (account) await accounts.setPassword(account.id, hash, ACTOR);
  else await access.makeFirst(hash);
  return `the password of ${account?.name ?? FIRST_ACCOUNT} is set; every log-in of it has ended`;
}

/** One line of the standard input; never an argument. */
async function newPassword(account: string): Promise<string> {
  const isTerminal = process.stdin.isTTY === true;
  if (isTerminal) process.stderr.write(`New password of ${account}: `);
  const password = (await Bun.stdin.text()).split(/\r?\n/)[0] ?? "";
  if (password.length >= ACCOUNT_PASSWORD_LENGTH_MIN) return password;
  throw new OperatorError(
    `at least ${ACCOUNT_PASSWORD_LENGTH_MIN} characters are expected on the standard input, e.g. jackfield user < file`,
  );
}
