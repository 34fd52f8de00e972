import { expect, test } from "bun:test";
import {
  parseCertificates,
  parseCount,
  parseHostNames,
  parseHostPort,
  parsePortRange,
  parseServiceUrl,
  shareOfPorts,
} from "../../gateway/options.ts";

test("HOST:PORT, with IPv6 in brackets", () => {
  expect(parseHostPort("127.0.0.1:8080")).toEqual({ host: "127.0.0.1", port: 8080 });
  expect(parseHostPort("[::1]:5060")).toEqual({ host: "::1", port: 5060 });
  for (const wrong of ["8080", "host", "::1:80", "a:70000", ":80", "a b:80"]) {
    expect(() => parseHostPort(wrong)).toThrow("write HOST:PORT");
  }
});

test("a port range starts even and holds at least one pair", () => {
  expect(parsePortRange("10001-20000")).toEqual({ first: 10_002, last: 20_000 });
  for (const wrong of ["10000", "20000-10000", "10-20", "10000-70000", "10001-10002"]) {
    expect(() => parsePortRange(wrong)).toThrow("no port range");
  }
});

test("workers share the range in pairs, without a gap and without overlap", () => {
  const range = { first: 10_000, last: 10_099 };
  const shares = [0, 1, 2].map((index) => shareOfPorts(range, index, 3));
  expect(shares[0]?.first).toBe(10_000);
  expect(shares[2]?.last).toBe(10_099);
  for (const [index, share] of shares.entries()) {
    expect(share.first % 2).toBe(0);
    if (index > 0) expect(share.first).toBe((shares[index - 1]?.last ?? 0) + 1);
  }
});

test("counts are whole numbers in bounds", () => {
  expect(parseCount("--workers", "4", 1, 64)).toBe(4);
  for (const wrong of ["0", "65", "x", "1.5", "-1"]) {
    expect(() => parseCount("--workers", wrong, 1, 64)).toThrow("whole number from 1 to 64");
  }
});

test("names a certificate can be ordered for, and where", () => {
  expect(parseHostNames("--acme", "Phones.example.com, sip.example.com")).toEqual([
    "phones.example.com",
    "sip.example.com",
  ]);
  for (const wrong of [
    "",
    "localhost",
    "192.0.2.1",
    "a..b",
    "-a.example",
    "*.example.com",
    "a b.c",
  ]) {
    expect(() => parseHostNames("--acme", wrong)).toThrow("write host names");
  }
  for (const right of [
    "https://ca.example/dir",
    "http://127.0.0.1:14000/dir",
    "http://localhost/",
  ]) {
    expect(parseServiceUrl("--acme-directory", right)).toBe(right);
  }
  for (const wrong of ["http://ca.example/dir", "ftp://ca.example", "ca.example", ""]) {
    expect(() => parseServiceUrl("--acme-directory", wrong)).toThrow("write an https: URL");
  }
});

test("certificates and keys are two lists of the same length", () => {
  expect(parseCertificates("a.pem, b.pem", "a.key,b.key")).toEqual([
    { certificate: "a.pem", key: "a.key" },
    { certificate: "b.pem", key: "b.key" },
  ]);
  for (const [certificates, keys] of [
    ["a.pem", ""],
    ["", "a.key"],
    ["a.pem,b.pem", "a.key"],
    ["a.pem", "a.key,b.key"],
    ["a.pem,", "a.key,b.key"],
  ] as const) {
    expect(() => parseCertificates(certificates, keys)).toThrow("belong together");
  }
});
