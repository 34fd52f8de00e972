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

test("a line is read once, and what was read goes with it into other messages", () => {
  const headers = Headers.of([
    ["Expires", "1"],
    ["Via", "a"],
    ["Via", "b"],
  ]);
  const read: string[] = [];
  const parse = (value: string) => {
    read.push(value);
    return value === "b" ? undefined : [value];
  };
  const first = headers.read("Expires", parse);
  expect(first).toEqual(["1"]);
  expect(headers.read("Expires", parse)).toBe(first);
  expect(headers.readAll("v", parse)).toEqual([["a"], undefined]);
  const copy = headers.clone();
  const response = new Headers();
  response.appendFrom(copy, "Expires", "all");
  expect(response.read("Expires", parse)).toBe(first);
  // What reads as nothing is remembered too.
  expect(copy.readAll("Via", parse)).toEqual([["a"], undefined]);
  expect(read).toEqual(["1", "a", "b"]);
  // Another line is another value, for the copy alone.
  copy.set("Expires", "2");
  expect(copy.read("Expires", parse)).toEqual(["2"]);
  expect(headers.read("Expires", parse)).toBe(first);
  expect(headers.read("Min-Expires", parse)).toBeUndefined();
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
