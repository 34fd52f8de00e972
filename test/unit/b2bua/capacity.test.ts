/** LIM-01 to LIM-03: which limit is reached, and how much of a connection is taken. */
import { expect, test } from "bun:test";
import { fullness, load } from "../../../gateway/b2bua/capacity.ts";

test.each([
  [{}, { inbound: 500, outbound: 500 }, undefined],
  [{ maxCalls: 9_999 }, { inbound: 9_999, outbound: 0 }, undefined],
  [{ maxCalls: 3 }, { inbound: 1, outbound: 1 }, undefined],
  [{ maxCalls: 3 }, { inbound: 2, outbound: 1 }, "3 calls are up"],
  [{ maxCalls: 0 }, { inbound: 0, outbound: 0 }, "no calls are allowed"],
  [{ maxOutbound: 2, maxCalls: 10 }, { inbound: 9, outbound: 1 }, "10 calls are up"],
  [{ maxOutbound: 2 }, { inbound: 9, outbound: 2 }, "2 outbound calls are up"],
  [{ maxOutbound: 0 }, { inbound: 0, outbound: 0 }, "no outbound calls are allowed"],
  [{ maxInbound: 1 }, { inbound: 1, outbound: 0 }, undefined],
] as const)("LIM-02: %j with %j: %p", (limits, usage, expected) => {
  expect(fullness(limits, usage, "outbound")).toBe(expected);
});

test("LIM-02: the PBX's own calls have their own limit", () => {
  expect(fullness({ maxInbound: 1 }, { inbound: 1, outbound: 0 }, "inbound")).toBe(
    "1 inbound calls are up",
  );
});

test("load is the share of the tightest limit, and next to nothing without one", () => {
  expect(load({ maxCalls: 10 }, { inbound: 2, outbound: 3 })).toBe(0.5);
  expect(load({ maxCalls: 10, maxOutbound: 4 }, { inbound: 2, outbound: 3 })).toBe(0.75);
  expect(load({}, { inbound: 50, outbound: 50 })).toBeLessThan(0.02);
});
