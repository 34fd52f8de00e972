import { expect, test } from "bun:test";
import { withoutNumbers } from "../../../admin/discretion.ts";
import type { CallStatus } from "../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../gateway/machine.ts";
import { IDLE, openClient } from "./client.ts";

test("numbers are masked however they are written; names, short numbers and statuses are not", () => {
  for (const [text, masked] of [
    ["+442079460000", "•••00"],
    ["+44 (0)20 7946-0000 is busy", "•••00 is busy"],
    ["0049.30.123456", "•••56"],
    ["alice", "alice"],
    ["250", "250"],
    ["the PBX refused with 486", "the PBX refused with 486"],
  ] as const) {
    expect([text, withoutNumbers(text)]).toEqual([text, masked]);
  }
});

test("a viewer is told of calls without numbers, by every way; an operator with them", async () => {
  const client = await openClient();
  const number = "+442079460000";
  const call: CallStatus = {
    id: "12345678",
    direction: "outbound",
    state: "connected",
    caller: "alice",
    callee: number,
    started: client.clock.now as WallMillis,
    notices: [`${number} sends no audio`],
  };
  client.gateway.status = { ...IDLE, calls: [call] };
  const { state: _state, ...rest } = call;
  const ended = { ...rest, ended: call.started, status: 404, endedBy: "callee" } as const;
  const finding = {
    cause: "x",
    sentence: `${number} is none`,
    suggestion: number,
    weight: "fault",
  };
  const record = { ...ended, reason: `no such number ${number}`, finding } as const;
  await client.database
    .insertInto("call_record")
    .values({ id: call.id, started: 1, ended: 2, record: JSON.stringify(record) })
    .execute();
  for (const [scope, isTold] of [
    ["read", false],
    ["operate", true],
  ] as const) {
    const { token } = await client.access.newApiToken({ name: scope, scope });
    const get = (path: string) =>
      client.raw("GET", path, { headers: { Authorization: `Bearer ${token}` } });
    for (const path of ["/api/v1/status", "/api/v1/calls", "/api/v1/call-records"]) {
      const text = await (await get(path)).text();
      expect([path, text.includes('"12345678"'), text.includes(number)]).toEqual([
        path,
        true,
        isTold,
      ]);
    }
    const events = (await get("/events")).body?.getReader();
    const first = new TextDecoder().decode((await events?.read())?.value);
    await events?.cancel();
    expect([scope, first.includes("alice"), first.includes(number)]).toEqual([scope, true, isTold]);
    // What is found tells what is in it.
    const search = await get(`/api/v1/call-records?text=${number.slice(1)}`);
    expect([scope, search.status]).toEqual([scope, isTold ? 200 : 403]);
  }
  await client.close();
});

test("W11: of a web hook only an admin is told more than its host", async () => {
  const client = await openClient();
  const webhook = "https://hooks.example/services/token";
  await client.asProgram("PUT", "/api/v1/settings", { body: { alerts: { webhook } } });
  for (const [scope, told] of [
    ["read", "https://hooks.example/…"],
    ["operate", "https://hooks.example/…"],
    ["all", webhook],
  ] as const) {
    const { token } = await client.access.newApiToken({ name: scope, scope });
    const headers = { Authorization: `Bearer ${token}` };
    const settings = await (await client.raw("GET", "/api/v1/settings", { headers })).json();
    expect(settings).toEqual({ alerts: { webhook: told } });
    const page = await client.raw("GET", "/settings/alerts", { headers });
    expect([scope, (await page.text()).includes(webhook)]).toEqual([scope, scope === "all"]);
  }
  await client.close();
});
