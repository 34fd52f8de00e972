/**
 * The media workers as the main thread sees them: starts them, gives each new session to the one
 * with the most time, tells how short of time they are, and passes commands and replies on. A worker
 * that dies is replaced at once by a spare, which has everything but sockets and sessions; the calls
 * it held are told and go on in another one.
 */
import type { B2buaInput } from "../b2bua/border.ts";
import type { WorkerStatus } from "../b2bua/status.ts";
import { LOAD_LEVELS, LoadLadder, type LoadLevel } from "../load-ladder.ts";
import type {
  Command,
  FromWorker,
  Preparation,
  SessionId,
  WorkerOptions,
} from "../media/protocol.ts";
import type { Log } from "./log.ts";

export interface MediaWorkers {
  command(command: Command): void;
  /** What each worker last said of itself. */
  readonly statuses: readonly WorkerStatus[];
  stop(): void;
}

/** A worker's place. The place stays when its worker dies and another one takes over. */
interface Slot {
  /** Undefined from its loss until there is a next one. */
  worker: Worker | undefined;
  status: WorkerStatus;
  readonly sessions: Set<SessionId>;
  ladder: LoadLadder;
  /** Commands that wait for the worker to be ready; undefined while it is. */
  waiting: Command[] | undefined;
  /** Looks since it was told to start or last beat; undefined between its being ready and a beat. */
  missedBeats: number | undefined;
  /** Ends it for that reason; set when it is told to start. */
  giveUp: (reason: string) => void;
}

export interface MediaWorkersOptions {
  count: number;
  optionsOf: (index: number) => WorkerOptions;
  /** Starts the worker program; named by the composition root, for the sake of the bundler. */
  spawn: () => Worker;
  feed: (input: B2buaInput) => void;
  log: Log;
}

const IDLE: WorkerStatus = { sessions: 0, legs: 0, busy: 0 };

/** Without a spare, and for the next spare: what killed the worker may still be there. */
const RESTART_DELAY_MS = 1_000;
/** For how long the ports of a worker that died may still be taken. */
const PORT_PATIENCE_MS = 1_000;
/**
 * A worker that beats ten times a second is given up after half a second without: its calls have
 * been silent for as long. Looks are counted, not time: when this thread stood still, they did too.
 */
const LOOK_INTERVAL_MS = 100;
const MISSED_BEATS_MAX = 5;
/** One that starts has codecs to load, and may wait for a port: it is given five seconds. */
const START_LOOKS_MAX = 50;

/** Resolves when every worker is ready; rejects with a sentence when one can't start. */
export async function startMediaWorkers(options: MediaWorkersOptions): Promise<MediaWorkers> {
  const pool = new Pool(options);
  await pool.start();
  return pool;
}

