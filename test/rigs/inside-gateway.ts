/**
 * The gateway inside the test's own process, made of the same parts as `main` but for database and
 * admin: for tests that must reach what no other process can, such as a media worker's end.
 */
import { B2bua } from "../../gateway/b2bua/b2bua.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { monotonicNow, wallClockAt } from "../../gateway/io/clock.ts";
import { type MediaWorkers, startMediaWorkers } from "../../gateway/io/media-workers.ts";
import { systemRandom } from "../../gateway/io/random.ts";
import { Resolver, systemDns } from "../../gateway/io/resolver.ts";
import { Runtime } from "../../gateway/io/runtime.ts";
import { openSip, type SipTransports } from "../../gateway/io/sip-transports.ts";
import { type SocketData, sipWebSocket } from "../../gateway/io/sip-websocket.ts";
import type { Config } from "../../schema/config.ts";

const HOST = "127.0.0.1";

export class InsideGateway {
  readonly runtime: Runtime;
  readonly records: CallRecord[] = [];
  readonly log: string[] = [];
  readonly #workers: Worker[];
  readonly #pool: MediaWorkers;
  readonly #sip: SipTransports;
  readonly #server: Bun.Server<SocketData>;

  private constructor(parts: {
    runtime: Runtime;
    workers: Worker[];
    pool: MediaWorkers;
    sip: SipTransports;
    server: Bun.Server<SocketData>;
    log: string[];
  }) {
    this.runtime = parts.runtime;
    this.log = parts.log;
    this.#workers = parts.workers;
    this.#pool = parts.pool;
    this.#sip = parts.sip;
    this.#server = parts.server;
  }

  static async start(workerCount: number): Promise<InsideGateway> {
    const log: string[] = [];
    const write = (level: string, event: string, fields?: object) =>
      void log.push(`${level} ${event} ${JSON.stringify(fields ?? {})}`);
    const b2bua = new B2bua({ random: systemRandom, wallClock: wallClockAt });
    const runtime = new Runtime(b2bua, write);
    const workers: Worker[] = [];
    const pool = await startMediaWorkers({
      count: workerCount,
      spawn: () => {
        const worker = new Worker(new URL("../../gateway/media/worker.ts", import.meta.url));
        workers.push(worker);
        return worker;
      },
      optionsOf: (index) => ({
        type: "start",
        bindAddresses: [HOST],
        webrtcPort: 0,
        rtpPorts: { first: 32_000 + index * 200, last: 32_199 + index * 200 },
        silenceMs: 30_000,
      }),
      feed: runtime.feed,
      log: write,
    });
    const sip = await openSip({
      at: { host: HOST, port: 0 },
      localHostFor: () => HOST,
      feed: runtime.feed,
      resolver: new Resolver({ dns: systemDns, now: monotonicNow, chance: () => 0 }),
    });
    const sockets = sipWebSocket({ origins: [], feed: runtime.feed });
    const server = Bun.serve<SocketData>({
      hostname: HOST,
      port: 0,
      websocket: sockets.handlers,
      fetch: (request, own) => sockets.upgrade(request, own),
    });
    const gateway = new InsideGateway({ runtime, workers, pool, sip, server, log });
    runtime.start({
      send: (flow, bytes) => void (sockets.send(flow, bytes) || sip.send(flow, bytes)),
      open: (flow, target) => sip.open(flow, target),
      close: (flow, reason) => void (sockets.close(flow, reason) || sip.close(flow, reason)),
      media: (command) => pool.command(command),
      record: (record) => void gateway.records.push(record),
      stands: () => {},
    });
    return gateway;
  }

  get socketUrl(): string {
    return `ws://${HOST}:${this.#server.port}/sip`;
  }

  /** `127.0.0.1:5060`, say. */
  get sipAddress(): string {
    return this.#sip.description;
  }

  configure(config: Config): void {
    this.runtime.feed({ type: "configured", config });
  }

  /** How many sessions each worker has, the dead ones included, in the order they were started. */
  get sessions(): number[] {
    return this.#pool.statuses.map(({ sessions }) => sessions);
  }

  /** Ends a media worker in the middle of whatever it does. */
  killWorker(index: number): void {
    this.#workers[index]?.terminate();
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
    this.#sip.stop();
    this.#pool.stop();
    this.runtime.stop();
  }
}
