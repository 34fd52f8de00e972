import { expect, test } from "bun:test";
import { bdecode, bencode } from "../../../../bench/load/bencode.ts";

test("dictionaries are written in the order of their keys, strings by their bytes", () => {
  expect(bencode({ b: ["x", 7], a: "ü" })).toBe("d1:a2:ü1:bl1:xi7eee");
});

test("what was written is read back", () => {
  const value = { command: "offer", flags: ["a", "b"], ports: { from: 1, to: -2 }, empty: "" };
  expect(bdecode(bencode(value))).toEqual(value);
});

test("a length beyond the end and trailing bytes are refused", () => {
  expect(() => bdecode("5:abc")).toThrow("malformed");
  expect(() => bdecode("i1ei2e")).toThrow("follows");
});
