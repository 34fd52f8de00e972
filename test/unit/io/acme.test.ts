import { expect, test } from "bun:test";
import { isDue } from "../../../gateway/io/acme.ts";

test("a certificate is due with a third of its time left, our own at once", () => {
  const day = 86_400_000;
  const certificate = {
    issuer: "CN=Authority",
    subject: "CN=phones.example.com",
    validFrom: "Jan  1 00:00:00 2026 GMT",
    validTo: "Apr  1 00:00:00 2026 GMT",
  };
  const from = Date.UTC(2026, 0, 1);
  for (const [days, wanted] of [
    [0, false],
    [59, false],
    [60, true],
    [91, true],
    [400, true],
  ] as const) {
    expect([days, isDue(certificate, from + days * day)]).toEqual([days, wanted]);
  }
  expect(isDue({ ...certificate, issuer: certificate.subject }, from)).toBe(true);
});
