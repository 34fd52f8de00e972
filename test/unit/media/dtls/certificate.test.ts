/** Our certificate, read by a parser that is not ours. */
import { expect, test } from "bun:test";
import { createHash, X509Certificate } from "node:crypto";
import { createCertificate, fingerprintOf } from "../../../../gateway/media/dtls/certificate.ts";
import { seededRandom } from "../seeded-random.ts";

test("the certificate is X.509 on P-256, signed by its own key", () => {
  const { der } = createCertificate(seededRandom(1));
  const certificate = new X509Certificate(der);
  expect(certificate.publicKey.asymmetricKeyType).toBe("ec");
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.subject).toBe("CN=jackfield");
  expect(certificate.issuer).toBe("CN=jackfield");
  // DER has one form for each value: nothing was lost or added in reading it.
  expect(certificate.raw.toHex()).toBe(der.toHex());
});

test("it has begun long ago and does not end while anybody uses it", () => {
  const certificate = new X509Certificate(createCertificate(seededRandom(1)).der);
  expect(new Date(certificate.validFrom).getUTCFullYear()).toBe(2000);
  expect(new Date(certificate.validTo).getUTCFullYear()).toBe(9999);
});

test("the serial number is drawn, positive and of at most 20 bytes (RFC 5280 §4.1.2.2)", () => {
  const serials = Array.from({ length: 50 }, (_, seed) => {
    const { serialNumber } = new X509Certificate(createCertificate(seededRandom(seed)).der);
    expect(serialNumber.startsWith("-")).toBe(false);
    expect(serialNumber.length).toBeLessThanOrEqual(40);
    return serialNumber;
  });
  expect(new Set(serials).size).toBe(50);
});

test("the fingerprint is the one another implementation computes, in SDP's form", () => {
  const { der, fingerprint } = createCertificate(seededRandom(1));
  expect(fingerprint.algorithm).toBe("sha-256");
  expect(fingerprint.value).toBe(new X509Certificate(der).fingerprint256);
  expect(fingerprint.value).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  expect(fingerprintOf(der, "sha-512").value).toBe(new X509Certificate(der).fingerprint512);
  const sha384 = createHash("sha384").update(der).digest("hex");
  expect(fingerprintOf(der, "sha-384").value.replaceAll(":", "").toLowerCase()).toBe(sha384);
});