class Pool implements MediaWorkers {
  readonly #options: MediaWorkersOptions;
  readonly #slots: Slot[] = [];
  readonly #owners = new Map<SessionId, Slot>();
  #stopping = false;
  /** Before every worker was ready once, a failure is the operator's to hear, not ours to mend. */
  #running = false;
  #level: LoadLevel = "normal";
  /** Takes the place of the next worker that dies; undefined while there is none. */
  #spare: Worker | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor(options: MediaWorkersOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    for (let index = 0; index < this.#options.count; index++) {
      const ladder = new LoadLadder();
      const slot: Slot = {
        worker: undefined,
        status: IDLE,
        sessions: new Set(),
        ladder,
        waiting: [],
        missedBeats: undefined,
        giveUp: () => {},
      };
      this.#slots.push(slot);
    }
    const { spawn } = this.#options;
    await Promise.all(this.#slots.map((slot, index) => this.#start(index, slot, spawn())));
    this.#running = true;
    this.#prepareSpare();
    this.#looking = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
  }

  get statuses(): readonly WorkerStatus[] {
    return this.#slots.map(({ status: { sessions, legs, busy } }) => ({ sessions, legs, busy }));
  }

  command(command: Command): void {
    const slot = this.#ownerOf(command);
    if (!slot) return;
    post(slot, command);
    if (command.type !== "close") return;
    this.#owners.delete(command.session);
    slot.sessions.delete(command.session);
  }

  stop(): void {
    this.#stopping = true;
    clearInterval(this.#looking);
    this.#spare?.terminate();
    for (const slot of this.#slots) slot.worker?.terminate();
  }

  /** The place is the worker's now. Resolves when it is ready; rejects when it can't start. */
  #start(index: number, slot: Slot, worker: Worker, portPatienceMs = 0): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const failed = (reason: string) => {
      reject(new Error(reason));
      this.#lost(index, slot, worker, reason);
    };
    slot.worker = worker;
    slot.missedBeats = 0;
    slot.giveUp = failed;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      // What one that was given up still says is nobody's: its calls are elsewhere.
      if (slot.worker !== worker) return;
      if (data.type === "beat") slot.missedBeats = 0;
      else if (data.type === "ready") {
        const waiting = slot.waiting ?? [];
        slot.waiting = undefined;
        slot.missedBeats = undefined;
        for (const command of waiting) worker.postMessage(command);
        resolve();
      } else if (data.type === "unable") failed(data.reason);
      else if (data.type === "unplayable") {
        const { file, reason } = data;
        this.#options.log("warning", "sound-file-unplayable", { file, reason });
      } else if (data.type === "load") this.#measured(slot, data);
      else this.#options.feed({ type: "media", message: data });
    };
    worker.onerror = (event) => {
      event.preventDefault?.();
      failed(event.message);
    };
    worker.addEventListener("close", () => failed("it ended"));
    const options: WorkerOptions = { ...this.#options.optionsOf(index), portPatienceMs };
    worker.postMessage(options);
    return promise;
  }

  /** R1: one that is caught in a loop says nothing and never ends by itself. */
  #look(): void {
    for (const slot of this.#slots) {
      if (slot.missedBeats === undefined) continue;
      slot.missedBeats += 1;
      if (slot.missedBeats <= (slot.waiting ? START_LOOKS_MAX : MISSED_BEATS_MAX)) continue;
      slot.giveUp(slot.waiting ? "it was never ready" : "it answered no more");
    }
  }

  /** A new call goes to the worker with the most time: its level is the gateway's. */
  #measured(slot: Slot, load: Extract<FromWorker, { type: "load" }>): void {
    slot.status = load;
    slot.ladder.measured(load);
    const { level } = leastLoaded(this.#slots).ladder;
    if (level === this.#level) return;
    this.#level = level;
    this.#options.log(level === "full" ? "warning" : "info", "load-level", { level });
    this.#options.feed({ type: "load", level });
  }

  /** Its calls are told at once and find a place in the other workers, or wait for the next one. */
  #lost(index: number, slot: Slot, worker: Worker, reason: string): void {
    if (this.#stopping || !this.#running || slot.worker !== worker || slot.waiting) return;
    const sessions = [...slot.sessions];
    const fields = { worker: index, reason, sessions: sessions.length };
    this.#options.log("error", "media-worker-lost", fields);
    for (const session of sessions) this.#owners.delete(session);
    slot.sessions.clear();
    slot.status = IDLE;
    slot.ladder = new LoadLadder();
    slot.waiting = [];
    vacate(slot);
    this.#replace(index, slot);
    this.#options.feed({ type: "mediaLost", sessions });
  }

  /** R1: the spare takes the place at once, and its ports; there is a next one a while later. */
  #replace(index: number, slot: Slot): void {
    const spare = this.#spare;
    if (!spare) {
      this.#restart(index, slot);
      return;
    }
    this.#spare = undefined;
    setTimeout(() => this.#prepareSpare(), RESTART_DELAY_MS);
    this.#startAgain(index, slot, spare, PORT_PATIENCE_MS);
  }

  #restart(index: number, slot: Slot): void {
    setTimeout(() => {
      if (this.#stopping) return;
      this.#startAgain(index, slot, this.#options.spawn());
    }, RESTART_DELAY_MS);
  }

  /** One that can't start, or never says that it has, makes room for the next. */
  #startAgain(index: number, slot: Slot, worker: Worker, portPatienceMs = 0): void {
    this.#start(index, slot, worker, portPatienceMs).catch((error: Error) => {
      const fields = { worker: index, reason: error.message, sessions: 0 };
      if (!this.#stopping) this.#options.log("error", "media-worker-lost", fields);
      vacate(slot);
      this.#restart(index, slot);
    });
  }

  #prepareSpare(): void {
    if (this.#stopping || this.#spare) return;
    const worker = this.#options.spawn();
    this.#spare = worker;
    const lost = () => {
      if (this.#spare !== worker) return;
      this.#spare = undefined;
      worker.terminate();
      setTimeout(() => this.#prepareSpare(), RESTART_DELAY_MS);
    };
    worker.onerror = (event) => {
      event.preventDefault?.();
      lost();
    };
    worker.addEventListener("close", lost);
    const preparation: Preparation = { type: "prepare" };
    worker.postMessage(preparation);
  }

  /** Sessions that may want to be one are put together: a leg can't change its worker. */
  #ownerOf(command: Command): Slot | undefined {
    const { session } = command;
    let slot = this.#owners.get(session);
    if (!slot && command.type === "open") {
      slot = this.#owners.get(command.near ?? session) ?? leastLoaded(this.#slots);
      this.#owners.set(session, slot);
      slot.sessions.add(session);
    }
    return slot;
  }
}

function post(slot: Slot, command: Command): void {
  if (slot.waiting) slot.waiting.push(command);
  else slot.worker?.postMessage(command);
}

/** Ends its worker, of which nothing is heard from now on. */
function vacate(slot: Slot): void {
  slot.worker?.terminate();
  slot.worker = undefined;
  slot.missedBeats = undefined;
}

/** Of those that work the one with the most time, and of equals the one with the fewest sessions. */
function leastLoaded(slots: readonly Slot[]): Slot {
  const working = slots.filter((slot) => !slot.waiting);
  const [first, ...rest] = working.length > 0 ? working : slots;
  if (!first) throw new Error("there is no media worker");
  return rest.reduce((best, slot) => (isLessLoaded(slot, best) ? slot : best), first);
}

function isLessLoaded(a: Slot, b: Slot): boolean {
  const steps = LOAD_LEVELS.indexOf(a.ladder.level) - LOAD_LEVELS.indexOf(b.ladder.level);
  return steps === 0 ? a.sessions.size < b.sessions.size : steps < 0;
}
