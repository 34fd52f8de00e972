/** What we write of X.509, read by OpenSSL's code. */
import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { generateSigningKey } from "../../gateway/crypto.ts";
import { pem, selfSigned } from "../../gateway/x509.ts";

const IT = {
  serial: Uint8Array.of(0x80, 2, 3, 4, 5, 6, 7, 8),
  commonName: "phones.example.com",
  from: "20260101000000Z",
  until: "20360101000000Z",
};

test("a certificate of our own is read as it was meant, and its signature is right", () => {
  const keys = generateSigningKey();
  // So many names that the lengths take two octets.
  const names = Array.from({ length: 40 }, (_, at) => `phone-${at}.example.com`);
  const certificate = new X509Certificate(pem("CERTIFICATE", selfSigned(keys, { ...IT, names })));
  expect(certificate.subject).toBe("CN=phones.example.com");
  expect(certificate.issuer).toBe(certificate.subject);
  expect(certificate.serialNumber).toBe("018002030405060708");
  expect(Date.parse(certificate.validFrom)).toBe(Date.UTC(2026, 0, 1));
  expect(Date.parse(certificate.validTo)).toBe(Date.UTC(2036, 0, 1));
  expect(certificate.subjectAltName).toBe(names.map((it) => `DNS:${it}`).join(", "));
  expect(certificate.checkHost("phone-39.example.com")).toBe("phone-39.example.com");
  expect(certificate.checkPrivateKey(keys.privateKey)).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  const nameless = new X509Certificate(pem("CERTIFICATE", selfSigned(keys, IT)));
  expect(nameless.subjectAltName).toBeUndefined();
});
