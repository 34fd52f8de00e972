/**
 * Floods from strangers beside calls (S9): the calls sound as if nothing were, a softphone registers,
 * memory stays where it was, and nothing is made of what strangers send. What they get back is never
 * much (S11). Sizes are scaled; `JACKFIELD_SCALE=1` runs the rows of the catalogue, and asks for its
 * times as well.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { endure, type Seen } from "../../bench/flood/endure.ts";
import { GeneratorProcess } from "../../bench/load/generator-process.ts";
import type { RunFigures } from "../../bench/load/measure.ts";
import { areHeard, callsBeside, prepareCalls } from "../rigs/calls-beside.ts";
import { type FloodPlan, flood } from "../rigs/flood.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { scaled } from "../rigs/scale.ts";

const PBX_PORT = 25_360;
const ALICE = { user: "alice", password: "alice-password" };
const GROWTH_BYTES_MAX = 50 * 1_048_576;
/** The catalogue's times mean something on a machine that does nothing else. */
const isFull = process.env["JACKFIELD_SCALE"] === "1";
/** Of an unhurried pause around each flood. */
const PAUSE_SECONDS = 0.8;

let gateway: GatewayRig;
let generator: GeneratorProcess;

beforeAll(async () => {
  gateway = await GatewayRig.start({ rtpPorts: "33000-33999" });
  generator = await GeneratorProcess.start();
  await prepareCalls(gateway, { pbxPort: PBX_PORT, ...ALICE });
});

afterAll(async () => {
  await generator?.stop();
  await gateway?.stop();
});

/** Calls with audio both ways, and floods one after the other meanwhile. */
async function beside(
  calls: number,
  floods: Readonly<Record<string, FloodPlan>>,
): Promise<{ run: RunFigures; seen: Seen[] }> {
  const plans = Object.entries(floods);
  const seconds = plans.reduce((sum, [, plan]) => sum + plan.seconds + PAUSE_SECONDS, 2);
  const load = { calls, seconds, pbxPort: PBX_PORT, ...ALICE };
  const { run, outcome } = await callsBeside(gateway, generator, load, async () => {
    const seen: Seen[] = [];
    for (const [name, plan] of plans) seen.push(await endure(gateway, ALICE, name, plan));
    return seen;
  });
  return { run, seen: outcome };
}

function tell({ name, flood: { sent, replies, mostReplies }, growth, ...seen }: Seen): void {
  const worst = (list: readonly number[]) => Math.max(...list).toFixed(0);
  console.log(
    `S9 ${name}: ${sent} sent, ${replies} answered, at most ${mostReplies} to one; ` +
      `${(growth / 1_048_576).toFixed(1)} MB; REGISTER ${worst(seen.registrations)} ms, ` +
      `page ${worst(seen.answers)} ms, well again after ${seen.recovery.toFixed(0)} ms`,
  );
}

/** What holds of every flood, whatever the machine has to do besides. */
function judge({ run, seen }: Awaited<ReturnType<typeof beside>>, calls: number): void {
  for (const it of seen) tell(it);
  areHeard("S9", run, calls, isFull ? 0.001 : 0.02);
  for (const it of seen) {
    expect(it.flood.sent).toBeGreaterThan(0);
    expect(it.growth).toBeLessThan(GROWTH_BYTES_MAX);
    expect(it.registrations.length).toBeGreaterThan(0);
    // The calls' own dialogs, and transactions of the softphones that registered.
    expect(it.dialogs).toBeLessThanOrEqual(2 * calls);
    expect(it.serverTransactions).toBeLessThan(2 * calls + 10 * it.registrations.length);
    if (!isFull) continue;
    expect(Math.max(...it.registrations)).toBeLessThan(500);
    expect(Math.max(...it.answers)).toBeLessThan(200);
    expect(it.recovery).toBeLessThan(2_000);
  }
}

let strangers = 0;

/** From addresses that never spoke before. */
function by(transport: FloodPlan["transport"], rate: number, sources: number, seconds: number) {
  const from = strangers;
  strangers += sources;
  const port = transport === "ws" ? Number(new URL(gateway.url).port) : gateway.sipPort;
  return { transport, port, rate, sources, from, seconds };
}

test("S9 T1, T2 and streams: calls are heard and softphones register while strangers shout", async () => {
  const calls = scaled("S9 calls beside T1 and T2", 50, 0.12);
  const seconds = scaled("S9 seconds of each", 60, 0.035);
  const spread = scaled("S9 T1, messages a second of 500 sources", 2_000, 0.5);
  const single = scaled("S9 T2, messages a second of one source", 20_000, 0.5);
  const outcome = await beside(calls, {
    T1: by("udp", spread, 500, seconds),
    T2: by("udp", single, 1, seconds),
    TCP: by("tcp", spread, 16, seconds),
    WebSocket: by("ws", spread, 16, seconds),
  });
  judge(outcome, calls);
}, 600_000);

test("S9 T3: a hundred thousand a second from one source", async () => {
  const calls = scaled("S9 calls beside T3", 20, 0.2);
  const rate = scaled("S9 T3, messages a second", 100_000, 0.3);
  const seconds = scaled("S9 seconds of T3", 10, 0.2);
  judge(await beside(calls, { T3: by("udp", rate, 1, seconds) }), calls);
}, 600_000);

test("S11 a stranger gets five answers a second at most, and hardly more octets than it sent", async () => {
  const before = await gateway.status();
  const seconds = 2;
  const { sent, bytesSent, replies, replyBytes, mostReplies } = await flood(
    by("udp", 400, 8, seconds),
  );
  expect(replies).toBeGreaterThan(0);
  expect(mostReplies).toBeLessThanOrEqual(5 * (seconds + 1));
  expect(replyBytes / replies / (bytesSent / sent)).toBeLessThan(1.5);
  const after = await gateway.status();
  expect(after.droppedMessages).toBeGreaterThan(before.droppedMessages);
  expect(after.alive["serverTransactions"]).toBeLessThanOrEqual(
    before.alive["serverTransactions"] ?? 0,
  );
}, 60_000);
