/**
 * Where our certificates come from: the command line, or else the settings; from files, or ordered
 * by ACME. Settings are followed while we run. What can't be used leaves the certificates before in
 * their place, is told, and is tried again.
 */
import type { TlsStatus } from "../b2bua/status.ts";
import {
  type AcmeOptions,
  type CertificateFiles,
  type GatewayOptions,
  LETS_ENCRYPT,
} from "../options.ts";
import { type Acme, openAcme } from "./acme.ts";
import type { Log } from "./log.ts";
import { type OwnCertificates, openOwnCertificates } from "./own-certificates.ts";

/** What of the settings says it. */
export interface CertificateSettings {
  readonly acme?: {
    readonly names: readonly string[];
    readonly email?: string;
    readonly directory?: string;
  };
  readonly certificateFiles?: readonly CertificateFiles[];
}

export interface OwnTls {
  readonly certificates: OwnCertificates;
  /** Whether the command line gives them: then settings have no say. */
  readonly isFixed: boolean;
  configure(settings: CertificateSettings): void;
  status(): TlsStatus;
  stop(): void;
}

export interface OwnTlsParts {
  options: Pick<GatewayOptions, "acme" | "acmeHttp" | "data" | "tls">;
  /** The wall clock, milliseconds. */
  now: () => number;
  log: Log;
  /** Called when `status` has changed by itself. */
  changed: () => void;
}

const RETRY_MS = 60_000;

/** Throws an `OperatorError` where what the command line gives can't be used. */
export function openOwnTls({ options, now, log, changed }: OwnTlsParts): OwnTls {
  const { acmeHttp, data, tls } = options;
  const isFixed = options.acme !== undefined || tls !== undefined;
  const certificates = openOwnCertificates({ files: tls ?? [], now, log });
  const unsubscribe = certificates.subscribe(changed);
  let acme: Acme | undefined;
  let followed = "";
  let problem: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const ordered = () => {
    certificates.renew();
    changed();
  };
  const order = (wanted: AcmeOptions) => {
    const options = { ...wanted, http: acmeHttp };
    acme = openAcme({ options, data, now, log, changed: ordered });
    certificates.use([acme.files]);
  };
  if (options.acme) order(options.acme);

  const follow = (settings: CertificateSettings) => {
    clearTimeout(timer);
    acme?.stop();
    acme = undefined;
    problem = undefined;
    try {
      const wanted = acmeOptions(settings);
      if (wanted) order(wanted);
      else certificates.use(settings.certificateFiles ?? []);
    } catch (error) {
      problem = (error as Error).message;
      log("warning", "certificate-unusable", { reason: problem });
      timer = setTimeout(() => follow(settings), RETRY_MS).unref();
    }
    changed();
  };

  return {
    certificates,
    isFixed,
    configure: (settings) => {
      const wanted = JSON.stringify([settings.acme, settings.certificateFiles]);
      if (isFixed || wanted === followed) return;
      followed = wanted;
      follow(settings);
    },
    status: () => ({
      certificates: certificates.status(),
      certificatesFrom: isFixed ? "command line" : "settings",
      ...(acme ? { acme: acme.status() } : {}),
      ...(problem === undefined ? {} : { certificateProblem: problem }),
    }),
    stop: () => {
      clearTimeout(timer);
      unsubscribe();
      certificates.stop();
      acme?.stop();
    },
  };
}

function acmeOptions({ acme }: CertificateSettings): AcmeOptions | undefined {
  const [first, ...others] = acme?.names ?? [];
  if (!acme || first === undefined) return undefined;
  const { directory = LETS_ENCRYPT, email } = acme;
  return { names: [first, ...others], directory, ...(email === undefined ? {} : { email }) };
}
