/** The command line, read with commander; each option has an environment variable. */
import { availableParallelism } from "node:os";
import { Command, CommanderError, Option } from "commander";
import {
  type GatewayOptions,
  OperatorError,
  parseCount,
  parseHostPort,
  parsePortRange,
} from "../options.ts";

interface RawOptions {
  data: string;
  http: string;
  tlsCert?: string;
  tlsKey?: string;
  insecureHttp: boolean;
  origin?: string;
  sip: string;
  media?: string;
  externalIp?: string;
  rtpPorts: string;
  webrtcPort: string;
  workers: string;
  logLevel: GatewayOptions["logLevel"];
  drainTimeout: string;
}

export type CommandLine =
  | { command: "serve"; options: GatewayOptions }
  | { command: "version" }
  /** Help was printed. */
  | { command: "none" };

/** Reads the arguments after the program's name. Throws `OperatorError` for what is wrong. */
export function readCommandLine(args: readonly string[]): CommandLine {
  let result: CommandLine = { command: "none" };
  const program = new Command("jackfield")
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

function serveOptions(): Option[] {
  const workers = Math.max(1, availableParallelism() - 1);
  const option = (flags: string, variable: string, text: string) =>
    new Option(flags, text).env(`JACKFIELD_${variable}`);
  return [
    option("--data <dir>", "DATA", "database, keys and certificates").default("./data"),
    option("--http <host:port>", "HTTP", "admin, API and softphones").default("127.0.0.1:8080"),
    option("--tls-cert <file>", "TLS_CERT", "certificate chain for --http, PEM"),
    option("--tls-key <file>", "TLS_KEY", "private key for --http, PEM"),
    option("--insecure-http", "INSECURE_HTTP", "allow a public --http without TLS").default(false),
    option("--origin <list>", "ORIGIN", "web origins that may connect softphones, by comma"),
    option("--sip <host:port>", "SIP", "SIP over UDP and TCP").default("0.0.0.0:5060"),
    option("--media <ip>", "MEDIA", "address for media (default: the default route's)"),
    option("--external-ip <ip>", "EXTERNAL_IP", "public address behind a 1:1 NAT"),
    option("--rtp-ports <a-b>", "RTP_PORTS", "UDP ports for RTP").default("10000-20000"),
    option("--webrtc-port <n>", "WEBRTC_PORT", "UDP port for softphones' media").default("8081"),
    option("--workers <n>", "WORKERS", "media worker threads").default(String(workers)),
    option("--log-level <level>", "LOG_LEVEL", "lowest level logged")
      .choices(["debug", "info", "warning", "error"])
      .default("info"),
    option("--drain-timeout <s>", "DRAIN_TIMEOUT", "seconds for calls to end").default("1800"),
  ];
}

function gatewayOptions(raw: RawOptions): GatewayOptions {
  if ((raw.tlsCert === undefined) !== (raw.tlsKey === undefined)) {
    throw new OperatorError("--tls-cert and --tls-key belong together: give both or none");
  }
  const tls =
    raw.tlsCert !== undefined && raw.tlsKey !== undefined
      ? { tls: { certificate: raw.tlsCert, key: raw.tlsKey } }
      : {};
  const options: GatewayOptions = {
    data: raw.data,
    http: parseHostPort(raw.http),
    ...tls,
    insecureHttp: raw.insecureHttp,
    origins: (raw.origin ?? "")
      .split(",")
      .map((it) => it.trim())
      .filter(Boolean),
    sip: parseHostPort(raw.sip),
    ...(raw.media === undefined ? {} : { media: raw.media }),
    ...(raw.externalIp === undefined ? {} : { externalIp: raw.externalIp }),
    rtpPorts: parsePortRange(raw.rtpPorts),
    webrtcPort: parseCount("--webrtc-port", raw.webrtcPort, 0, 65_535),
    workers: parseCount("--workers", raw.workers, 1, 64),
    logLevel: raw.logLevel,
    drainTimeoutSeconds: parseCount("--drain-timeout", raw.drainTimeout, 0, 86_400),
  };
  refusePublicPlainHttp(options);
  return options;
}

/** Secure by default: passwords do not cross a network in the clear unless someone says so. */
function refusePublicPlainHttp({ http, tls, insecureHttp }: GatewayOptions): void {
  const isLoopback = /^(127\.|::1$|localhost$)/.test(http.host);
  if (isLoopback || tls || insecureHttp) return;
  throw new OperatorError(
    `--http ${http.host}:${http.port} is public and without TLS: give --tls-cert and --tls-key, ` +
      "or --insecure-http if a proxy in front ends TLS",
  );
}
