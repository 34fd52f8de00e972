import { expect, test } from "bun:test";
import { apart } from "../../../schema/run-together.ts";

test("AMB-15: addresses that ran together are told apart where there is one likely reading", () => {
  expect(apart("192.168.1.10192.168.1.11192.168.1.12")).toEqual([
    "192.168.1.10",
    "192.168.1.11",
    "192.168.1.12",
  ]);
  expect(apart("10.0.0.110.0.0.2")).toEqual(["10.0.0.1", "10.0.0.2"]);
  // Of another network, where the numbers leave no choice.
  expect(apart("192.0.2.200198.51.100.7")).toEqual(["192.0.2.200", "198.51.100.7"]);
});

test.each([
  "192.168.1.10",
  "192.168.1.10192.168.1",
  "192.168.1.10192.168.1.11192.168.1.999",
  "192.168.999.10192.168.1.11",
  // 1 and 0? 10 and 192, 101 and 92: of another network nobody knows.
  "172.16.0.10192.168.1.11",
  "192.168.1.10192.168.1.11/24",
  "",
])("nothing is guessed of %p", (text) => {
  expect(apart(text)).toBeUndefined();
});

test("a text without end is no list of addresses, and that is seen at once", () => {
  for (const text of ["1".repeat(100_000), "1.".repeat(50_000), "1.1.1.11".repeat(20_000)]) {
    expect(apart(text) === undefined).toBe(true);
  }
});
