/**
 * One media plane in a simulated network and virtual time: datagrams take `delayMs`, may be lost,
 * and everything happens in the order of its time. What a test schedules runs in between.
 */

import { createCertificate } from "../../gateway/media/dtls/certificate.ts";
import { MediaPlane, type MediaPlaneOptions } from "../../gateway/media/media-plane.ts";
import { PortPool } from "../../gateway/media/port-pool.ts";
import type {
  Command,
  Endpoint,
  LegId,
  LocalLeg,
  Notice,
  RemoteLeg,
  Reply,
  SessionId,
} from "../../gateway/media/protocol.ts";
import type { MediaSocket, Sockets } from "../../gateway/media/sockets.ts";
import type { Random } from "../../gateway/random.ts";
import type { Codecs } from "../../media-wasm/codec.ts";
import { seededRandom } from "../unit/media/seeded-random.ts";

export const GATEWAY = "192.0.2.10";
export const WEBRTC_PORT = 8_081;

type Receive = (datagram: Uint8Array, source: Endpoint, now: number) => void;

interface Scheduled {
  at: number;
  order: number;
  run: () => void;
}

export interface WorldOptions {
  codecs: Codecs;
  seed: number;
  delayMs?: number;
  silenceMs?: number;
  rtpPorts?: { first: number; last: number };
  /** Ports some other program holds. */
  takenPorts?: number[];
  openSound?: MediaPlaneOptions["openSound"];
}

export class MediaWorld {
  now = 1_000;
  readonly random: Random;
  readonly plane: MediaPlane;
  readonly pool: PortPool;
  readonly notices: Notice[] = [];
  /** Decides whether a datagram is lost. */
  lose: (source: Endpoint, destination: Endpoint) => boolean = () => false;

  readonly #delayMs: number;
  readonly #hosts = new Map<string, Receive>();
  readonly #machines: { deadline(): number | undefined; timeout(now: number): void }[] = [];
  #queue: Scheduled[] = [];
  #order = 0;
  #sequence = 0;

  constructor(options: WorldOptions) {
    this.random = seededRandom(options.seed);
    this.#delayMs = options.delayMs ?? 5;
    this.pool = new PortPool(options.rtpPorts ?? { first: 10_000, last: 10_019 }, this.random);
    this.plane = new MediaPlane({
      random: this.random,
      codecs: options.codecs,
      certificate: createCertificate(this.random),
      sockets: this.#sockets(options.takenPorts ?? []),
      silenceMs: options.silenceMs ?? 5_000,
      ...(options.openSound ? { openSound: options.openSound } : {}),
    });
    this.#machines.push(this.plane);
    const webrtc = { address: GATEWAY, port: WEBRTC_PORT };
    const via = this.#socket(webrtc, () => {});
    this.listen(webrtc, (datagram, source, now) => {
      this.plane.receiveWebRtc(datagram, source, via, now);
    });
  }

  /** Pairs of ports in use or at rest. */
  get portsBusy(): number {
    return this.pool.size - this.pool.available(this.now);
  }

  /** Whoever listens there gets the datagrams sent there. */
  listen(endpoint: Endpoint, receive: Receive): void {
    this.#hosts.set(key(endpoint), receive);
  }

  /** A machine of the test's own whose timers run in this time. */
  drive(machine: { deadline(): number | undefined; timeout(now: number): void }): void {
    this.#machines.push(machine);
  }

