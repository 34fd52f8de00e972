/** What would happen, and would have happened, over the API and a store (RTE-16). */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Past } from "../../../../gateway/b2bua/back-then.ts";
import { Director } from "../../../../gateway/b2bua/director.ts";
import { Registrar, SOFTPHONES } from "../../../../gateway/b2bua/registrar.ts";
import type { CallRecord, Explanation } from "../../../../gateway/b2bua/status.ts";
import { UserGuard } from "../../../../gateway/b2bua/user-guard.ts";
import type { ConnectionId, UserId } from "../../../../schema/config.ts";
import { KEPT_MS } from "../../../../schema/happenings.ts";
import { seededRandom } from "../../../sim/random.ts";
import { type Client, IDLE, openClient } from "../client.ts";

interface Refused {
  readonly error: { readonly message: string };
}

const MINUTE = 60_000;
let client: Client;
beforeEach(async () => {
  client = await openClient();
});
afterEach(() => client.close());

/** Over the API: alice, and a connection that registers and carries one call at a time. */
async function company() {
  const post = async (path: string, body: unknown): Promise<number> => {
    const answer = await client.asProgram("POST", `/api/v1/${path}`, { body });
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { id: number }).id;
  };
  const user = await post("users", {
    name: "alice",
    password: "correct horse battery",
    minutesPerDay: 10,
  });
  const connection = await post("connections", {
    name: "PBX",
    type: "outbound-registration",
    host: "pbx.example",
    transport: "udp",
    username: "jack",
    password: "secret enough",
    maxOutbound: 1,
    patterns: [{ pattern: "." }],
  });
  const director = new Director({
    registrar: new Registrar(SOFTPHONES),
    trunks: () => [],
    random: seededRandom(1),
    guard: new UserGuard((at) => at),
  });
  director.configure(await client.store.load());
  client.gateway.explain = (who, number, past?: Past) =>
    director.explain(who, number, director.moment(who, past ?? 0));
  return { user: user as UserId, connection: connection as ConnectionId };
}

async function asked(at: string): Promise<Explanation> {
  const query = new URLSearchParams({ user: "alice", number: "250", at });
  const answer = await client.asProgram("GET", `/api/v1/dial-plan/explain?${query}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Explanation;
}

test("RTE-16: what would have happened then is told by history and records, with today's plan", async () => {
  const { user, connection } = await company();
  const now = client.clock.now;
  const minutesAgo = (minutes: number) => now - minutes * MINUTE;
  const change = (minutes: number, state: "registered" | "failed", reason: string) => ({
    ...{ connection, at: minutesAgo(minutes), aspect: "registration" as const, state, reason },
  });
  await client.happenings.addChanges([
    change(90, "failed", "no answer"),
    change(60, "registered", "registered"),
    { connection, at: minutesAgo(55), aspect: "test-call", state: "failed", reason: "silence" },
  ]);
  const record: CallRecord = {
    ...{ id: "c1", direction: "outbound", caller: "alice", callee: "250", user, connection },
    ...{ started: minutesAgo(50), answered: minutesAgo(50), ended: minutesAgo(38) },
    ...{ status: 200, endedBy: "caller", reason: "hung up" },
  };
  await client.records.add([record]);
  const outcome = async (at: number | string) => {
    const { steps, ways, reason } = await asked(String(at));
    return steps[0]?.outcome ?? reason ?? ways;
  };
  expect(await outcome(minutesAgo(100))).toBe("matches .; unknown then, taken as up");
  expect(await outcome(minutesAgo(80))).toBe("PBX is not registered: no answer");
  expect(await outcome(new Date(minutesAgo(52)).toISOString())).toBe("matches .");
  expect(await outcome(minutesAgo(45))).toBe("PBX is full: 1 outbound calls are up");
  expect(await outcome(minutesAgo(30))).toBe("alice has used up its 10 minutes of the day");
  // A call that is up still has no record yet.
  const started = minutesAgo(2);
  const { id: _id, ended: _ended, ...rest } = record;
  const live = { ...rest, id: "c2", state: "connected" as const, started, answered: started };
  client.gateway.status = { ...IDLE, calls: [{ ...live, user: 99 as UserId }] };
  await client.asProgram("PATCH", `/api/v1/users/${user}`, { body: { minutesPerDay: null } });
  expect(await outcome(minutesAgo(1))).toBe("PBX is full: 1 outbound calls are up");
  const answer = await asked(String(minutesAgo(52)));
  expect(answer.at).toBe(minutesAgo(52));
  expect(answer.note).toContain("with the plan as it is now");
});

test("RTE-16: without a time it is asked of now, and nothing of then is said", async () => {
  await company();
  const asks: unknown[] = [];
  client.gateway.explain = (_user, _number, past) => {
    asks.push(past);
    return client.gateway.explanation;
  };
  expect(await asked("")).toEqual(client.gateway.explanation);
  expect(asks).toEqual([undefined]);
});

test("RTE-16: a time that can't be told of is refused with what is right", async () => {
  await company();
  const { now } = client.clock;
  const refused = async (at: string) => {
    const query = new URLSearchParams({ user: "alice", number: "250", at });
    const answer = await client.asProgram("GET", `/api/v1/dial-plan/explain?${query}`);
    return [answer.status, ((await answer.json()) as Refused).error.message];
  };
  for (const garbage of ["yesterday", "2023-11-14", "2023-99-14T10:00:00Z", "-5", "1e9", "NaN"]) {
    expect(await refused(garbage)).toEqual([422, expect.stringContaining("at is a time like 20")]);
  }
  expect(await refused(String(now + 1))).toEqual([422, expect.stringContaining("in the future")]);
  expect(await refused(String(now - KEPT_MS - 1))).toEqual([
    422,
    "at is too long ago: history is kept for 100 days",
  ]);
});
