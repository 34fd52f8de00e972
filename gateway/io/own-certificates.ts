/**
 * The certificates we show, if any: read from files, chosen by the server name a peer asks for (RFC
 * 6066 §3), read again when they change, and told of before they expire. The first one is for peers
 * that ask for no name, or for one that none is for.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { createSecureContext } from "node:tls";
import type { CertificateStatus } from "../b2bua/status.ts";
import { type CertificateFiles, OperatorError } from "../options.ts";
import type { Log } from "./log.ts";

export interface OwnCertificate {
  /** The chain and its key, in PEM. */
  readonly cert: string;
  readonly key: string;
  /** The DNS names it is for, in lower case; the first label may be `*`. */
  readonly names: readonly string[];
  /** Wall clock, milliseconds. */
  readonly expires: number;
  readonly isSelfSigned: boolean;
}

export interface OwnCertificates {
  /** All, the one for everybody else first. */
  readonly all: readonly OwnCertificate[];
  /** The one for that server name; undefined where there are none at all. */
  for(serverName: string): OwnCertificate | undefined;
  /** Takes others in their place; throws an `OperatorError`, and keeps them, where one is unusable. */
  use(files: readonly CertificateFiles[]): void;
  /** Reads them again now, and not only when a file is seen to have changed. */
  renew(): void;
  /** `listener` is called after each change. Returns the way out. */
  subscribe(listener: () => void): () => void;
  status(): CertificateStatus[];
  stop(): void;
}

export interface OwnCertificatesOptions {
  files: readonly CertificateFiles[];
  /** The wall clock, milliseconds. */
  now: () => number;
  log: Log;
}

const POLL_MS = 2_000;
const DAY_MS = 86_400_000;
/** R11: how long before its end an operator is warned of a certificate, once a day. */
const WARN_DAYS = 20;

/** Throws an `OperatorError` when one can't be read or is not that key's. */
export function openOwnCertificates(options: OwnCertificatesOptions): OwnCertificates {
  const { now, log } = options;
  let { files } = options;
  const listeners = new Set<() => void>();
  let all = files.map(readCertificate);

  const daysLeft = ({ expires }: OwnCertificate) => Math.floor((expires - now()) / DAY_MS);
  const warn = () => {
    for (const certificate of all) {
      const days = daysLeft(certificate);
      if (days >= WARN_DAYS) continue;
      const event = days < 0 ? "certificate-expired" : "certificate-expires";
      log("warning", event, { names: certificate.names.join(" "), daysLeft: days });
    }
  };
  const renew = () => {
    const before = all;
    try {
      all = files.map(readCertificate);
    } catch (error) {
      // Half written, perhaps: the next look finds it whole. Until then the old one serves.
      log("warning", "certificate-unusable", { reason: (error as Error).message });
      return;
    }
    // The certificate and its key are two files: the second one brings nothing new.
    if (all.every(({ cert, key }, at) => cert === before[at]?.cert && key === before[at]?.key)) {
      return;
    }
    log("info", "certificate-renewed", { names: all.flatMap(({ names }) => names).join(" ") });
    warn();
    for (const listener of listeners) listener();
  };
  const paths = () => new Set(files.flatMap(({ certificate, key }) => [certificate, key]));
  const watch = () => {
    for (const path of paths()) watchFile(path, { interval: POLL_MS }, renew);
  };
  const unwatch = () => {
    for (const path of paths()) unwatchFile(path, renew);
  };
  watch();
  const daily = setInterval(warn, DAY_MS).unref();
  warn();

  return {
    get all() {
      return all;
    },
    for: (serverName) => {
      const name = serverName.toLowerCase();
      const byName = (wanted: string) => all.find(({ names }) => names.includes(wanted));
      return byName(name) ?? byName(name.replace(/^[^.]+/, "*")) ?? all[0];
    },
    use: (others) => {
      const fresh = others.map(readCertificate);
      unwatch();
      files = others;
      all = fresh;
      watch();
      warn();
      for (const listener of listeners) listener();
    },
    renew,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    status: () =>
      all.map((certificate) => ({
        names: certificate.names,
        expires: certificate.expires,
        daysLeft: daysLeft(certificate),
        isDue: daysLeft(certificate) < WARN_DAYS,
        isSelfSigned: certificate.isSelfSigned,
      })),
    stop: () => {
      clearInterval(daily);
      unwatch();
    },
  };
}

function readCertificate({ certificate, key }: CertificateFiles): OwnCertificate {
  try {
    const cert = readFileSync(certificate, "utf8");
    const own = readFileSync(key, "utf8");
    const parsed = new X509Certificate(cert);
    if (!parsed.checkPrivateKey(createPrivateKey(own))) throw new Error(`${key} is another's key`);
    // What the TLS library would refuse later is refused here: a key that is too small, say.
    createSecureContext({ cert, key: own });
    const names = [...(parsed.subjectAltName ?? "").matchAll(/DNS:([^\s,]+)/g)].map(([, name]) =>
      String(name).toLowerCase(),
    );
    const isSelfSigned = parsed.issuer === parsed.subject;
    return { cert, key: own, names, expires: Date.parse(parsed.validTo), isSelfSigned };
  } catch (error) {
    throw new OperatorError(
      `the TLS certificate ${certificate} can't be used: ${(error as Error).message}`,
    );
  }
}
