/**
 * What the command line and the environment may say (DESIGN: outside interface), as values. The
 * parsing of single values is here and pure; `io/command-line` reads the process's arguments.
 */

export interface HostPort {
  host: string;
  port: number;
}

export interface PortRange {
  first: number;
  last: number;
}

/** Files of a certificate chain and of its key, in PEM. */
export interface CertificateFiles {
  certificate: string;
  key: string;
}

/** A certificate ordered by ACME (RFC 8555). */
export interface AcmeOptions {
  /** Host names it is for. */
  names: readonly [string, ...string[]];
  directory: string;
  email?: string;
}

/** Who issues certificates unless somebody else is named. */
export const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

export interface GatewayOptions {
  /** Directory of the database, the keys and the certificates. */
  data: string;
  http: HostPort;
  /** What we show by TLS: the first, where the peer names no server, or none of the others'. */
  tls?: readonly [CertificateFiles, ...CertificateFiles[]];
  /** In the place of `tls`. */
  acme?: AcmeOptions;
  /** Where an issuer asks whose the names are (HTTP-01): port 80 of each of them must lead here. */
  acmeHttp: HostPort;
  /** Where pages and softphones are served with the certificate of the settings, besides `http`. */
  https: HostPort;
  /** Serve HTTP without TLS on an address others can reach. */
  insecureHttp: boolean;
  /** Further origins whose pages may open the SIP WebSocket. */
  origins: string[];
  sip: HostPort;
  /** Where PBXs connect by TLS, as soon as there is a certificate. */
  sipTls: HostPort;
  /** Address media is bound to and, without `externalIp`, advertised with. */
  media?: string;
  externalIp?: string;
  rtpPorts: PortRange;
  /** The first worker's port for WebRTC; each further worker takes the next. */
  webrtcPort: number;
  workers: number;
  /** Web hooks of alerts may be on this machine. */
  webhookLoopback: boolean;
  logLevel: "debug" | "info" | "warning" | "error";
  /** Seconds running calls are given at SIGTERM. */
  drainTimeoutSeconds: number;
  /** Test connection may ask this very machine: for a PBX beside the gateway, and for tests. */
  testLoopback: boolean;
}

/** What an operator got wrong, in one line that says what would be right. Exit status 2. */
export class OperatorError extends Error {}

/** `HOST:PORT`, with IPv6 in brackets. Port 0 asks the system for a free one. */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) {
    throw new OperatorError(`"${text}" is no address: write HOST:PORT, e.g. 127.0.0.1:8080`);
  }
  return { host, port };
}

/** `A-B`, both inclusive; A is rounded up to even, as RTP wants (RFC 3550 §11). */
export function parsePortRange(text: string): PortRange {
  const match = /^([0-9]{1,5})-([0-9]{1,5})$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2]);
  const even = first + (first % 2);
  if (!match || first < 1_024 || last > 65_535 || even + 1 > last) {
    throw new OperatorError(
      `"${text}" is no port range: write A-B with 1024 <= A < B <= 65535, e.g. 10000-20000`,
    );
  }
  return { first: even, last };
}

/** Two lists by comma, of certificates and of their keys in the same order. */
export function parseCertificates(
  certificates: string,
  keys: string,
): [CertificateFiles, ...CertificateFiles[]] {
  const split = (list: string) => list.split(",").map((it) => it.trim());
  const keyFiles = split(keys);
  const [first, ...others] = split(certificates).map((certificate, index) => ({
    certificate,
    key: keyFiles[index] ?? "",
  }));
  const isWhole = first && [first, ...others].every((it) => it.certificate !== "" && it.key !== "");
  if (!isWhole || keyFiles.length !== others.length + 1) {
    throw new OperatorError(
      "--tls-cert and --tls-key belong together: as many keys as certificates, in the same order",
    );
  }
  return [first, ...others];
}

const HOST_NAME = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$/;

/** Whether a certificate can be ordered for it: a name in lower case with a dot in it, no address. */
export function isOrderable(name: string): boolean {
  return HOST_NAME.test(name);
}

/** Host names by comma, in lower case: what a certificate can be ordered for. */
export function parseHostNames(flag: string, text: string): [string, ...string[]] {
  const [first = "", ...others] = text.split(",").map((it) => it.trim().toLowerCase());
  const wrong = [first, ...others].find((it) => !isOrderable(it));
  if (wrong === undefined) return [first, ...others];
  throw new OperatorError(`${flag} has "${wrong}": write host names, e.g. phones.example.com`);
}

/** Whether secrets may be sent there: by TLS, or to this very machine. */
export function isServiceUrl(text: string): boolean {
  const { protocol, hostname = "", username, password } = URL.parse(text) ?? {};
  const isOwn = protocol === "http:" && /^(?:127\.|localhost$|\[::1\]$)/.test(hostname);
  return (protocol === "https:" || isOwn) && username === "" && password === "";
}

/** A URL secrets may be sent to. */
export function parseServiceUrl(flag: string, text: string): string {
  if (isServiceUrl(text)) return text;
  throw new OperatorError(`${flag} is "${text}": write an https: URL`);
}

/** A whole number of `name` between two bounds. */
export function parseCount(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < min || value > max) {
    throw new OperatorError(`${name} is "${text}": write a whole number from ${min} to ${max}`);
  }
  return value;
}

/** The even-aligned share of one of `count` workers. */
export function shareOfPorts(range: PortRange, index: number, count: number): PortRange {
  const pairs = Math.floor((range.last - range.first + 1) / 2);
  const from = Math.floor((pairs * index) / count);
  const to = Math.floor((pairs * (index + 1)) / count);
  return { first: range.first + 2 * from, last: range.first + 2 * to - 1 };
}
