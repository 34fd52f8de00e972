import { expect, test } from "bun:test";
import type { CallRecord, CallStatus } from "../../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../../gateway/machine.ts";
import { Records } from "../../../../schema/records.ts";
import { IDLE, openClient } from "../client.ts";

const CALL: CallStatus = {
  id: "a/b",
  direction: "outbound",
  state: "connected",
  caller: "alice",
  callee: "+44 20",
  started: 1 as WallMillis,
};

test("a call in progress is shown and can be hung up; one that is gone is 404", async () => {
  const client = await openClient();
  client.gateway.status = { ...IDLE, calls: [CALL] };
  expect(await (await client.asProgram("GET", "/api/v1/calls")).json()).toEqual([CALL]);
  expect((await client.asProgram("DELETE", "/api/v1/calls/other")).status).toBe(404);
  expect((await client.asProgram("DELETE", "/api/v1/calls/a%2Fb")).status).toBe(204);
  expect(client.gateway.hungUp).toEqual(["a/b"]);
  const [entry] = (await (await client.asProgram("GET", "/api/v1/audit")).json()) as object[];
  expect(entry).toMatchObject({ action: "hang-up", actor: "token test", name: "alice → +44 20" });
  await client.close();
});

test("a call that is up is transferred, and it is told who did; others are refused in words", async () => {
  const client = await openClient();
  const show = (changes: Partial<CallStatus>) => {
    client.gateway.status = { ...IDLE, calls: [{ ...CALL, ...changes }] };
  };
  const transfer = (body: object, id = "a%2Fb") =>
    client.asProgram("POST", `/api/v1/calls/${id}/transfer`, { body });
  const body = { leaves: "callee", number: "250" };
  show({});
  expect((await transfer(body)).status).toBe(202);
  expect(client.gateway.transferred).toEqual([["a/b", body]]);
  const [entry] = (await (await client.asProgram("GET", "/api/v1/audit")).json()) as object[];
  expect(entry).toMatchObject({ action: "transfer", after: body });
  expect((await transfer(body, "other")).status).toBe(404);
  for (const wrong of [
    { leaves: "both", number: "1" },
    { leaves: "caller" },
    { ...body, number: "" },
  ]) {
    expect((await transfer(wrong)).status).toBe(422);
  }
  for (const changes of [{ state: "ringing" }, { mode: "relay" }] as const) {
    show(changes);
    expect((await transfer(body)).status).toBe(409);
  }
  expect(client.gateway.transferred).toHaveLength(1);
  await client.close();
});

test("records come page by page; wrong bounds are refused", async () => {
  const client = await openClient();
  const records = new Records(client.database);
  for (const index of [1, 2, 3]) {
    const { state, ...call } = CALL;
    const rest = { status: 200, endedBy: "caller", reason: "hung up" } as const;
    const record: CallRecord = { ...call, ...rest, id: `${index}`, ended: index as WallMillis };
    await records.add([record]);
  }
  const ids = async (query: string) => {
    const response = await client.asProgram("GET", `/api/v1/call-records${query}`);
    return ((await response.json()) as { id: string }[]).map(({ id }) => id);
  };
  expect(await ids("")).toEqual(["3", "2", "1"]);
  expect(await ids("?limit=2")).toEqual(["3", "2"]);
  expect(await ids("?limit=2&before=2")).toEqual(["1"]);
  for (const query of ["limit=0", "limit=501", "limit=x", "before=x", "limit=1.5"]) {
    const response = await client.asProgram("GET", `/api/v1/call-records?${query}`);
    expect([query, response.status]).toEqual([query, 422]);
  }
  await client.close();
});

test("OPS-01: calls are found by a part of a number or of the reason, by outcome and by connection", async () => {
  const client = await openClient();
  const records = new Records(client.database);
  const { state, ...call } = CALL;
  const ended = (id: string, at: number, changes: Partial<CallRecord>): CallRecord => {
    const rest = { status: 200, endedBy: "caller", reason: "hung up" } as const;
    return { ...call, ...rest, id, ended: at as WallMillis, ...changes };
  };
  await records.add([
    ended("good", 1, { answered: 1 as WallMillis, callee: "+4930123" }),
    ended("bad", 2, { status: 488, reason: "the PBX speaks 100% none of our_codecs" }),
    ended("carrier", 3, { connection: 7 as never, callee: "250" }),
  ]);
  const ids = async (query: string) => {
    const response = await client.asProgram("GET", `/api/v1/call-records?${query}`);
    return ((await response.json()) as { id: string }[]).map(({ id }) => id);
  };
  expect(await ids("text=4930")).toEqual(["good"]);
  expect(await ids("text=codecs")).toEqual(["bad"]);
  // What is looked for is text: no sign in it stands for others.
  expect(await ids("text=100%25")).toEqual(["bad"]);
  expect(await ids("text=r_c")).toEqual(["bad"]);
  expect(await ids("text=g%25d")).toEqual([]);
  expect(await ids("outcome=answered")).toEqual(["good"]);
  expect(await ids("outcome=unanswered&text=hung")).toEqual(["carrier"]);
  expect(await ids("connection=7")).toEqual(["carrier"]);
  const csv = await (await client.asProgram("GET", "/api/v1/call-records/csv?text=4930")).text();
  expect(csv.trim().split("\n")).toHaveLength(2);
  await client.close();
});

test("the status is the gateway's own; a draining gateway is not ready", async () => {
  const client = await openClient();
  expect(await (await client.asProgram("GET", "/api/v1/status")).json()).toEqual({ ...IDLE });
  expect((await client.raw("GET", "/readyz")).status).toBe(200);
  client.gateway.status = { ...IDLE, draining: true };
  expect((await client.raw("GET", "/readyz")).status).toBe(503);
  await client.close();
});
