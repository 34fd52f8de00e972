/** The dial plan: RTE-01 to RTE-06, with the example the requirements give. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Ineligible,
  patternMatches,
  type Routable,
  route,
} from "../../../gateway/b2bua/route.ts";
import type { Connection, ConnectionId, DialPattern, UserId } from "../../../schema/config.ts";
import { scaled } from "../../rigs/scale.ts";

/** A time below is the clock's own, not a pattern's. */
const CLOCK_MS = 0.001;

const patternOf = (pattern: string, strip = 0, prepend = ""): DialPattern => ({
  pattern,
  strip,
  prepend,
});

function way(
  id: number,
  name: string,
  weight: number,
  patterns: DialPattern[],
  obstacle?: Ineligible,
): Routable {
  const connection: Connection = {
    id: id as ConnectionId,
    name,
    type: "outbound-trunk",
    enabled: true,
    host: "pbx.example.com",
    transport: "udp",
    realm: "*",
    registrationExpires: 300,
    weight,
    patterns,
    allow: [],
    codecs: ["G722"],
    allowInbound: false,
    allowOutbound: true,
  };
  return { connection, usage: { inbound: 0, outbound: 0 }, ineligible: () => obstacle };
}

const offices = [
  way(1, "ISP", 99, [patternOf(".")]),
  way(2, "Office B", 20, [patternOf("^3\\d{2}$")]),
  way(3, "Office A", 10, [patternOf("^2\\d{2}$")]),
];

test.each([
  ["250", "Office A"],
  ["350", "Office B"],
  ["07700900123", "ISP"],
])("RTE-05: %s goes to %s", (number, expected) => {
  const decision = route(offices, { number }, 0);
  expect(decision.found && decision.trunk.connection.name).toBe(expected);
});

test("RTE-01: a pattern is searched for, not matched whole", () => {
  expect(patternMatches(patternOf("."), "+441234")).toBe(true);
  expect(patternMatches(patternOf("4[0-9]{3}"), "14000")).toBe(true);
  expect(patternMatches(patternOf("^4[0-9]{3}$"), "14000")).toBe(false);
});

test("RTE-02, AMB-18: the lowest weight is asked first, equal weights by age, and the first match ends it", () => {
  const ways = [way(5, "younger", 7, [patternOf(".")]), way(4, "older", 7, [patternOf(".")])];
  const decision = route([...ways, way(6, "heavier", 8, [patternOf(".")])], { number: "1" }, 0);
  expect(decision.found && decision.trunk.connection.name).toBe("older");
  expect(decision.steps).toHaveLength(1);
});

test("RTE-04: strip and prepend make the number that is sent", () => {
  const decision = route(
    [way(1, "ISP", 1, [patternOf("^0[1-9]", 1, "+44")])],
    { number: "0207123" },
    0,
  );
  expect(decision.found && decision.number).toBe("+44207123");
});

test("RTE-06: no match is 404, not permitted 403, full or down 503, each in words", () => {
  const obstacle = (because: Ineligible["because"]): Ineligible => ({
    because,
    reason: `it is ${because}`,
  });
  const outcome = (because?: Ineligible["because"]) => {
    const number = because ? "1" : "2";
    return route([way(1, "a", 1, [patternOf("^1")], because && obstacle(because))], { number }, 0);
  };
  expect(outcome()).toMatchObject({
    found: false,
    status: 404,
    reason: "no connection has a pattern for 2",
  });
  expect(outcome("not-permitted")).toMatchObject({ status: 403, reason: "it is not-permitted" });
  expect(outcome("full")).toMatchObject({ status: 503 });
  expect(outcome("down")).toMatchObject({ status: 503 });
});

test("AMB-02: a connection that is down is passed over for the next match", () => {
  const down = way(1, "down", 1, [patternOf(".")], { because: "down", reason: "not registered" });
  const decision = route([down, way(2, "up", 2, [patternOf(".")])], { number: "1" }, 0);
  expect(decision.found && decision.trunk.connection.name).toBe("up");
  expect(decision.steps.map((step) => step.outcome)).toEqual(["not registered", "matches ."]);
});

