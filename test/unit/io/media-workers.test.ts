import { afterAll, beforeAll, expect, test } from "bun:test";
import type { B2buaInput } from "../../../gateway/b2bua/border.ts";
import { type MediaWorkers, startMediaWorkers } from "../../../gateway/io/media-workers.ts";
import type { Command, LegId, SessionId, WorkerOptions } from "../../../gateway/media/protocol.ts";

/** A worker that says what it is told to say, and tells what it was commanded. */
const PUPPET = `
  self.onmessage = ({ data }) => {
    if (data.type === "start") self.postMessage({ type: "ready", webrtcPort: 1 });
    else if (data.type === "prepare") return;
    else if (data.loop) for (;;);
    else if (data.fail) throw new Error("a fault outside every session");
    else if (data.say) self.postMessage(data.say);
    else self.postMessage({ type: "silent", session: data.session, leg: data.leg, forMs: 1 });
  };`;

const workers: Worker[] = [];
const inputs: B2buaInput[] = [];
let pool: MediaWorkers;
const logged: string[] = [];
let losses = 0;
/** How many workers there had been when a loss was told. */
const startedAtLoss: number[] = [];

const programOf = (text: string) =>
  URL.createObjectURL(new Blob([text], { type: "application/javascript" }));

const optionsOf = (): WorkerOptions => ({
  type: "start",
  bindAddresses: [],
  webrtcPort: 0,
  rtpPorts: { first: 1, last: 2 },
  silenceMs: 1,
});

beforeAll(async () => {
  const url = programOf(PUPPET);
  pool = await startMediaWorkers({
    count: 2,
    spawn: () => {
      const worker = new Worker(url);
      workers.push(worker);
      return worker;
    },
    optionsOf,
    feed: (input) => {
      inputs.push(input);
      if (input.type === "mediaLost") startedAtLoss.push(workers.length);
    },
    log: (_level, event, fields) => logged.push(`${event} ${fields?.["reason"] ?? ""}`),
  });
});

afterAll(() => pool.stop());

/** A worker tells its load, and the pool has heard it: what it says after it has arrived. */
async function seconds(worker: number, busy: number, count: number): Promise<void> {
  const before = inputs.length;
  const load = { type: "load", sessions: 0, legs: 0, busy, lateMs: 0 };
  for (let second = 0; second < count; second++) workers[worker]?.postMessage({ say: load });
  const mark = { type: "silent", session: "mark", leg: "mark", forMs: before };
  workers[worker]?.postMessage({ say: mark });
  await until(() => inputs.slice(before).some(isMark));
}

const isMark = (input: B2buaInput) =>
  input.type === "media" && "session" in input.message && input.message.session === "mark";

type Opened = Extract<Extract<B2buaInput, { type: "media" }>["message"], { type: "opened" }>;

const isOpened = (input: B2buaInput): input is { type: "media"; message: Opened } =>
  input.type === "media" && input.message.type === "opened";

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(2);
}

/** A message that was on its way when the worker was ended: Bun drops most of them, not by promise. */
function hear(worker: Worker | undefined, data: object): void {
  worker?.onmessage?.(new MessageEvent("message", { data }));
}

const levels = () => inputs.flatMap((input) => (input.type === "load" ? [input.level] : []));

/** Which worker a new session goes to. */
function placeOf(name: string): number {
  const before = pool.statuses.length;
  const sent: Command[][] = workers.map(() => []);
  const originals = workers.map((worker) => worker.postMessage);
  workers.forEach((worker, index) => {
    worker.postMessage = (message: Command) => void sent[index]?.push(message);
  });
  const [session, leg] = [name as SessionId, "leg" as LegId];
  pool.command({ type: "open", seq: before, session, leg, kind: "trunk" });
  workers.forEach((worker, index) => {
    worker.postMessage = originals[index] ?? worker.postMessage;
  });
  return sent.findIndex((commands) => commands.length > 0);
}

test("new calls go to the worker with the fewest, and never to one that is short of time", async () => {
  expect([placeOf("a"), placeOf("b"), placeOf("c"), placeOf("d")].sort()).toEqual([0, 0, 1, 1]);
  await seconds(0, 0.7, 3);
  expect([placeOf("e"), placeOf("f"), placeOf("g")]).toEqual([1, 1, 1]);
  expect(levels()).toEqual([]);
});

test("R12: the gateway is as short of time as the worker with the most of it", async () => {
  await seconds(0, 0.95, 3);
  expect(levels()).toEqual([]);
  await seconds(1, 0.95, 3);
  expect(levels()).toEqual(["full"]);
  await seconds(1, 0.1, 15);
  expect(levels()).toEqual(["full", "sparing", "economical", "normal"]);
  expect(placeOf("h")).toBe(1);
});

