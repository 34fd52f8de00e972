/** The dial plan: RTE-01 to RTE-06, with the example the requirements give. */
import { expect, test } from "bun:test";
import {
  type Ineligible,
  patternMatches,
  type Routable,
  route,
} from "../../../gateway/b2bua/route.ts";
import type { Connection, ConnectionId, DialPattern } from "../../../schema/config.ts";

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
  return { connection, ineligible: () => obstacle };
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
  const decision = route(offices, number, 0);
  expect(decision.found && decision.trunk.connection.name).toBe(expected);
});

test("RTE-01: a pattern is searched for, not matched whole", () => {
  expect(patternMatches(patternOf("."), "+441234")).toBe(true);
  expect(patternMatches(patternOf("4[0-9]{3}"), "14000")).toBe(true);
  expect(patternMatches(patternOf("^4[0-9]{3}$"), "14000")).toBe(false);
});

test("RTE-02: the lowest weight is asked first, equal weights by age, and the first match ends it", () => {
  const ways = [way(5, "younger", 7, [patternOf(".")]), way(4, "older", 7, [patternOf(".")])];
  const decision = route([...ways, way(6, "heavier", 8, [patternOf(".")])], "1", 0);
  expect(decision.found && decision.trunk.connection.name).toBe("older");
  expect(decision.steps).toHaveLength(1);
});

test("RTE-04: strip and prepend make the number that is sent", () => {
  const decision = route([way(1, "ISP", 1, [patternOf("^0[1-9]", 1, "+44")])], "0207123", 0);
  expect(decision.found && decision.number).toBe("+44207123");
});

test("RTE-06: no match is 404, not permitted 403, full or down 503, each in words", () => {
  const obstacle = (because: Ineligible["because"]): Ineligible => ({
    because,
    reason: `it is ${because}`,
  });
  const outcome = (because?: Ineligible["because"]) => {
    const number = because ? "1" : "2";
    return route([way(1, "a", 1, [patternOf("^1")], because && obstacle(because))], number, 0);
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
  const decision = route([down, way(2, "up", 2, [patternOf(".")])], "1", 0);
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
