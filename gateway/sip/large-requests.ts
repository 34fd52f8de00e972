/**
 * Requests too large for a datagram (RFC 3261 §18.1.1): over a TCP connection to the same peer, and
 * over UDP after all where the peer takes none. One way for each UDP flow that ever needed it:
 *
 *             ┌──────────── closed ◄─────────────┐
 *             ▼                                  │
 *   (none) ─need─► opening ──── opened ─────► open ── 30 min unused ─► (none)
 *                     │                          ▲
 *                     └─ closed, 2 s ─► refused ─┘ opened late
 *                                         └─ 10 min ─► (none)
 *
 * What waits while it is opening goes over UDP when it is refused, and so does all that is asked
 * while it is remembered as refused: nobody pays the wait twice.
 */
import { Agenda } from "../agenda.ts";
import { LARGE_REQUEST_WAYS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { Flow, FlowId, Target } from "./flow.ts";
import type { SipRequest } from "./message.ts";
import type { TransactionId } from "./transaction-table.ts";

/** §18.1.1: the most a request may have where the path's MTU is not known. */
const DATAGRAM_BYTES_MAX = 1_300;
/** A firewall that drops our SYN must not cost the call more than this. */
const OPENING_MS = 2_000;
const REFUSED_MS = 600_000;
/** Longer than the refreshes of a session (RFC 4028), so that a dialog keeps its connection. */
const UNUSED_MS = 1_800_000;

/** A request of the user above that is to go over `flow`, without our Via. */
export interface Outgoing {
  readonly id: TransactionId;
  readonly flow: Flow;
  readonly request: SipRequest;
  /** The same on either way: the peer takes the second one for a repetition. */
  readonly branch: string;
  cancel?: { reason: string | undefined };
}

interface Way {
  readonly base: Flow;
  readonly id: FlowId;
  state: "opening" | "open" | "refused";
  stream: Flow | undefined;
  /** The peer has answered over it. */
  isHeard: boolean;
  waiting: Outgoing[];
  /** When a refusal is forgotten; only looked at when somebody asks. */
  refusedUntil: Millis;
}

export interface NextHop {
  /** Absent while it is not known: the request comes back by `opened`, `closed` or `timeout`. */
  readonly over: Flow | undefined;
  readonly open?: { flow: FlowId; target: Target };
}

export class LargeRequests {
  readonly #ways = new Map<FlowId, Way>();
  readonly #byStream = new Map<FlowId, Way>();
  readonly #waiting = new Map<TransactionId, Outgoing>();
  readonly #agenda = new Agenda<FlowId>();
  #count = 0;

  /** Requests that wait for a connection. */
  get size(): number {
    return this.#waiting.size;
  }

  deadline(): Millis | undefined {
    return this.#agenda.next();
  }

  /** The request that waits under that id. */
  held(id: TransactionId): Outgoing | undefined {
    return this.#waiting.get(id);
  }

  /** The UDP flow in whose place the stream was opened. */
  baseOf(stream: FlowId): Flow | undefined {
    return this.#byStream.get(stream)?.base;
  }

  /**
   * The connection where it is up already and the request belongs there: for its size, or because
   * the peer's Contact, learnt over that connection, asks for TCP (§12.2.1.1).
   */
  streamFor(flow: Flow, request: SipRequest, length: number, now: Millis): Flow | undefined {
    const way = flow.transport === "udp" ? this.#ways.get(flow.id) : undefined;
    if (!way?.stream || (length <= DATAGRAM_BYTES_MAX && !asksForTcp(request))) return undefined;
    this.#agenda.set(way.id, now + UNUSED_MS);
    return way.stream;
  }

  /** Where a request of `length` bytes goes: its own flow, a stream in its place, or not yet. */
  nextHop(outgoing: Outgoing, length: number, now: Millis): NextHop {
    const { flow } = outgoing;
    if (flow.transport !== "udp") return { over: flow };
    const stream = this.streamFor(flow, outgoing.request, length, now);
    if (stream || length <= DATAGRAM_BYTES_MAX) return { over: stream ?? flow };
    const known = this.#ways.get(flow.id);
    if (known?.state === "refused" && now < known.refusedUntil) return { over: flow };
    const way = known?.state === "opening" ? known : this.#begin(flow, now);
    way.waiting.push(outgoing);
    this.#waiting.set(outgoing.id, outgoing);
    if (way === known) return { over: undefined };
    const { address: host, port } = flow.remote;
    return { over: undefined, open: { flow: way.id, target: { transport: "tcp", host, port } } };
  }

  /** What waited for this connection; undefined where it is none of ours. */
  opened(stream: Flow, now: Millis): Outgoing[] | undefined {
    const way = this.#byStream.get(stream.id);
    if (!way) return undefined;
    way.state = "open";
    way.stream = stream;
    this.#agenda.set(way.id, now + UNUSED_MS);
    return this.#takeWaiting(way);
  }

  /** The peer answered over the connection. */
  heard(stream: FlowId): void {
    const way = this.#byStream.get(stream);
    if (way) way.isHeard = true;
  }

  /** False where the peer takes connections but says nothing over them. */
  isHeard(stream: FlowId): boolean {
    return this.#byStream.get(stream)?.isHeard ?? false;
  }

  /** What waited for this connection and goes over UDP now. */
  closed(stream: FlowId, now: Millis): Outgoing[] {
    const way = this.#byStream.get(stream);
    if (!way) return [];
    if (way.state === "open") {
      this.#forget(way);
      return [];
    }
    return this.#refuse(way, now);
  }

  /** The connection was up and answered nothing: UDP for a while. */
  failed(stream: FlowId, now: Millis): void {
    const way = this.#byStream.get(stream);
    if (way) this.#refuse(way, now);
  }

  /** The UDP flow is gone, and its connection with it, which is returned; so is what waited. */
  released(base: FlowId): { stream: FlowId; waiting: Outgoing[] } | undefined {
    const way = this.#ways.get(base);
    if (!way) return undefined;
    this.#forget(way);
    return { stream: way.id, waiting: this.#takeWaiting(way) };
  }

  /** What waited too long and goes over UDP now, and connections nobody used. */
  timeout(now: Millis): { overDatagram: Outgoing[]; unused: FlowId[] } {
    const overDatagram: Outgoing[] = [];
    const unused: FlowId[] = [];
    for (let id = this.#agenda.takeDue(now); id; id = this.#agenda.takeDue(now)) {
      const way = this.#byStream.get(id);
      if (way?.state === "opening") overDatagram.push(...this.#refuse(way, now));
      else if (way) {
        unused.push(id);
        this.#forget(way);
      }
    }
    return { overDatagram, unused };
  }

  #begin(base: Flow, now: Millis): Way {
    const before = this.#ways.get(base.id);
    if (before) this.#forget(before);
    if (this.#ways.size >= LARGE_REQUEST_WAYS_MAX) this.#forgetOldestRefusal();
    this.#count += 1;
    const id = `large-${this.#count}` as FlowId;
    const way: Way = {
      base,
      id,
      state: "opening",
      stream: undefined,
      isHeard: false,
      waiting: [],
      refusedUntil: 0,
    };
    this.#ways.set(base.id, way);
    this.#byStream.set(id, way);
    this.#agenda.set(id, now + OPENING_MS);
    return way;
  }

  #refuse(way: Way, now: Millis): Outgoing[] {
    way.state = "refused";
    way.stream = undefined;
    way.refusedUntil = now + REFUSED_MS;
    this.#agenda.set(way.id, undefined);
    return this.#takeWaiting(way);
  }

  #takeWaiting(way: Way): Outgoing[] {
    const { waiting } = way;
    way.waiting = [];
    for (const { id } of waiting) this.#waiting.delete(id);
    return waiting;
  }

  #forget(way: Way): void {
    this.#ways.delete(way.base.id);
    this.#byStream.delete(way.id);
    this.#agenda.set(way.id, undefined);
  }

  #forgetOldestRefusal(): void {
    for (const way of this.#ways.values()) {
      if (way.state !== "refused") continue;
      this.#forget(way);
      return;
    }
  }
}

/** RFC 3263 §4.1: the next hop, a Route or else the Request-URI, names TCP itself. */
function asksForTcp({ uri, headers }: SipRequest): boolean {
  return /;transport=tcp(?![^;?>,])/i.test(headers.list("Route")[0] ?? uri);
}