test.each([
  ["caught in a loop", { loop: true }, "it answered no more"],
  ["that throws", { fail: true }, "a fault outside every session"],
])("R1: a worker %s is replaced, its calls are told, the other's notice nothing", async (_, act, reason) => {
  // Those at work, then the spare; after a loss the next one.
  await until(() => workers.length === 3 + losses);
  const spare = workers.length - 1;
  const lost = workers[losses];
  losses += 1;
  const lostAt = inputs.length;
  lost?.postMessage({ say: { type: "beat" } });
  lost?.postMessage(act);
  await until(() => inputs.slice(lostAt).some(({ type }) => type === "mediaLost"));
  const told = inputs.slice(lostAt).filter((input) => input.type === "mediaLost");
  expect(told.length).toBe(1);
  expect(logged.at(-1)).toContain("media-worker-lost");
  expect(logged.at(-1)).toContain(reason);
  // The spare took its place, before the next one was there.
  expect(startedAtLoss.at(-1)).toBe(spare + 1);
  await seconds(spare, 0.1, 1);
});

test("R1: what a lost worker said last, and is read after its loss, is nobody's", async () => {
  const before = inputs.length;
  const last = { type: "silent", session: "gone", leg: "gone", forMs: 1 };
  for (const lost of workers.slice(0, losses)) {
    hear(lost, last);
    hear(lost, { type: "unable", reason: "late" });
  }
  await seconds(workers.length - 2, 0.1, 1);
  expect(inputs.slice(before).every(isMark)).toBe(true);
  expect(logged.filter((line) => line.includes("late"))).toEqual([]);
});

test("R1: a spare that is caught before it is ready is given up too; what was asked of it is not lost", async () => {
  const told: B2buaInput[] = [];
  const lines: string[] = [];
  const started: Worker[] = [];
  const caught = PUPPET.replace('data.type === "start"', "false").replace("data.loop", "true");
  const lone = await startMediaWorkers({
    count: 1,
    spawn: () => {
      const worker = new Worker(programOf(started.length === 1 ? caught : PUPPET));
      started.push(worker);
      return worker;
    },
    optionsOf,
    feed: (input) => told.push(input),
    log: (_level, event, fields) => lines.push(`${event} ${fields?.["reason"] ?? ""}`),
  });
  await until(() => started.length === 2);
  started[0]?.terminate();
  await until(() => told.some(({ type }) => type === "mediaLost"));
  const [session, leg] = ["call" as SessionId, "leg" as LegId];
  lone.command({ type: "open", seq: 1, session, leg, kind: "webrtc" });
  await until(() => lines.length === 2);
  // Nobody has the place for a while: its last one's late word changes nothing.
  hear(started[1], { type: "ready", webrtcPort: 1 });
  await until(() => told.some((it) => it.type === "media" && "session" in it.message));
  expect(told.at(-1)).toMatchObject({ message: { type: "silent", session, leg } });
  expect(lines).toEqual(["media-worker-lost it ended", "media-worker-lost it was never ready"]);
  lone.stop();
});

test("R1: the spare of a lone worker has the dead one's port, and takes calls before it is asked twice", async () => {
  const told: B2buaInput[] = [];
  const started: Worker[] = [];
  /** How many workers there had been at each call's opening. */
  const startedAtOpened: number[] = [];
  const webrtcPort = 42_000 + Math.floor(Math.random() * 5_000);
  const lone = await startMediaWorkers({
    count: 1,
    spawn: () => {
      const worker = new Worker(new URL("../../../gateway/media/worker.ts", import.meta.url));
      started.push(worker);
      return worker;
    },
    optionsOf: () => ({
      type: "start",
      bindAddresses: ["127.0.0.1"],
      webrtcPort,
      rtpPorts: { first: 33_000, last: 33_099 },
      silenceMs: 30_000,
    }),
    feed: (input) => {
      told.push(input);
      if (isOpened(input)) startedAtOpened.push(started.length);
    },
    log: () => {},
  });
  const [session, leg] = ["call" as SessionId, "leg" as LegId];
  const opened = (seq: number) => () => told.some((it) => isOpened(it) && it.message.seq === seq);
  lone.command({ type: "open", seq: 1, session, leg, kind: "webrtc" });
  await until(opened(1));
  expect(startedAtOpened).toEqual([2]);
  started[0]?.terminate();
  await until(() => told.some(({ type }) => type === "mediaLost"));
  lone.command({ type: "open", seq: 2, session, leg, kind: "webrtc" });
  await until(opened(2));
  // By the spare: a third one is not there yet.
  expect(startedAtOpened).toEqual([2, 2]);
  const candidates = told.flatMap((it) =>
    isOpened(it) && it.message.local.kind === "webrtc" ? it.message.local.candidates : [],
  );
  const own = { address: "127.0.0.1", port: webrtcPort };
  expect(candidates).toEqual([own, own]);
  lone.stop();
});
