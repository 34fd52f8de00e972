import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  isToken,
  parseHostPort,
  parseNumber,
  parseParameters,
  printHostPort,
  printParameters,
  quoteString,
  trimSpace,
  unquote,
} from "../../../gateway/sip/grammar.ts";

test("hosts and ports", () => {
  expect(parseHostPort("Example.COM")).toEqual({ host: "example.com" });
  expect(parseHostPort("pbx_1.lan.:5062")).toEqual({ host: "pbx_1.lan.", port: 5062 });
  expect(parseHostPort("192.0.2.1 : 5060")).toEqual({ host: "192.0.2.1", port: 5060 });
  expect(parseHostPort("[2001:DB8::1]:5061")).toEqual({ host: "2001:db8::1", port: 5061 });
  expect(parseHostPort("[::ffff:192.0.2.1]")).toEqual({ host: "::ffff:192.0.2.1" });
});

test.each([
  "",
  ":5060",
  "a:",
  "a:65536",
  "a:-1",
  "a:5060:1",
  "a..b",
  ".a",
  "-a",
  "a-",
  "a-.b",
  "a.-b",
  "a b",
  "2001:db8::1",
  "[2001:db8::1",
  "[]",
  "[....]",
  "[1.2.3.4]",
  "[::1]x",
  "[::1]]",
  "[1:2:3]",
  "a[",
  "é.com",
])("%j is no host with a port", (text) => {
  expect(parseHostPort(text)).toBeUndefined();
});

test("IPv6 is printed in brackets, and reads back", () => {
  expect(printHostPort({ host: "2001:db8::1", port: 5060 })).toBe("[2001:db8::1]:5060");
  expect(parseHostPort("[2001:db8::1]:5060")).toEqual({ host: "2001:db8::1", port: 5060 });
});

test("parameters: names without case, quotes undone, white space allowed", () => {
  const params = parseParameters(' ; TAG = abc;lr ;x="a;b\\"c" ; y=[::1]; ');
  expect([...(params ?? [])]).toEqual([
    ["tag", "abc"],
    ["lr", undefined],
    ["x", 'a;b"c'],
    ["y", "[::1]"],
  ]);
  expect(parseParameters("")?.size).toBe(0);
});

test.each([
  "tag=a",
  ";",
  ";;tag=a",
  ";tag=a;;",
  ";tag=",
  ";=a",
  ";a b",
  ";a=b c",
  ';a="b',
  ';a="b"c',
  ';a="b\\"',
  ";a=b,c",
])("%j is no parameter list", (text) => {
  expect(parseParameters(text)).toBeUndefined();
});

test("§7.3.1: a parameter with two values is refused, one said twice is not", () => {
  expect(parseParameters(";tag=a;tag=b")).toBeUndefined();
  expect(parseParameters(";tag=a;TAG")).toBeUndefined();
  expect(parseParameters(";rport;rport;tag=a;tag=a")?.size).toBe(2);
});

test("RFC 5118 §4.5: an IPv6 address is printed without quotes, bare or in brackets", () => {
  const params = new Map([
    ["received", "2001:db8::9"],
    ["maddr", "[2001:db8::1]"],
    ["x", 'a b"'],
  ]);
  expect(printParameters(params)).toBe(';received=2001:db8::9;maddr=[2001:db8::1];x="a b\\""');
});

test("parameters read back as what was printed", () => {
  const name = fc.stringMatching(/^[a-z0-9\-.!%*_+`'~]{1,10}$/);
  const value = fc.oneof(
    fc.constant(undefined),
    fc.stringMatching(/^[ -~\u0080-\u2027\u202a-\ud7ff]{0,20}$/),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (entries) => {
      const params = new Map(entries);
      expect(parseParameters(printParameters(params))).toEqual(params);
    }),
    { numRuns: 300 },
  );
});

test("P12: a quoted string leaves out control characters and escapes its quotes", () => {
  expect(quoteString('a"b\\c\r\nd\u0000')).toBe('"a\\"b\\\\cd"');
  expect(unquote(quoteString('a"b\\c'))).toBe('a"b\\c');
});

test("numbers are digits, at most ten that count, within the bound", () => {
  expect(parseNumber(" 0070 ", 255)).toBe(70);
  expect(parseNumber("00000000000007", 255)).toBe(7);
  for (const text of ["", "-1", "1.0", "256", "1e2", "10000000001", "１"]) {
    expect(parseNumber(text, 255)).toBeUndefined();
  }
});

test("tokens are ASCII; only space and tab are white space", () => {
  expect(isToken("a-.!%*_+`'~1")).toBe(true);
  for (const text of ["", "a b", "ü", "a:", "a\u0000"]) expect(isToken(text)).toBe(false);
  expect(trimSpace(" \t\u00a0a\u2028\t ")).toBe("\u00a0a\u2028");
});
