import { expect, test } from "bun:test";
import type { Connection } from "../../../schema/config.ts";
import { dialPlanOf, tryPatterns } from "../../../schema/dial-patterns.ts";

function connection(id: number, patterns: string[], changes: Partial<Connection> = {}): Connection {
  return {
    id,
    name: `C${id}`,
    weight: id,
    enabled: true,
    allowOutbound: true,
    patterns: patterns.map((pattern) => ({ pattern, strip: 0, prepend: "" })),
    ...changes,
  } as Connection;
}

const unreachable = (...connections: Connection[]) =>
  dialPlanOf(connections).map((it) => it.unreachable);

test("RTE-16: numbers are tried as a call would be: the first pattern found in them", () => {
  const patterns = [
    { pattern: "^2\\d{2}$", strip: 0, prepend: "" },
    { pattern: "(", strip: 0, prepend: "" },
    { pattern: "^0", strip: 1, prepend: "+49" },
  ];
  expect(tryPatterns(patterns, ["204", "2040", "030123", ""])).toEqual([
    { number: "204", pattern: 0, sent: "204" },
    { number: "2040" },
    { number: "030123", pattern: 2, sent: "+4930123" },
    { number: "" },
  ]);
  expect(
    tryPatterns([{ pattern: "(a+)+$", strip: 0, prepend: "" }], ["a".repeat(128)]),
  ).toHaveLength(1);
});

test("patterns are in the order they are asked; what comes after one that takes all is not reached", () => {
  const late = connection(9, ["^2\\d{2}$"]);
  const plan = dialPlanOf([late, connection(1, ["."])]);
  expect(plan.map((it) => it.connection.name)).toEqual(["C1", "C9"]);
  expect(plan.map((it) => it.unreachable)).toEqual([undefined, ". of C1 takes all its numbers"]);
  expect(unreachable(connection(1, ["^2\\d{2}$", "^2\\d{2}$"]))[1]).toContain("above");
  expect(unreachable(connection(1, ["^0"]), connection(2, ["^00\\d+$", "^1"]))).toEqual([
    undefined,
    "^0 of C1 takes all its numbers",
    undefined,
  ]);
});

test("what may be reached is not said to be unreachable", () => {
  const later = connection(2, ["^2"]);
  const group = { name: "g", strategy: "ordered" } as const;
  for (const first of [
    connection(1, ["."], { enabled: false }),
    connection(1, ["."], { allowOutbound: false }),
    connection(1, ["."], { continueOnFailure: true }),
    connection(1, ["."], { users: [] }),
    connection(1, ["^3"]),
    connection(1, ["^2$"]),
    connection(1, ["^21"]),
  ]) {
    expect([first, unreachable(first, later).at(-1)]).toEqual([first, undefined]);
  }
  const mates = [
    connection(1, ["."], { failoverGroup: group }),
    { ...later, failoverGroup: group },
  ];
  expect(unreachable(...mates).at(-1)).toBeUndefined();
  // The last digit before ? or {0} may be missing; | is another way altogether.
  for (const pattern of ["^00?1", "^00{0}1", "^00|1"]) {
    const both = unreachable(connection(1, ["^00"]), connection(2, [pattern]));
    expect([pattern, both.at(-1)]).toEqual([pattern, undefined]);
  }
});

test("OPS-09: a pattern behind which there is one connection alone is marked", () => {
  const alone = (...connections: Connection[]) =>
    dialPlanOf(connections).map(({ isAlone = false }) => isAlone);
  const group = { failoverGroup: { name: "carriers", strategy: "ordered" } } as const;
  const hosts = { furtherHosts: [{ host: "b.example.com" }] };
  expect(alone(connection(1, ["^2"]))).toEqual([true]);
  // Two numbers' worth of patterns, each with a connection of its own: neither stands in.
  expect(alone(connection(1, ["^2"]), connection(2, ["^3"]))).toEqual([true, true]);
  expect(alone(connection(1, ["^2"], group), connection(2, ["^2"], group))).toEqual([false, false]);
  expect(
    alone(connection(1, ["^2"], group), connection(2, ["^2"], { ...group, enabled: false })),
  ).toEqual([true, false]);
  expect(alone(connection(1, ["^2"], { continueOnFailure: true }), connection(2, ["."]))).toEqual([
    false,
    true,
  ]);
  expect(alone(connection(1, ["^2"], hosts))).toEqual([false]);
});
