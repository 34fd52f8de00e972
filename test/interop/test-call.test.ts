/**
 * X3: a test call from a softphone inside the gateway to a real sipp, whose echo comes back or doesn't:
 * what it says of each, who took it when its connection counts as failed, and that nobody else is
 * touched by it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestEvent } from "../../admin/services.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { SippProcess } from "../rigs/sipp-process.ts";

const withSipp = test.skipIf(Bun.which("sipp") === null);
const canRun = Bun.which("sipp") !== null;
const [PRIMARY, BACKUP] = [
  { address: "127.14.0.1", port: 26_720 },
  { address: "127.14.0.2", port: 26_722 },
];
const TEST_MS = 60_000;

let directory = "";
let gateway: GatewayRig;
const ids: number[] = [];

beforeAll(async () => {
  if (!canRun) return;
  directory = mkdtempSync(join(tmpdir(), "test-call-"));
  // Behind a NAT that sends nothing back from inside to inside.
  const environment = { JACKFIELD_EXTERNAL_IP: "203.0.113.7" };
  gateway = await GatewayRig.start({ rtpPorts: "36400-36799", environment });
  for (const [index, { address, port }] of [PRIMARY, BACKUP].entries()) {
    const { id } = await gateway.api<{ id: number }>("POST", "/connections", {
      ...{ name: index === 0 ? "Carrier" : "Backup", type: "outbound-trunk", host: address, port },
      ...{ patterns: [{ pattern: "^9" }], allow: [address], codecs: ["PCMA"], weight: index },
      failoverGroup: { name: "out", strategy: "ordered" },
    });
    ids.push(id);
  }
});

afterAll(async () => {
  await gateway?.stop();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

/** Answers one call, and sends its audio back where `echoes`. */
function sippAt({ address, port }: typeof PRIMARY, echoes: boolean): Promise<SippProcess> {
  const more = ["-mi", address, "-mp", String(port + 100), ...(echoes ? ["-rtp_echo"] : [])];
  return SippProcess.start({
    ...{ directory, scenario: "uas-answer", address, port, more, timeoutSeconds: 40 },
  });
}

async function testCall(id: number | undefined, body: object): Promise<Response> {
  return fetch(`${gateway.url}/api/v1/connections/${id}/test-call`, {
    method: "POST",
    headers: { Authorization: `Bearer ${gateway.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** The outcomes of its steps. */
async function outcomesOf(response: Response): Promise<Exclude<TestEvent, { begun: string }>[]> {
  expect(response.status).toBe(200);
  const events = (await response.text()).trim().split("\n");
  const parsed = events.map((line) => JSON.parse(line) as TestEvent);
  return parsed.flatMap((it) => (it.begun === undefined ? [it] : []));
}

const history = (id: number | undefined) =>
  gateway.api<{ aspect: string; state: string; reason: string }[]>(
    "GET",
    `/connections/${id}/history?limit=5`,
  );

withSipp(
  "X3, TST-08: an echo is heard both ways, measured, and the connection has passed",
  async () => {
    const sipp = await sippAt(PRIMARY, true);
    const pending = await testCall(ids[0], { number: "9001" });
    expect((await testCall(ids[0], { number: "9002" })).status).toBe(409);
    const [call, talk] = await outcomesOf(pending);
    await sipp.passed();
    expect(call).toMatchObject({ step: "call", verdict: "call-answered", facts: ["by Carrier"] });
    expect(talk).toMatchObject({ step: "talk", outcome: "ok", verdict: "hears-echo" });
    const [level = "", delay = "", loss = ""] = talk?.facts ?? [];
    // It is said at 12 dB below full scale; there and back is a packet or two and the buffers.
    expect(Number.parseInt(level, 10)).toBeWithin(8, 18);
    expect(Number.parseInt(delay, 10)).toBeWithin(5, 300);
    expect(loss).toBe("0.0 % of the packets lost");
    await gateway.untilFree();
    const record = await gateway.newestRecord(1);
    expect(record).toMatchObject({ id: call?.call ?? "", status: 200, callee: "9001" });
    expect(record?.caller).toStartWith("test-call-");
    expect((await history(ids[0]))[0]).toMatchObject({ aspect: "test-call", state: "passed" });
    // The caller is no more; nobody ever saw it among the users.
    expect(await gateway.api("GET", "/users")).toEqual([] as never);
  },
  TEST_MS,
);

withSipp(
  "X3: a call that is answered and sends nothing back says which way to look",
  async () => {
    const sipp = await sippAt(PRIMARY, false);
    const [, talk] = await outcomesOf(await testCall(ids[0], { number: "9001" }));
    await sipp.passed();
    expect(talk).toMatchObject({ outcome: "failed", verdict: "hears-nothing" });
    expect(talk?.suspects).toContain("firewall");
    expect((await history(ids[0]))[0]).toMatchObject({ aspect: "test-call", state: "failed" });
  },
  TEST_MS,
);

withSipp(
  "TST-09: as if it had failed, the one that stands in takes the call, and it is said which",
  async () => {
    const [first, second] = [await sippAt(BACKUP, true), await sippAt(PRIMARY, true)];
    const [call, talk] = await outcomesOf(await testCall(ids[0], { number: "9001", drill: true }));
    await first.passed();
    expect([call?.facts, talk?.verdict]).toEqual([["by Backup"], "hears-echo"]);
    // The one that counts as failed was never asked, and other calls go there all the while.
    expect(second.messages()).toBe("");
    await second.kill();
  },
  TEST_MS,
);

withSipp(
  "X3: what leads nowhere, and what must not be called, is told before anybody is asked",
  async () => {
    const [lost] = await outcomesOf(await testCall(ids[0], { number: "8001" }));
    expect(lost).toMatchObject({ verdict: "call-not-routed", field: "patterns" });
    await gateway.api("POST", "/users", { name: "alice", password: "alice-password" });
    for (const number of ["112", "1-1-2", "alice", "a b", "x@evil.example", ""]) {
      expect([number, (await testCall(ids[0], { number })).status]).toEqual([number, 422]);
    }
    expect((await testCall(999, { number: "9001" })).status).toBe(404);
    const { id } = await gateway.api<{ id: number }>("POST", "/connections", {
      ...{ name: "Alone", type: "outbound-trunk", host: "192.0.2.9", allow: ["192.0.2.9"] },
      patterns: [{ pattern: "^7" }],
    });
    expect((await testCall(id, { number: "7001", drill: true })).status).toBe(422);
    const entries = await gateway.api<{ action: string; actor: string }[]>(
      "GET",
      "/audit?action=test-call",
    );
    expect(entries.length).toBeGreaterThanOrEqual(4);
    const records = await gateway.api<CallRecord[]>("GET", "/call-records?limit=10");
    expect(records.filter(({ callee }) => callee === "112")).toEqual([]);
  },
  TEST_MS,
);
