/**
 * The certificates we show: read from files, chosen by the server name a peer asks for (RFC 6066
 * §3), read again when they change, and told of before they expire. The first one is for peers that
 * ask for no name, or for one that none is for.
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
}

export interface OwnCertificates {
  /** All, the one for everybody else first. */
  readonly all: readonly [OwnCertificate, ...OwnCertificate[]];
  /** The one for that server name. */
  for(serverName: string): OwnCertificate;
  /** `listener` is called after each renewal. Returns the way out. */
  subscribe(listener: () => void): () => void;
  status(): CertificateStatus[];
  stop(): void;
}

export interface OwnCertificatesOptions {
  files: readonly [CertificateFiles, ...CertificateFiles[]];
  /** The wall clock, milliseconds. */
  now: () => number;
  log: Log;
}

const POLL_MS = 2_000;
const DAY_MS = 86_400_000;
/** R11: how long before its end an operator is warned of a certificate, once a day. */
const WARN_DAYS = 14;

/** Throws an `OperatorError` when one can't be read or is not that key's. */
export function openOwnCertificates(options: OwnCertificatesOptions): OwnCertificates {
  const { files, now, log } = options;
  const [first, ...others] = files;
  const read = (): [OwnCertificate, ...OwnCertificate[]] => [
    readCertificate(first),
    ...others.map(readCertificate),
  ];
  const listeners = new Set<() => void>();
  let all = read();

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
      all = read();
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
  const paths = [...new Set(files.flatMap(({ certificate, key }) => [certificate, key]))];
  for (const path of paths) watchFile(path, { interval: POLL_MS }, renew);
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
      })),
    stop: () => {
      clearInterval(daily);
      for (const path of paths) unwatchFile(path, renew);
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
    return { cert, key: own, names, expires: Date.parse(parsed.validTo) };
  } catch (error) {
    throw new OperatorError(
      `the TLS certificate ${certificate} can't be used: ${(error as Error).message}`,
    );
  }
}