  send(datagram: Uint8Array, source: Endpoint, destination: Endpoint): void {
    if (this.lose(source, destination)) return;
    const bytes = datagram.slice();
    this.at(this.now + this.#delayMs, () => {
      this.#hosts.get(key(destination))?.(bytes, { ...source }, this.now);
    });
  }

  /** Hands over a datagram now, without a network between. */
  deliver(datagram: Uint8Array, source: Endpoint, destination: Endpoint): void {
    this.#hosts.get(key(destination))?.(datagram, source, this.now);
    this.notices.push(...this.plane.takeNotices());
  }

  at(time: number, run: () => void): void {
    this.#queue.push({ at: time, order: this.#order++, run });
    this.#queue.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  /** Runs `each` every `intervalMs`, `times` times, from now on. */
  every(intervalMs: number, times: number, each: (index: number) => void): void {
    for (let index = 0; index < times; index++) {
      this.at(this.now + index * intervalMs, () => each(index));
    }
  }

  /** Lets `durationMs` pass. */
  run(durationMs: number): void {
    const end = this.now + durationMs;
    for (;;) {
      const first = this.#queue[0]?.at ?? Infinity;
      const due = Math.min(...this.#machines.map((machine) => machine.deadline() ?? Infinity));
      const next = Math.min(first, due);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (first <= due) this.#queue.shift()?.run();
      else this.#expire();
      this.notices.push(...this.plane.takeNotices());
    }
    this.now = end;
  }

  command(command: Command): Reply | undefined {
    const reply = this.plane.handle(command, this.now);
    this.notices.push(...this.plane.takeNotices());
    return reply;
  }

  open(session: string, leg: string, kind: "webrtc"): Extract<LocalLeg, { kind: "webrtc" }>;
  open(session: string, leg: string, kind: "trunk"): Extract<LocalLeg, { kind: "trunk" }>;
  open(session: string, leg: string, kind: "webrtc" | "trunk"): LocalLeg {
    const reply = this.command({ type: "open", ...this.#ids(session, leg), kind });
    if (reply?.type !== "opened") throw new Error(`open: ${JSON.stringify(reply)}`);
    return reply.local;
  }

  connect(session: string, leg: string, remote: RemoteLeg): void {
    const reply = this.command({ type: "connect", ...this.#ids(session, leg), remote });
    if (reply?.type !== "connected") throw new Error(`connect: ${JSON.stringify(reply)}`);
  }

  join(session: string, first: string, second: string): void {
    const { seq, session: id } = this.#ids(session, first);
    const legs: [LegId, LegId] = [first as LegId, second as LegId];
    const reply = this.command({ type: "join", seq, session: id, legs });
    if (reply?.type !== "joined") throw new Error(`join: ${JSON.stringify(reply)}`);
  }

  close(session: string): void {
    this.command({ type: "close", session: session as SessionId });
  }

  dropped(session: string, leg: string): Record<string, number> {
    const { seq, session: id } = this.#ids(session, leg);
    const reply = this.command({ type: "query", seq, session: id });
    if (reply?.type !== "statistics") throw new Error(`query: ${JSON.stringify(reply)}`);
    return reply.legs.find((statistics) => statistics.leg === leg)?.dropped ?? {};
  }

  #expire(): void {
    for (const machine of this.#machines) {
      if ((machine.deadline() ?? Infinity) <= this.now) machine.timeout(this.now);
    }
  }

  #ids(session: string, leg: string): { seq: number; session: SessionId; leg: LegId } {
    this.#sequence += 1;
    return { seq: this.#sequence, session: session as SessionId, leg: leg as LegId };
  }

  #sockets(takenPorts: number[]): Sockets {
    return {
      candidates: [{ address: GATEWAY, port: WEBRTC_PORT }],
      openTrunkPair: (receiver, now) => {
        for (let port = this.pool.take(now); port !== undefined; port = this.pool.take(now)) {
          if (takenPorts.includes(port)) {
            this.pool.refuse(port, now);
            continue;
          }
          const chosen = port;
          const rtpEndpoint = { address: GATEWAY, port: chosen };
          const rtcpEndpoint = { address: GATEWAY, port: chosen + 1 };
          this.listen(rtpEndpoint, (...input) => receiver.receiveRtp(...input));
          this.listen(rtcpEndpoint, (...input) => receiver.receiveRtcp(...input));
          return {
            rtp: this.#socket(rtpEndpoint, () => this.pool.release(chosen, this.now)),
            rtcp: this.#socket(rtcpEndpoint, () => {}),
            rtpEndpoint,
            rtcpEndpoint,
          };
        }
        return undefined;
      },
    };
  }

  #socket(local: Endpoint, closed: () => void): MediaSocket {
    return {
      send: (buffer, length, destination) => {
        this.send(buffer.subarray(0, length), local, destination);
      },
      close: () => {
        this.#hosts.delete(key(local));
        closed();
      },
    };
  }
}

function key(endpoint: Endpoint): string {
  return `${endpoint.address} ${endpoint.port}`;
}
