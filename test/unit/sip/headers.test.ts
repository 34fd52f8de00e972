import { expect, test } from "bun:test";
import { Headers, splitElements, splitList } from "../../../gateway/sip/headers.ts";

const names = (headers: Headers) => [...headers.entries()].map(([name]) => name);

test("§7.3.3: a header is found by any case and by its compact form, and printed in full", () => {
  const headers = Headers.of([
    ["v", "SIP/2.0/UDP a"],
    ["cAlL-iD", "x"],
    ["K", "100rel"],
    ["www-authenticate", "Digest"],
    ["p-asserted-identity", "<sip:a@b>"],
    ["x", "90"],
  ]);
  expect(headers.get("Via")).toBe("SIP/2.0/UDP a");
  expect(headers.get("I")).toBe("x");
  expect(headers.get("supported")).toBe("100rel");
  expect(names(headers)).toEqual([
    "Via",
    "Call-ID",
    "Supported",
    "WWW-Authenticate",
    "P-Asserted-Identity",
    "Session-Expires",
  ]);
});

test("lines keep their order; set takes the first one's place, prepend goes before it", () => {
  const headers = Headers.of([
    ["Via", "1"],
    ["Route", "r"],
    ["Via", "2"],
    ["To", "t"],
  ]);
  headers.prepend("Via", "0");
  expect(headers.all("Via")).toEqual(["0", "1", "2"]);
  headers.set("Via", "only");
  headers.prepend("Record-Route", "top");
  headers.append("Route", "s");
  expect([...headers.entries()]).toEqual([
    ["Record-Route", "top"],
    ["Via", "only"],
    ["Route", "r"],
    ["To", "t"],
    ["Route", "s"],
  ]);
  headers.delete("Route");
  expect(headers.has("Route")).toBe(false);
});

test("a copy goes its own way", () => {
  const headers = Headers.of([["To", "t"]]);
  const copy = headers.clone();
  copy.set("To", "u");
  expect(headers.get("To")).toBe("t");
});

test("what was parsed is remembered until a line changes", () => {
  const headers = Headers.of([["Expires", "1"]]);
  let count = 0;
  const parse = () => {
    count += 1;
    return headers.get("Expires");
  };
  expect([headers.memo("e", parse), headers.memo("e", parse), count]).toEqual(["1", "1", 1]);
  for (const change of [
    () => headers.set("Expires", "2"),
    () => headers.append("X", "y"),
    () => headers.appendReceived("X", "y"),
    () => headers.prepend("X", "y"),
    () => headers.delete("X"),
  ]) {
    count = 0;
    change();
    headers.memo("e", parse);
    expect(count).toBe(1);
  }
});

test("what parses to nothing is remembered too", () => {
  const headers = new Headers();
  let count = 0;
  const parse = (): undefined => {
    count += 1;
  };
  headers.memo("nothing", parse);
  headers.memo("nothing", parse);
  expect(count).toBe(1);
});

test("§7.3.1: elements are split at commas outside quotes and brackets", () => {
  expect(splitList('"a, \\"b" <sip:a,b@h>;x="1,2", <sip:c@h> ,, d')).toEqual([
    '"a, \\"b" <sip:a,b@h>;x="1,2"',
    "<sip:c@h>",
    "d",
  ]);
  expect(splitList("")).toEqual([]);
  expect(splitElements("a,, b ,")).toEqual(["a", "", "b", ""]);
  // A quote nobody closes swallows the rest: there is no second reading.
  expect(splitList('"a, b')).toEqual(['"a, b']);
});

test("P12: no value ends its line, and no NUL stands in one but escaped", () => {
  const headers = new Headers();
  for (const value of ["a\r\nVia: x", "a\n", "\rb", "\u0000", "a\u0000b"]) {
    expect(() => headers.append("Subject", value)).toThrow("break its line");
    expect(() => headers.set("Subject", value)).toThrow("break its line");
    expect(() => headers.prepend("Subject", value)).toThrow("break its line");
    expect(headers.appendReceived("Subject", value)).toBe(false);
  }
  for (const name of ["", "a b", "a:b", "a\r\nb", "é", "a\u0000"]) {
    expect(() => headers.append(name, "x")).toThrow("no header name");
    expect(headers.appendReceived(name, "x")).toBe(false);
  }
  expect([...headers.entries()]).toEqual([]);
  // RFC 4475 §3.1.1.2 has one, as a quoted-pair.
  headers.append("To", '"NUL:\\\u0000" <sip:a@b>');
});

test("P3: names that JavaScript's own objects have are names like any other", () => {
  const odd = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"];
  const headers = new Headers();
  for (const name of odd) {
    expect(headers.has(name)).toBe(false);
    headers.append(name, name);
    expect(headers.get(name)).toBe(name);
  }
  expect(names(headers).map((name) => name.toLowerCase())).toEqual(
    odd.map((name) => name.toLowerCase()),
  );
});
