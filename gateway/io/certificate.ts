/**
 * Whether a peer's certificate will do, in words an administrator can act on (RFC 5922 §7). The TLS
 * library found out what is true; here is what follows from it.
 */
import type { TargetTls } from "../sip/flow.ts";

export interface CertificateFacts {
  /** OpenSSL's word for what is wrong; undefined where nothing is. */
  readonly error: string | undefined;
  /** SHA-256 in hex with colons. */
  readonly fingerprint: string;
  /** Whom it was made for. */
  readonly names: string;
  readonly validTo: string;
}

/** Why the connection is refused; undefined when the certificate is as it was asked for. */
export function objectionTo(
  { error, fingerprint, names, validTo }: CertificateFacts,
  name: string,
  { verify, pin }: TargetTls,
): string | undefined {
  if (verify === "off") return undefined;
  if (verify === "pin") {
    if (bare(pin ?? "") === bare(fingerprint) && fingerprint !== "") return undefined;
    return `${name} shows another certificate than the pinned one: its SHA-256 is ${fingerprint}`;
  }
  switch (error) {
    case undefined:
      return undefined;
    case "CERT_HAS_EXPIRED":
      return `the certificate of ${name} expired on ${validTo}`;
    case "CERT_NOT_YET_VALID":
      return `the certificate of ${name} is not valid yet; is the clock right?`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
    case "HOSTNAME_MISMATCH":
      return `the certificate of ${name} is for somebody else: ${names.slice(0, 200)}`;
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
      return `the certificate of ${name} is signed by itself: pin it (SHA-256 ${fingerprint}) or give its CA`;
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return `the certificate of ${name} is signed by a CA that is not known here: give its CA`;
    default:
      return `the certificate of ${name} can't be trusted (${error})`;
  }
}

/** Hex alone: people write fingerprints with colons, spaces, in either case. */
function bare(fingerprint: string): string {
  return fingerprint.replace(/[^0-9A-Fa-f]/g, "").toLowerCase();
}
