/**
 * The media workers as the main thread sees them: starts them, gives each new session to the one
 * with the fewest, passes commands and replies on, and replaces a worker that dies.
 */
import type { B2buaInput } from "../b2bua/border.ts";
import type { Command, FromWorker, SessionId, WorkerOptions } from "../media/protocol.ts";
import type { Log } from "./log.ts";

export interface MediaWorkers {
  command(command: Command): void;
  /** How many sessions each worker holds. */
  readonly loads: readonly number[];
  stop(): void;
}

interface Slot {
  worker: Worker;
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

/** A worker that dies this soon after its start is not started again at once. */
const RESTART_DELAY_MS = 1_000;

/** Resolves when every worker is ready; rejects with a sentence when one can't start. */
export async function startMediaWorkers(options: MediaWorkersOptions): Promise<MediaWorkers> {
  const { feed, log } = options;
  const slots: Slot[] = [];
  const owners = new Map<SessionId, Slot>();
  let stopping = false;

  const start = (index: number): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const slot: Slot = { worker: options.spawn(), sessions: new Set() };
    slots[index] = slot;
    slot.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === "ready") resolve();
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
    if (stopping || slots[index] !== slot) return;
    log("error", "media-worker-lost", { worker: index, reason, sessions: slot.sessions.size });
    const sessions = [...slot.sessions];
    for (const session of sessions) owners.delete(session);
    slot.worker.terminate();
    slots[index] = { worker: slot.worker, sessions: new Set() };
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
  return {
    command: (command) => {
      const slot = ownerOf(command.session, command.type === "open");
      slot?.worker.postMessage(command);
      if (command.type !== "close" || !slot) return;
      owners.delete(command.session);
      slot.sessions.delete(command.session);
    },
    get loads() {
      return slots.map((slot) => slot.sessions.size);
    },
    stop: () => {
      stopping = true;
      for (const slot of slots) slot.worker.terminate();
    },
  };
}
