/** What the load generator says of itself: whether it kept up. */
import type { LoadCall } from "./load-call.ts";
import type { Pacer } from "./pacer.ts";
import type { Path } from "./path.ts";
import { droppedDatagrams } from "./proc.ts";
import type { GeneratorReport } from "./protocol.ts";
import { Samples } from "./samples.ts";

const PING_MS = 250;

export class GeneratorWatch {
  readonly #pacer: Pacer;
  readonly #pings = new Samples();
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #started = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #dropped = droppedDatagrams(process.pid);

  /** Watches from now on. */
  constructor(pacer: Pacer, path: Pick<Path, "ping">) {
    this.#pacer = pacer;
    pacer.lateness.clear();
    if (path.ping) this.#timer = setInterval(() => void this.#ping(path), PING_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  report(calls: readonly Pick<LoadCall, "roundTrips">[]): GeneratorReport {
    this.stop();
    const seconds = (performance.now() - this.#started) / 1_000;
    const { user, system } = process.cpuUsage(this.#cpu);
    const roundTrips = new Samples();
    for (const call of calls) roundTrips.addAll(call.roundTrips);
    return {
      sendLatenessMs: this.#pacer.lateness.quantiles(),
      roundTripMs: roundTrips.quantiles(),
      signallingMs: this.#pings.quantiles(),
      cpu: (user + system) / 1e6 / seconds,
      dropped: Math.max(0, droppedDatagrams(process.pid) - this.#dropped),
    };
  }

  /** What is never answered shows in the calls. */
  async #ping(path: Pick<Path, "ping">): Promise<void> {
    const asked = performance.now();
    await path.ping?.().then(
      () => this.#pings.add(performance.now() - asked),
      () => {},
    );
  }
}
