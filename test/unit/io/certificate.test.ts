/** What is said of a PBX's certificate, case by case (R11). */
import { expect, test } from "bun:test";
import { objectionTo } from "../../../gateway/io/certificate.ts";

const PRINT = Array.from({ length: 32 }, () => "AB").join(":");
const facts = (error?: string) => ({
  error,
  fingerprint: PRINT,
  names: "DNS:other.example",
  validTo: "Jan  1 00:00:00 2020 GMT",
});

test("strict: a good one passes, each fault has its sentence", () => {
  const strict = { verify: "strict" } as const;
  expect(objectionTo(facts(), "pbx.example", strict)).toBeUndefined();
  const said: [string, string][] = [
    ["CERT_HAS_EXPIRED", "expired on Jan  1 00:00:00 2020"],
    ["CERT_NOT_YET_VALID", "not valid yet"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "somebody else: DNS:other.example"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", `pin it (SHA-256 ${PRINT})`],
    ["UNABLE_TO_GET_ISSUER_CERT", "CA that is not known"],
    ["SOMETHING_NEW", "can't be trusted (SOMETHING_NEW)"],
  ];
  for (const [error, sentence] of said) {
    const objection = objectionTo(facts(error), "pbx.example", strict);
    expect(objection).toContain("pbx.example");
    expect(objection).toContain(sentence);
  }
});

test("a pin is the certificate itself, however it is written, whatever else is wrong with it", () => {
  const pin = PRINT.replaceAll(":", " ").toLowerCase();
  expect(objectionTo(facts("CERT_HAS_EXPIRED"), "pbx", { verify: "pin", pin })).toBeUndefined();
  const other = objectionTo(facts(), "pbx", { verify: "pin", pin: "00".repeat(32) });
  expect(other).toContain("another certificate");
  expect(objectionTo({ ...facts(), fingerprint: "" }, "pbx", { verify: "pin" })).toBeDefined();
});

test("off is off", () => {
  expect(objectionTo(facts("CERT_HAS_EXPIRED"), "pbx", { verify: "off" })).toBeUndefined();
});
