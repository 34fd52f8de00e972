/** The command line, read with commander; each option has an environment variable. */
import { availableParallelism } from "node:os";
import { CommanderError, Option, Command as Program } from "commander";
import {
  type GatewayOptions,
  type HostPort,
  LETS_ENCRYPT,
  OperatorError,
  parseCertificates,
  parseCount,
  parseHostNames,
  parseHostPort,
  parsePortRange,
  parseServiceUrl,
} from "../options.ts";

interface RawOptions {
  data: string;
  http: string;
  tlsCert?: string;
  tlsKey?: string;
  acme?: string;
  acmeDirectory: string;
  acmeEmail?: string;
  acmeHttp: string;
  https: string;
  insecureHttp: boolean;
  testLoopback: boolean;
  origin?: string;
  sip: string;
  sipTls?: string;
  media?: string;
  externalIp?: string;
  rtpPorts: string;
  webrtcPort: string;
  workers: string;
  webhookLoopback: boolean;
  logLevel: GatewayOptions["logLevel"];
  drainTimeout: string;
}

/** What is done on the data directory and then ends. */
export type Command =
  | { command: "export"; data: string; passphraseFile?: string }
  | {
      command: "import";
      data: string;
      file: string;
      apply: boolean;
      replace: boolean;
      passphraseFile?: string;
    }
  | { command: "check" | "backup"; data: string }
  /** `name`: whose password; absent where there is one account. */
  | { command: "user"; data: string; name?: string }
  | { command: "restore"; data: string; file: string; force: boolean }
  | { command: "rotate-key"; data: string; force: boolean };

export type CommandLine =
  | { command: "serve"; options: GatewayOptions }
  | Command
  | { command: "version" }
  /** Help was printed. */
  | { command: "none" };

/** Reads the arguments after the program's name. Throws `OperatorError` for what is wrong. */
export function readCommandLine(args: readonly string[]): CommandLine {
  let result: CommandLine = { command: "none" };
  const program = new Program("jackfield")
    .description("Joins browser softphones (SIP over WebSocket) to PBXs and carriers.")
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  const serve = program
    .command("serve", { isDefault: true })
    .description("run the gateway (default)");
  for (const option of serveOptions()) serve.addOption(option);
  serve.exitOverride().configureOutput({ writeErr: () => {} });
  serve.action((raw: RawOptions) => {
    result = { command: "serve", options: gatewayOptions(raw) };
  });
  addCommands(program, (command) => {
    result = command;
  });
  program
    .command("version")
    .description("print the version")
    .action(() => {
      result = { command: "version" };
    });
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { command: "none" };
    throw new OperatorError(
      `${error.message.replace(/^error: /, "").replaceAll("\n", " ")} (see jackfield --help)`,
    );
  }
  return result;
}

interface RawCommand {
  data: string;
  passphraseFile?: string;
  apply?: boolean;
  replace?: boolean;
  force?: boolean;
}

function addCommands(program: Program, found: (command: Command) => void): void {
  const add = (name: string, text: string) =>
    program
      .command(name)
      .description(text)
      .addOption(dataOption())
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
  const passphrase = new Option(
    "--passphrase-file <file>",
    "for secrets (or JACKFIELD_PASSPHRASE)",
  );
  const secretsOf = ({ passphraseFile }: RawCommand) =>
    passphraseFile === undefined ? {} : { passphraseFile };
  add("export", "print the configuration; its secrets only under a passphrase")
    .addOption(passphrase)
    .action((raw: RawCommand) => found({ command: "export", data: raw.data, ...secretsOf(raw) }));
  add("import", "tell what a document would change; with --apply, do it")
    .argument("<file>", "what `export` printed")
    .addOption(passphrase)
    .option("--apply", "do it, all of it or nothing")
    .option("--replace", "also delete what the document doesn't have")
    .action((file: string, raw: RawCommand) => {
      const { data, apply = false, replace = false } = raw;
      found({ command: "import", data, file, apply, replace, ...secretsOf(raw) });
    });
  for (const [command, text] of [
    ["check", "look at the database and at everything in it"],
    ["backup", "write a backup of the database"],
  ] as const) {
    add(command, text).action(({ data }: RawCommand) => found({ command, data }));
  }
  add("user", "set the password of an account of the admin, read from the standard input")
    .argument("[name]", "whose; administrator, or the only one")
    .action((name: string | undefined, { data }: RawCommand) => {
      found({ command: "user", data, ...(name === undefined ? {} : { name }) });
    });
  add("restore", "put a backup in the database's place; the gateway must not be running")
    .argument("<file>", "a file of backups/ in the data directory")
    .option("--force", "even if a gateway seems to run")
    .action((file: string, { data, force = false }: RawCommand) => {
      found({ command: "restore", data, file, force });
    });
  add("rotate-key", "seal the stored secrets with a new key; the gateway must not be running")
    .option("--force", "even if a gateway seems to run")
    .action(({ data, force = false }: RawCommand) => found({ command: "rotate-key", data, force }));
}

function dataOption(): Option {
  return new Option("--data <dir>", "database, keys and certificates")
    .env("JACKFIELD_DATA")
    .default("./data");
}

