/** OPS-03: each alert once when it begins and once when it is over, in virtual time. */
import { expect, test } from "bun:test";
import type { ConnectionStatus, Status } from "../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../gateway/machine.ts";
import {
  type AlertRule,
  AlertRules,
  type Observation,
} from "../../../gateway/watch/alert-rules.ts";
import { CallingHabits } from "../../../gateway/watch/calling-habits.ts";
import type { Config, ConnectionId, UserId } from "../../../schema/config.ts";
import { IDLE } from "../admin/client.ts";
import { trunk } from "../schema/opened.ts";

const CONFIG: Config = {
  revision: 1,
  realm: "jackfield",
  users: [
    {
      id: 7 as UserId,
      name: "alice",
      displayName: "",
      enabled: true,
      ha1: { md5: "", sha256: "" },
    },
  ],
  connections: [{ ...trunk({ maxCalls: 10, registrationExpires: 120 }), id: 1 as ConnectionId }],
};
const OFFICE: ConnectionStatus = {
  id: 1 as ConnectionId,
  name: "Head office",
  registration: "registered",
  reason: "200",
  since: 0 as WallMillis,
  callsNow: 0,
};

/** Tells every second what there is, for a while; returns what was told, with the second. */
function world(limits = {}) {
  const rules = new AlertRules();
  const habits = new CallingHabits();
  let second = 0;
  const run = (seconds: number, change: Partial<Observation> = {}, connection = {}) => {
    const told: string[] = [];
    for (const end = second + seconds; second < end; second++) {
      const status: Status = {
        ...IDLE,
        connections: [{ ...OFFICE, ...connection }],
        ...change.status,
      };
      const wallNow = (second * 1_000) as WallMillis;
      const observation = { config: CONFIG, habits, ...change, status, wallNow };
      for (const it of rules.observe(observation, limits, second * 1_000)) {
        told.push(`${second} ${it.change} ${it.rule} ${it.subject}`);
      }
    }
    return told;
  };
  return { run, rules, habits };
}

test("OPS-03: a registration that fails for two intervals is told once, and once that it is back", () => {
  const { run, rules } = world();
  expect(run(10)).toEqual([]);
  // It tries again and again: each try is another state.
  const failed = { registration: "failed", reason: "no answer" };
  const told = Array.from({ length: 40 }, () => [
    ...run(9, {}, failed),
    ...run(1, {}, { registration: "registering", reason: "no answer" }),
  ]).flat();
  expect(told).toEqual(["250 raised registration-failed Head office"]);
  expect(rules.raised[0]?.text).toBe("Head office is not registered: no answer");
  expect(run(20)).toEqual(["410 recovered registration-failed Head office"]);
  // Shorter than that it is nobody's business.
  expect([...run(200, {}, failed), ...run(5)]).toEqual([]);
});

test("OPS-03: a trunk that is down, and up again; one that was deleted is over too", () => {
  const { run } = world();
  const down = { reachability: { state: "down", reason: "no answer", since: 0 } };
  const degraded = { reachability: { state: "degraded", reason: "no answer", since: 0 } };
  expect(run(5, {}, degraded)).toEqual([]);
  expect(run(5, {}, down)).toEqual(["5 raised trunk-down Head office"]);
  expect(run(5)).toEqual(["10 recovered trunk-down Head office"]);
  expect(run(5, {}, down)).toEqual(["15 raised trunk-down Head office"]);
  const gone = { status: { ...IDLE, connections: [] } };
  expect(run(5, gone)).toEqual(["20 recovered trunk-down Head office"]);
});

test("OPS-03: capacity above 80 % is told once, however much it flutters around the limit", () => {
  const { run } = world();
  const told: string[] = [];
  for (let round = 0; round < 50; round++) {
    told.push(...run(2, {}, { callsNow: 9 }), ...run(2, {}, { callsNow: 8 }));
  }
  expect(told).toEqual(["0 raised capacity Head office"]);
  expect(run(59, {}, { callsNow: 5 })).toEqual([]);
  expect(run(2, {}, { callsNow: 5 })).toEqual(["260 recovered capacity Head office"]);
});

test("OPS-03: limits can be set, and rules be silent", () => {
  const { run } = world({ capacityPercent: 50, silent: ["trunk-down"] });
  const busy = { callsNow: 6, reachability: { state: "down", reason: "", since: 0 } };
  expect(run(3, {}, busy)).toEqual(["0 raised capacity Head office"]);
});

