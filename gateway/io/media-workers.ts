/**
 * The media workers as the main thread sees them: starts them, gives each new session to the one
 * with the fewest, passes commands and replies on, and replaces a worker that dies.
 */
import type { B2buaInput } from "../b2bua/border.ts";
import type { WorkerStatus } from "../b2bua/status.ts";
import type { Command, FromWorker, SessionId, WorkerOptions } from "../media/protocol.ts";
import type { Log } from "./log.ts";

export interface MediaWorkers {
  command(command: Command): void;
  /** What each worker last said of itself. */
  readonly statuses: readonly WorkerStatus[];
  stop(): void;
}

interface Slot {
  worker: Worker;
  status: WorkerStatus;
  sessions: Set<SessionId>;
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

/** A dead worker is not started again at once: what killed it may still be there. */
const RESTART_DELAY_MS = 1_000;

/** Resolves when every worker is ready; rejects with a sentence when one can't start. */
export async function startMediaWorkers(options: MediaWorkersOptions): Promise<MediaWorkers> {
  const { feed, log } = options;
  const slots: Slot[] = [];
  const owners = new Map<SessionId, Slot>();
  let stopping = false;
  /** Before every worker was ready once, a failure is the operator's to hear, not ours to mend. */
  let running = false;

  const start = (index: number): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const slot: Slot = { worker: options.spawn(), status: IDLE, sessions: new Set() };
    slots[index] = slot;
    slot.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === "ready") resolve();
      else if (data.type === "unable") {
        reject(new Error(data.reason));
        lost(index, slot, data.reason);
      } else if (data.type === "load") slot.status = data;
      else feed({ type: "media", message: data });
    };
    slot.worker.onerror = (event) => {
      event.preventDefault?.();
      reject(new Error(event.message));
      lost(index, slot, event.message);
    };
    slot.worker.addEventListener("close", () => lost(index, slot, "it ended"));
    slot.worker.postMessage(options.optionsOf(index));
    return promise;
  };

  const lost = (index: number, slot: Slot, reason: string): void => {
    if (stopping || !running || slots[index] !== slot) return;
    log("error", "media-worker-lost", { worker: index, reason, sessions: slot.sessions.size });
    const sessions = [...slot.sessions];
    for (const session of sessions) owners.delete(session);
    slot.worker.terminate();
    slots[index] = { worker: slot.worker, status: IDLE, sessions: new Set() };
    feed({ type: "mediaLost", sessions });
    setTimeout(() => {
      if (!stopping) start(index).catch(() => {});
    }, RESTART_DELAY_MS);
  };

  const leastLoaded = (): Slot => {
    const [first, ...rest] = slots;
    if (!first) throw new Error("there is no media worker");
    return rest.reduce(
      (best, slot) => (slot.sessions.size < best.sessions.size ? slot : best),
      first,
    );
  };

  const ownerOf = (session: SessionId, opens: boolean): Slot | undefined => {
    let slot = owners.get(session);
    if (!slot && opens) {
      slot = leastLoaded();
      owners.set(session, slot);
      slot.sessions.add(session);
    }
    return slot;
  };

  await Promise.all(Array.from({ length: options.count }, (_, index) => start(index)));
  running = true;
  return {
    command: (command) => {
      const slot = ownerOf(command.session, command.type === "open");
      slot?.worker.postMessage(command);
      if (command.type !== "close" || !slot) return;
      owners.delete(command.session);
      slot.sessions.delete(command.session);
    },
    get statuses() {
      return slots.map(({ status: { sessions, legs, busy } }) => ({ sessions, legs, busy }));
    },
    stop: () => {
      stopping = true;
      for (const slot of slots) slot.worker.terminate();
    },
  };
}