test("AMB-06: a catastrophic pattern costs linear time", () => {
  const evil = patternOf("(a+)+$");
  const counted = (length: number) => {
    const started = performance.now();
    for (let round = 0; round < 20; round++) patternMatches(evil, `${"a".repeat(length)}!`);
    return performance.now() - started;
  };
  counted(128);
  // Exponential time would take longer than the universe is old for four times the length.
  expect(counted(128) / Math.max(counted(32), 0.05)).toBeLessThan(200);
});

test("X3: who calls to test goes by the connections under test alone, whoever they are for", () => {
  const [isp, officeB, officeA] = offices as [Routable, Routable, Routable];
  const ofOthers = { ...isp, connection: { ...isp.connection, users: [7 as UserId] } };
  const ways = [ofOthers, officeB, officeA];
  const query = { number: "250", user: 0 as UserId };
  const only = (...ids: number[]) => route(ways, { ...query, only: ids as ConnectionId[] }, 0);
  const byIsp = only(1);
  expect(byIsp.found && byIsp.trunk.connection.name).toBe("ISP");
  const byA = only(3, 2);
  expect(byA.found && byA.trunk.connection.name).toBe("Office A");
  expect(only(2)).toMatchObject({ found: false, status: 403 });
});

test("AMB-04, LIM-04: no limit and no permission holds up an emergency number, a dead line does", () => {
  const full: Ineligible = { because: "full", reason: "10 calls are up" };
  const trunk = way(1, "full", 1, [patternOf(".")], full);
  const ofOthers = { ...trunk, connection: { ...trunk.connection, users: [7 as UserId] } };
  const user = 1 as UserId;
  for (const one of [trunk, ofOthers]) {
    expect(route([one], { number: "112", user }, 0).found).toBe(false);
    expect(route([one], { number: "112", user, isEmergency: true }, 0).found).toBe(true);
  }
  const down = way(1, "down", 1, [patternOf(".")], { because: "down", reason: "down" });
  const decision = route([down, trunk], { number: "112", user, isEmergency: true }, 0);
  expect(decision.found && decision.trunk.connection.name).toBe("full");
  expect(route([down], { number: "112", user, isEmergency: true }, 0).found).toBe(false);
});

test("W7: a number is held against a pattern in no time, whatever both are", () => {
  const evil = ["(a+)+$", "(.*)*x", "^(\\d+)*$", "(a|aa)+$", "(.*.*.*)+y", "^2\\d{2}$", "."];
  const numbers: ((length: number) => string)[] = [
    (length) => "a".repeat(length),
    (length) => "1".repeat(length),
    (length) => `${"a".repeat(length - 1)}!`,
    (length) => `+49${"30".repeat(length)}`.slice(0, length),
  ];
  const pairs = evil.flatMap((it) => numbers.map((make) => ({ pattern: patternOf(it), make })));
  const held = scaled("W7 pairs of pattern and number", 100_000, 0.05);
  const rounds = Math.ceil(held / pairs.length);
  // On a machine shared with others only the middle of a pair tells.
  const medianMs = (pattern: DialPattern, number: string) => {
    const took = Array.from({ length: rounds }, () => {
      const started = performance.now();
      patternMatches(pattern, number);
      return performance.now() - started;
    });
    return took.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Infinity;
  };
  const judged = pairs.map(({ pattern, make }) => {
    const [shortMs, longMs] = [32, 128].map((length) => medianMs(pattern, make(length)));
    const what = `${pattern.pattern} against ${make(6)}…`;
    return { what, longMs, times: (longMs ?? Infinity) / Math.max(shortMs ?? 0, CLOCK_MS) };
  });
  const [worst] = judged.sort((a, b) => b.times - a.times);
  console.log(
    `W7: at worst ${worst?.times.toFixed(1)} times for four times the length, ${worst?.what}`,
  );
  // Sixteen times is quadratic time; backtracking would take centuries.
  expect(worst?.times, worst?.what).toBeLessThan(20);
  expect(judged.filter(({ longMs = Infinity }) => longMs >= 1)).toEqual([]);
});