test("OPS-03: a rule that falls silent while it is raised tells nothing, not that it is over either", () => {
  const limits: { silent: AlertRule[] } = { silent: [] };
  const { run, rules } = world(limits);
  const down = { reachability: { state: "down", reason: "", since: 0 } };
  expect(run(3, {}, down)).toEqual(["0 raised trunk-down Head office"]);
  limits.silent = ["trunk-down"];
  expect([run(3, {}, down), rules.raised]).toEqual([[], []]);
  limits.silent = [];
  expect(run(3, {}, down)).toEqual(["6 raised trunk-down Head office"]);
});

test("OPS-03: a connection that is gone and comes again fails from then on", () => {
  const { run } = world();
  const failed = { registration: "failed", reason: "no answer" };
  expect(run(200, {}, failed)).toEqual([]);
  expect(run(5, { status: { ...IDLE, connections: [] } })).toEqual([]);
  expect(run(300, {}, failed)).toEqual(["445 raised registration-failed Head office"]);
});

test("OPS-03: certificates that are due, disks that fill, sources that are banned", () => {
  const { run } = world();
  const certificates = [
    {
      names: ["a.example"],
      expires: 0 as WallMillis,
      daysLeft: 9,
      isDue: true,
      isSelfSigned: false,
    },
  ];
  expect(run(3, { status: { ...IDLE, certificates } })).toEqual(["0 raised certificate a.example"]);
  expect(run(3)).toEqual(["3 recovered certificate a.example"]);
  const disk = { freeBytes: 1_000, totalBytes: 10_000_000_000, failed: false };
  expect(run(3, { disk })).toEqual(["6 raised disk-full disk"]);
  const bans = [{ source: "203.0.113.9", reason: "wrong passwords", until: 9 as WallMillis }];
  const free = { ...disk, freeBytes: 9_000_000_000 };
  expect(run(2, { disk: free, status: { ...IDLE, bans } })).toEqual(["9 raised ban 203.0.113.9"]);
});

test("OPS-03, SEC-06: calling against a user's own habits is told, with what was usual", () => {
  const { run, habits, rules } = world();
  const call = (id: number, callee: string, at: number) => {
    const started = (at * 1_000) as WallMillis;
    habits.seen({ id: String(id), user: 7, callee, started, answered: started });
  };
  for (let id = 0; id < 10; id++) call(id, "250", 0);
  expect(run(5)).toEqual([]);
  for (let id = 10; id < 45; id++) call(id, "250", 5);
  expect(run(5)).toEqual(["5 raised calls-per-minute alice"]);
  expect(rules.raised[0]?.text).toBe("alice: 45 calls in a minute, 0 were the most before today");
  call(99, "+53 7 8330001".replaceAll(" ", ""), 10);
  expect(run(1)).toEqual(["10 raised new-country alice called +53"]);
  // All of them go on: 46 calls make an hour in less than two minutes.
  const told = run(200);
  expect(told.filter((it) => it.includes("minutes-per-day"))).toHaveLength(1);
  expect(told.filter((it) => it.includes("recovered calls-per-minute"))).toHaveLength(1);
});

test("OPS-03, SEC-06: calls that grow more and more are told, for the limit doesn't follow them", () => {
  const habits = new CallingHabits([{ user: 7, minutesADay: 0, callsAMinute: 5, countries: [] }]);
  const at = (day: number, second: number) => (day * 86_400_000 + second * 1_000) as WallMillis;
  /** So many calls, one each `everySeconds`; the most seen in a minute when it is first unusual. */
  const ramp = (day: number, count: number, everySeconds: number) => {
    for (let index = 0; index < count; index++) {
      const started = at(day, index * everySeconds);
      habits.seen({ id: `${day} ${index}`, user: 7, callee: "250", started });
      const [first] = habits.unusual(started);
      if (first) return first.text;
    }
    return undefined;
  };
  // Two calls a second, looked at after each of them: never much more than a moment ago.
  expect(ramp(100, 200, 0.5)).toBe("16 calls in a minute, 5 were the most before today");
  // A day like that is no habit; one a little busier than usual is, the day after.
  expect(ramp(101, 15, 3)).toBeUndefined();
  expect(ramp(102, 200, 0.5)).toBe("46 calls in a minute, 15 were the most before today");
});

test("OPS-03: what was usual for weeks is not unusual", () => {
  const habits = new CallingHabits([
    { user: 7, minutesADay: 300, callsAMinute: 20, countries: ["+44"] },
  ]);
  const at = (1_000 * 86_400_000) as WallMillis;
  for (let id = 0; id < 50; id++) {
    const ended = (at + 600_000) as WallMillis;
    habits.seen({
      id: String(id),
      user: 7,
      callee: "004420123456",
      started: at,
      answered: at,
      ended,
    });
  }
  expect(habits.unusual(at)).toEqual([]);
});
