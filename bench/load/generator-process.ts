/** The load generator as the bench sees it: a child that is told a plan and answers with what it saw. */
import type { Subprocess } from "bun";
import type { Disturbance, FromGenerator, LoadPlan, ToGenerator } from "./protocol.ts";

export interface LoadEvents {
  onProgress(established: number, failed: number): void;
  /** All calls are up. */
  onSteady(): void;
  onStage(stage: string): void;
  /** The time is up, the calls still stand. */
  onHeld(): void;
}

/** For what takes longer than planned. */
const PATIENCE_MS = 120_000;
/** For listening, on a busy machine. */
const PATIENCE_PER_CALL_MS = 5_000;

/** How many calls are heard out. */
function listenedIn({ churnHoldMs, listen, ramp, seconds }: LoadPlan): number {
  if (churnHoldMs === undefined || listen === 0) return listen;
  return Math.ceil((ramp * seconds) / listen);
}

export type LoadResult = Extract<FromGenerator, { type: "result" }>;

export class GeneratorProcess {
  readonly #process: Subprocess<"ignore", "inherit", "inherit">;
  #onMessage: (message: FromGenerator) => void = () => {};
  #onExit: (reason: string) => void = () => {};

  private constructor() {
    this.#process = Bun.spawn([process.execPath, `${import.meta.dir}/generator.ts`], {
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (message) => this.#onMessage(message as FromGenerator),
      onExit: (_process, code) => this.#onExit(`the load generator ended with status ${code}`),
    });
  }

  static async start(): Promise<GeneratorProcess> {
    const generator = new GeneratorProcess();
    await new Promise<void>((resolve, reject) => {
      generator.#onMessage = ({ type }) => type === "ready" && resolve();
      generator.#onExit = (reason) => reject(new Error(reason));
    });
    return generator;
  }

  /** Rejects where no load came about; single calls that were refused are in the result. */
  run(plan: LoadPlan, events: LoadEvents): Promise<LoadResult> {
    const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
    this.#onExit = (reason) => reject(new Error(reason));
    let stage = "setting up calls";
    const patienceMs =
      1_000 * (plan.seconds + plan.calls / plan.ramp) +
      PATIENCE_PER_CALL_MS * listenedIn(plan) +
      PATIENCE_MS;
    const timer = setTimeout(
      () => reject(new Error(`the load generator never came to an end of ${stage}`)),
      patienceMs,
    );
    this.#onMessage = (message) => {
      if (message.type === "stage") {
        ({ stage } = message);
        events.onStage(stage);
      }
      if (message.type === "progress") events.onProgress(message.established, message.failed);
      if (message.type === "steady") events.onSteady();
      if (message.type === "held") {
        events.onHeld();
        this.#tell({ type: "release" });
      }
      if (message.type === "result") resolve(message);
      if (message.type === "failed") reject(new Error(message.reason));
    };
    this.#tell({ type: "run", plan });
    return promise.finally(() => clearTimeout(timer));
  }

  /** While a load runs. */
  disturb(disturbance: Disturbance): void {
    this.#tell({ type: "disturb", disturbance });
  }

  async stop(): Promise<void> {
    this.#onExit = () => {};
    this.#process.kill();
    await this.#process.exited;
  }

  #tell(message: ToGenerator): void {
    this.#process.send(message);
  }
}