function serveOptions(): Option[] {
  const workers = Math.max(1, availableParallelism() - 1);
  const option = (flags: string, variable: string, text: string) =>
    new Option(flags, text).env(`JACKFIELD_${variable}`);
  return [
    dataOption(),
    option("--http <host:port>", "HTTP", "admin, API and softphones").default("127.0.0.1:8080"),
    option("--tls-cert <files>", "TLS_CERT", "certificate chains, PEM, by comma; first: default"),
    option("--tls-key <files>", "TLS_KEY", "their private keys, PEM, in the same order"),
    option("--acme <names>", "ACME", "host names to order a certificate for by ACME, by comma"),
    option("--acme-directory <url>", "ACME_DIRECTORY", "who issues it").default(LETS_ENCRYPT),
    option("--acme-email <address>", "ACME_EMAIL", "where the issuer writes of what is amiss"),
    option(
      "--acme-http <host:port>",
      "ACME_HTTP",
      "where the issuer asks whose the names are",
    ).default("0.0.0.0:80"),
    option(
      "--https <host:port>",
      "HTTPS",
      "as --http, with the certificate of the settings",
    ).default("0.0.0.0:443"),
    option("--test-loopback", "TEST_LOOPBACK", "let Test connection ask this very machine").default(
      false,
    ),
    option("--insecure-http", "INSECURE_HTTP", "allow a public --http without TLS").default(false),
    option("--origin <list>", "ORIGIN", "web origins that may connect softphones, by comma"),
    option("--sip <host:port>", "SIP", "SIP over UDP and TCP").default("0.0.0.0:5060"),
    option(
      "--sip-tls <host:port>",
      "SIP_TLS",
      "SIP over TLS, with a certificate (default: the port after --sip's)",
    ),
    option("--media <ip>", "MEDIA", "address for media (default: the default route's)"),
    option("--external-ip <ip>", "EXTERNAL_IP", "public address behind a 1:1 NAT"),
    option("--rtp-ports <a-b>", "RTP_PORTS", "UDP ports for RTP").default("10000-20000"),
    option("--webrtc-port <n>", "WEBRTC_PORT", "UDP port for softphones' media").default("8081"),
    option("--workers <n>", "WORKERS", "media worker threads").default(String(workers)),
    option(
      "--webhook-loopback",
      "WEBHOOK_LOOPBACK",
      "alerts may be posted to this machine",
    ).default(false),
    option("--log-level <level>", "LOG_LEVEL", "lowest level logged")
      .choices(["debug", "info", "warning", "error"])
      .default("info"),
    option("--drain-timeout <s>", "DRAIN_TIMEOUT", "seconds for calls to end").default("1800"),
  ];
}

function gatewayOptions(raw: RawOptions): GatewayOptions {
  const hasTls = raw.tlsCert !== undefined || raw.tlsKey !== undefined;
  const tls = hasTls ? { tls: parseCertificates(raw.tlsCert ?? "", raw.tlsKey ?? "") } : {};
  if (hasTls && raw.acme !== undefined) {
    throw new OperatorError("--acme and --tls-cert are two ways to one certificate: give one");
  }
  const sip = parseHostPort(raw.sip);
  const options: GatewayOptions = {
    data: raw.data,
    http: parseHostPort(raw.http),
    ...tls,
    ...acmeOptions(raw),
    acmeHttp: parseHostPort(raw.acmeHttp),
    https: parseHostPort(raw.https),
    insecureHttp: raw.insecureHttp,
    testLoopback: raw.testLoopback,
    origins: (raw.origin ?? "")
      .split(",")
      .map((it) => it.trim())
      .filter(Boolean),
    sip,
    sipTls: raw.sipTls === undefined ? portAfter(sip) : parseHostPort(raw.sipTls),
    ...(raw.media === undefined ? {} : { media: raw.media }),
    ...(raw.externalIp === undefined ? {} : { externalIp: raw.externalIp }),
    rtpPorts: parsePortRange(raw.rtpPorts),
    webrtcPort: parseCount("--webrtc-port", raw.webrtcPort, 0, 65_535),
    workers: parseCount("--workers", raw.workers, 1, 64),
    webhookLoopback: raw.webhookLoopback,
    logLevel: raw.logLevel,
    drainTimeoutSeconds: parseCount("--drain-timeout", raw.drainTimeout, 0, 86_400),
  };
  refusePublicPlainHttp(options);
  return options;
}

/** RFC 3261 §19.1.2: 5061 to 5060; any to any. */
function portAfter({ host, port }: HostPort): HostPort {
  return { host, port: port === 0 ? 0 : Math.min(port + 1, 65_535) };
}

function acmeOptions(raw: RawOptions): Pick<GatewayOptions, "acme"> {
  const { acme, acmeEmail: email } = raw;
  if (acme === undefined) return {};
  return {
    acme: {
      names: parseHostNames("--acme", acme),
      directory: parseServiceUrl("--acme-directory", raw.acmeDirectory),
      ...(email === undefined ? {} : { email }),
    },
  };
}

/** Secure by default: passwords do not cross a network in the clear unless someone says so. */
function refusePublicPlainHttp({ http, tls, acme, insecureHttp }: GatewayOptions): void {
  const isLoopback = /^(127\.|::1$|localhost$)/.test(http.host);
  if (isLoopback || tls || acme || insecureHttp) return;
  throw new OperatorError(
    `--http ${http.host}:${http.port} is public and without TLS: give --tls-cert and --tls-key, ` +
      "or --acme for a host name of yours, or --insecure-http if a proxy in front ends TLS",
  );
}