test("RTE-02, AMB-02: chains of stand-ins are those of a slow and obvious reading", () => {
  const patterns = [".", "^2", "^25", "^3", "0$", "^250$"];
  const obstacles = [undefined, undefined, "down", "full", "not-permitted"] as const;
  const spec = fc.record({
    weight: fc.integer({ min: 0, max: 3 }),
    pattern: fc.constantFrom(...patterns),
    because: fc.constantFrom(...obstacles),
    group: fc.constantFrom(undefined, undefined, "a", "b"),
    goesOn: fc.constantFrom(undefined, true, false),
  });
  const number = fc.constantFrom("250", "251", "300", "7", "20");
  const plan = fc.array(spec, { maxLength: 7 });
  fc.assert(
    fc.property(plan, number, (specs, dialled) => {
      const ways = specs.map(({ weight, pattern, because, group, goesOn }, index) => {
        const obstacle = because && { because, reason: because };
        const it = way(index + 1, `${index + 1}`, weight, [patternOf(pattern)], obstacle);
        const failoverGroup = group && { name: group, strategy: "ordered" as const };
        const more = { ...(failoverGroup ? { failoverGroup } : {}) };
        const on = goesOn === undefined ? {} : { continueOnFailure: goesOn };
        return { ...it, connection: { ...it.connection, ...more, ...on } };
      });
      // Obvious: all that could take it, in order; then, after each, whoever may follow.
      const able = ways
        .filter(({ connection }, index) => {
          const [it] = connection.patterns;
          return specs[index]?.because === undefined && it && new RegExp(it.pattern).test(dialled);
        })
        .sort(
          (a, b) => a.connection.weight - b.connection.weight || a.connection.id - b.connection.id,
        );
      const expected: number[] = [];
      const groupOf = (it: (typeof ways)[number] | undefined) => it?.connection.failoverGroup?.name;
      const firstOf = (list: typeof ways) =>
        groupOf(list[0]) === undefined
          ? list[0]
          : list.find((it) => groupOf(it) === groupOf(list[0]));
      for (let at = firstOf(able); at; ) {
        expected.push(at.connection.id);
        const left = able.filter(({ connection }) => !expected.includes(connection.id));
        const { continueOnFailure } = at.connection;
        const group = groupOf(at);
        const mates = left.filter((it) => group !== undefined && groupOf(it) === group);
        const mate = continueOnFailure === false ? undefined : mates[0];
        at = mate ?? (continueOnFailure === true ? firstOf(left) : undefined);
      }

      const found: number[] = [];
      for (;;) {
        const tried = found as ConnectionId[];
        const decision = route(ways, { number: dialled, tried }, 0);
        if (!decision.found) break;
        found.push(decision.trunk.connection.id);
        expect(decision.hasStandIn).toBe(expected.length > found.length);
      }
      expect(found).toEqual(expected);
    }),
    { numRuns: 3_000 },
  );
});

test("RTE-09: by country: each carrier has the numbers of its own, the rest goes to the last", () => {
  const carriers = [
    way(1, "US", 10, [patternOf("^\\+1")]),
    way(2, "Europe", 10, [patternOf("^\\+(?:3|4)")]),
    way(3, "World", 90, [patternOf("^\\+")]),
  ];
  for (const [number, wanted] of [
    ["+12025550123", "US"],
    ["+442079460000", "Europe"],
    ["+33123456789", "Europe"],
    ["+81312345678", "World"],
  ] as const) {
    const decision = route(carriers, { number }, 0);
    expect([number, decision.found && decision.trunk.connection.name]).toEqual([number, wanted]);
  }
});

test("RTE-10: a branch's numbers go to its PBX, the world's to the carrier, whatever else matches", () => {
  const sites = [
    way(1, "Branch North", 10, [patternOf("^4[0-9]{3}$")]),
    way(2, "Branch South", 10, [patternOf("^5[0-9]{3}$")]),
    way(3, "Carrier", 50, [patternOf("^0[0-9]{9,10}$"), patternOf("^\\+")]),
  ];
  for (const [number, wanted] of [
    ["4001", "Branch North"],
    ["5999", "Branch South"],
    ["02079460000", "Carrier"],
    ["+4930123456", "Carrier"],
    ["6001", undefined],
    ["40011", undefined],
  ] as const) {
    const decision = route(sites, { number }, 0);
    expect([number, decision.found ? decision.trunk.connection.name : undefined]).toEqual([
      number,
      wanted,
    ]);
  }
});
