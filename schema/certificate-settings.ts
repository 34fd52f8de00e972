/**
 * The certificate the gateway shows, where the command line gives none: ordered by ACME (RFC 8555),
 * or in files of this machine. With one, pages and softphones are served over TLS as well, and PBXs
 * may connect by it.
 */
import { isOrderable, isServiceUrl } from "../gateway/options.ts";
import { type Findings, isUnprintable, problem } from "./findings.ts";

export interface CertificateSettings {
  /** An order; absent: none is ordered. */
  readonly acme?: AcmeSettings;
  /** Chains and their keys in PEM, by absolute path; the first is for whoever asks for no name. */
  readonly certificateFiles?: readonly { readonly certificate: string; readonly key: string }[];
}

export interface AcmeSettings {
  /** Host names it is for; port 80 of each must lead here. */
  readonly names: readonly string[];
  /** Where the issuer writes of what is amiss. */
  readonly email?: string;
  /** Who issues it, an `https:` URL; absent: Let's Encrypt. */
  readonly directory?: string;
}

const NAMES_MAX = 20;
const FILES_MAX = 20;
const PATH_MAX = 1_024;

export function checkCertificate(
  { acme, certificateFiles: files = [] }: CertificateSettings,
  path: string,
  findings: Findings,
): void {
  if (acme) checkOrder(acme, `${path}.acme`, findings);
  const at = `${path}.certificateFiles`;
  if (acme && files.length > 0) problem(findings, at, "files or an order are expected, not both");
  if (files.length > FILES_MAX) problem(findings, at, `at most ${FILES_MAX} are allowed`);
  files.forEach((it, index) => {
    for (const field of ["certificate", "key"] as const) {
      const file = it[field];
      if (file.startsWith("/") && file.length <= PATH_MAX && !isUnprintable(file)) continue;
      const message = "the absolute path of a file in PEM is expected, e.g. /etc/ssl/phones.pem";
      problem(findings, `${at}[${index}].${field}`, message);
    }
  });
}

function checkOrder(
  { names, email, directory }: AcmeSettings,
  path: string,
  findings: Findings,
): void {
  if (names.length === 0 || names.length > NAMES_MAX) {
    problem(findings, `${path}.names`, `1 to ${NAMES_MAX} host names are expected`);
  }
  names.forEach((name, index) => {
    if (isOrderable(name)) return;
    const message = "a host name in lower case is expected, e.g. phones.example.com";
    problem(findings, `${path}.names[${index}]`, message);
  });
  if (email !== undefined && !/^[^\s@<>"]{1,64}@[^\s@<>"]{1,190}$/.test(email)) {
    problem(findings, `${path}.email`, "an e-mail address is expected");
  }
  if (directory !== undefined && (isUnprintable(directory) || !isServiceUrl(directory))) {
    const message = "an https: URL without user and password is expected";
    problem(findings, `${path}.directory`, message);
  }
}
