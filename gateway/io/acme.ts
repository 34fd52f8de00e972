/**
 * A certificate by ACME (RFC 8555), ordered at the first start and again when a third of its time is
 * left. It lies with its key in one file of the data directory, which `own-certificates` reads and
 * reads again: to everybody else it is a certificate like any other. Until the first one has come,
 * one signed by ourselves holds its place.
 */
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AcmeStatus } from "../b2bua/status.ts";
import { generateSigningKey } from "../crypto.ts";
import {
  type AcmeOptions,
  type CertificateFiles,
  type HostPort,
  OperatorError,
} from "../options.ts";
import { certificateRequest, pem, selfSigned } from "../x509.ts";
import { AcmeClient } from "./acme-client.ts";
import type { Log } from "./log.ts";
import { systemRandom } from "./random.ts";

export interface Acme {
  /** Where the certificate lies, with its key. */
  readonly files: CertificateFiles;
  status(): AcmeStatus;
  stop(): void;
}

export interface AcmeParts {
  options: AcmeOptions & { http: HostPort };
  /** The data directory. */
  data: string;
  /** The wall clock, milliseconds. */
  now: () => number;
  log: Log;
  /** Called when `status` has changed. */
  changed: () => void;
}

const CHALLENGE_PATH = "/.well-known/acme-challenge/";
const HOUR_MS = 3_600_000;
/** How often is looked whether it is time. */
const LOOK_MS = 12 * HOUR_MS;
/** After a failure; doubled up to six hours, so that no server's limits are run into. */
const RETRY_MS = 2 * 60_000;
const RETRY_MAX_MS = 6 * HOUR_MS;
/** Ours holds the place for so long; it is nobody's to trust. */
const PLACEHOLDER_MS = 90 * 24 * HOUR_MS;

/** Throws an `OperatorError` where the port for the challenges is taken or the folder is not ours. */
export function openAcme({ options, data, now, log, changed }: AcmeParts): Acme {
  const folder = join(data, "acme");
  const file = join(folder, "certificate.pem");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!isFor(file, options.names)) write(file, placeholder(options.names, now()));
  } catch (error) {
    throw new OperatorError(`${folder} can't be used: ${(error as Error).message}`);
  }
  const challenges = new Map<string, string>();
  const server = answerChallenges(options, challenges);
  let status: AcmeStatus = { names: options.names, state: "valid" };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let failures = 0;
  const become = (next: AcmeStatus) => {
    if (isStopped) return;
    status = next;
    changed();
  };

  const order = async () => {
    const client = new AcmeClient({
      directory: options.directory,
      accountKey: accountKey(join(folder, "account.pem")),
      email: options.email,
    });
    const keys = generateSigningKey();
    const request = certificateRequest(keys, options.names);
    const chain = await client.certificate(options.names, request, (token, authorization) => {
      challenges.set(token, authorization);
      return () => challenges.delete(token);
    });
    const key = keys.privateKey.export({ type: "pkcs8", format: "pem" });
    // Who was stopped meanwhile may have been followed by an order for other names.
    if (!isStopped) write(file, `${chain.trim()}\n${key}`);
  };
  const look = async () => {
    let afterMs = LOOK_MS;
    try {
      if (isDue(certificateIn(file), now())) {
        become({ names: options.names, state: "ordering" });
        await order();
        log("info", "acme-certificate", { names: options.names.join(" ") });
      }
      failures = 0;
      become({ names: options.names, state: "valid" });
    } catch (error) {
      afterMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** failures);
      failures += 1;
      const reason = (error as Error).message;
      const nextAttempt = now() + afterMs;
      become({ names: options.names, state: "failed", reason, nextAttempt });
      log("warning", "acme-failed", { reason, retrySeconds: afterMs / 1_000 });
    }
    if (!isStopped) timer = setTimeout(() => void look(), afterMs).unref();
  };
  void look();
  return {
    files: { certificate: file, key: file },
    status: () => status,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
      void server.stop(true);
    },
  };
}

/** With a third of its time left, and at once where it is our own. */
export function isDue(
  certificate: Pick<X509Certificate, "issuer" | "subject" | "validFrom" | "validTo">,
  now: number,
): boolean {
  const { issuer, subject, validFrom, validTo } = certificate;
  if (issuer === subject) return true;
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return now >= from + ((to - from) * 2) / 3;
}

/** HTTP-01 (§8.3); everybody else is led to where the pages are. */
function answerChallenges(
  { http, names }: AcmeParts["options"],
  challenges: ReadonlyMap<string, string>,
): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname: http.host,
      port: http.port,
      maxRequestBodySize: 0,
      fetch: (request) => {
        const { pathname, search, hostname } = new URL(request.url);
        if (pathname.startsWith(CHALLENGE_PATH)) {
          const answer = challenges.get(pathname.slice(CHALLENGE_PATH.length));
          return new Response(answer ?? "no such challenge\n", {
            status: answer === undefined ? 404 : 200,
            headers: { "Content-Type": "application/octet-stream" },
          });
        }
        if (!names.includes(hostname.toLowerCase())) return new Response(null, { status: 404 });
        return Response.redirect(`https://${hostname}${pathname}${search}`, 308);
      },
    });
  } catch (error) {
    throw new OperatorError(
      `--acme-http ${http.host}:${http.port} can't be opened (${(error as Error).message}): ` +
        "the certificate's server asks there whose the names are",
    );
  }
}

function certificateIn(file: string): X509Certificate {
  return new X509Certificate(readFileSync(file, "utf8"));
}

function isFor(file: string, names: readonly string[]): boolean {
  if (!existsSync(file)) return false;
  try {
    const certificate = certificateIn(file);
    const isWhole = certificate.checkPrivateKey(createPrivateKey(readFileSync(file, "utf8")));
    return isWhole && names.every((name) => certificate.checkHost(name) !== undefined);
  } catch {
    // Nobody can use it, and another is ordered.
    return false;
  }
}

function placeholder(names: readonly [string, ...string[]], now: number): string {
  const keys = generateSigningKey();
  const time = (at: number) => new Date(at).toISOString().replace(/[-:T]|\.\d+/g, "");
  const certificate = selfSigned(keys, {
    serial: systemRandom.bytes(8),
    commonName: names[0],
    from: time(now - HOUR_MS),
    until: time(now + PLACEHOLDER_MS),
    names,
  });
  const key = keys.privateKey.export({ type: "pkcs8", format: "pem" });
  return `${pem("CERTIFICATE", certificate)}${key}`;
}

/** Who we are to the server; made at the first order, and kept. */
function accountKey(file: string): KeyObject {
  if (existsSync(file)) return createPrivateKey(readFileSync(file, "utf8"));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  write(file, String(privateKey.export({ type: "pkcs8", format: "pem" })));
  return privateKey;
}

/** Whole or not at all: whoever reads meanwhile reads the one before. */
function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
