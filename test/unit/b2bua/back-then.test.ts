/** RTE-16: a moment that is past, from what was kept of it. */
import { expect, test } from "bun:test";
import {
  type CallThen,
  momentOf,
  type Past,
  type StateThen,
} from "../../../gateway/b2bua/back-then.ts";
import { obstacleOf } from "../../../gateway/b2bua/moment.ts";
import type { Connection, ConnectionId, User, UserId } from "../../../schema/config.ts";

const MINUTE = 60_000;
const MIDNIGHT = 20_000 * 86_400_000;
const NOON = MIDNIGHT + 720 * MINUTE;

const alice: User = {
  id: 7 as UserId,
  name: "alice",
  displayName: "",
  enabled: true,
  ha1: { md5: "", sha256: "" },
  callsPerSecond: 2,
};

const connectionOf = (id: number, more: Partial<Connection> = {}): Connection => ({
  id: id as ConnectionId,
  name: `PBX ${id}`,
  type: "outbound-registration",
  enabled: true,
  host: "pbx.example",
  transport: "udp",
  realm: "*",
  registrationExpires: 300,
  weight: 100,
  patterns: [{ pattern: ".", strip: 0, prepend: "" }],
  allow: [],
  codecs: ["PCMA"],
  allowInbound: true,
  allowOutbound: true,
  ...more,
});

const callOf = (more: Partial<CallThen>): CallThen => ({
  id: `call-${Math.round(more.started ?? 0)}`,
  direction: "outbound",
  callee: "250",
  connection: 1 as ConnectionId,
  user: alice.id,
  started: NOON,
  ...more,
});

const then = (connections: Connection[], past: Partial<Past> = {}) =>
  momentOf({ at: NOON, states: [], calls: [], ...past }, connections, alice);

const stateOf = (aspect: StateThen["aspect"], state: string, reason = "so it was"): StateThen => ({
  connection: 1,
  aspect,
  state,
  reason,
});

test("RTE-16: then as now, what was not registered or not reachable takes no call", () => {
  const probed = connectionOf(1, { optionsInterval: 60 });
  const reasonOf = (...states: StateThen[]) => {
    const [way] = then([probed], { states }).ways;
    return way && [obstacleOf(way)?.reason, way.doubt];
  };
  const registered = stateOf("registration", "registered");
  expect(reasonOf(registered, stateOf("reachability", "ok"))).toEqual([undefined, undefined]);
  expect(reasonOf(registered, stateOf("reachability", "degraded"))).toEqual([undefined, undefined]);
  expect(reasonOf(registered, stateOf("reachability", "down", "no answer"))).toEqual([
    "PBX 1 is down: no answer",
    undefined,
  ]);
  expect(reasonOf(stateOf("registration", "disabled", "switched off"))).toEqual([
    "PBX 1 is not registered: switched off",
    undefined,
  ]);
  // Half of what is to be known of it is not all of it.
  expect(reasonOf(registered)).toEqual([undefined, "unknown then, taken as up"]);
});

test("RTE-16: a connection nothing was kept of is taken as up, and that is said", () => {
  const connections = [
    connectionOf(1),
    connectionOf(2),
    connectionOf(3, { type: "outbound-trunk" }),
  ];
  const states = [stateOf("registration", "registered")];
  const { ways } = then(connections, { states });
  const doubt = "unknown then, taken as up";
  expect(ways.map((way) => way.doubt)).toEqual([undefined, doubt, doubt]);
  expect(ways.map(obstacleOf)).toEqual([undefined, undefined, undefined]);
});

test("RTE-16: a trunk is asked neither for a registration it once had, nor for answers it isn't probed for", () => {
  const states = [stateOf("registration", "failed"), stateOf("reachability", "down")];
  const [way] = then([connectionOf(1, { type: "outbound-trunk" })], { states }).ways;
  expect(way && obstacleOf(way)).toBeUndefined();
});

test("RTE-16: today's plan counts: what is switched off today takes part in nothing", () => {
  expect(then([connectionOf(1, { enabled: false })]).ways).toEqual([]);
});

test("RTE-16: calls that were up then take their places, by who began them", () => {
  const calls = [
    callOf({ id: "up", started: NOON - 5, ended: NOON + 1 }),
    callOf({ id: "up still", started: NOON - 4 }),
    callOf({ id: "from outside", direction: "inbound", started: NOON - 3, ended: NOON + 9 }),
    callOf({ id: "just over", started: NOON - 9, ended: NOON }),
    callOf({ id: "later", started: NOON + 1 }),
    callOf({ id: "elsewhere", connection: 2 as ConnectionId, started: NOON - 1 }),
  ];
  const [way] = then([connectionOf(1, { maxOutbound: 2 })], { calls }).ways;
  expect(way?.usage).toEqual({ inbound: 1, outbound: 2 });
  expect(way && obstacleOf(way)).toMatchObject({ because: "full" });
});

test("RTE-16: the user's minutes are those of that day until then", () => {
  const spell = (id: string, from: number, to: number | undefined, more: Partial<CallThen> = {}) =>
    callOf({
      id,
      started: NOON + from * MINUTE - 1_000,
      answered: NOON + from * MINUTE,
      ...(to === undefined ? {} : { ended: NOON + to * MINUTE }),
      ...more,
    });
  const calls = [
    spell("goes on", -5, undefined),
    spell("over", -100, -90),
    spell("over midnight", -730, -717),
    spell("of the day before", -725, -722),
    spell("not answered yet", 1, 4),
    spell("somebody else's", -50, -40, { user: 8 as UserId }),
    spell("called by a PBX", -50, -40, { direction: "inbound" }),
  ];
  expect(then([], { calls }).allowance.spentMs).toBe((5 + 10 + 3) * MINUTE);
});

test("RTE-16: calls the user had begun in that second count against its rate", () => {
  const begun = (...msBefore: number[]) =>
    then([], { calls: msBefore.map((ms) => callOf({ started: NOON - ms })) }).allowance.calls;
  expect(begun()).toBe(2);
  expect(begun(100, 50)).toBeLessThan(1);
  expect(begun(2_000, 1_900, 50)).toBeGreaterThanOrEqual(1);
  expect(begun(-100, -50)).toBe(2);
});
