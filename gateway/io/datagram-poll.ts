/**
 * The short way of a datagram on Linux. Bun calls back for each one, with a copy of it and its
 * source as a string, from a loop that asks one socket at a time; here a worker waits for all of
 * its sockets at once and reads what came into memory it keeps. Sockets are opened and closed by
 * Bun, so that they end with the worker; only its event loop is told to leave them alone. That loop
 * is waited for as well: it is a descriptor like any other. Structures are those of 64-bit Linux.
 * Above: media-sockets.ts. Below: the kernel.
 */
import { dlopen, ptr } from "bun:ffi";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { DATAGRAM_BATCH_MAX, MEDIA_DATAGRAM_BYTES_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { Endpoint } from "../media/protocol.ts";
import { Destinations, SOCKET_ADDRESS_BYTES, Sources } from "./socket-address.ts";
import { openUdpSocket, type UdpSocket } from "./udp-socket.ts";

/** A datagram and its source, lent for the call. */
export type ReceiveDatagram = (datagram: Uint8Array, source: Endpoint, now: Millis) => void;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const CLOSE_ON_EXEC = 0o2_000_000;
/** `struct epoll_event` is packed on x86-64 alone. */
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const EVENT_DATA_OFFSET = EVENT_BYTES - 8;
/** Sockets told about in one wake-up; the others are in the next. */
const EVENTS_MAX = 256;

// struct mmsghdr, in 32-bit words.
const HEADER_WORDS = 16;
const NAME_LENGTH_WORD = 2;
const FLAGS_WORD = 12;
const LENGTH_WORD = 14;
/** `struct iovec`. */
const VECTOR_BYTES = 16;
/** A source's place in memory, aligned. */
const NAME_BYTES = 32;

type Libc = ReturnType<typeof openLibc>;

function openLibc() {
  return dlopen("libc.so.6", {
    epoll_create1: { args: ["i32"], returns: "i32" },
    epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
    epoll_wait: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
    recvmmsg: { args: ["i32", "ptr", "u32", "i32", "ptr"], returns: "i32" },
    dup3: { args: ["i32", "i32", "i32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
  }).symbols;
}

export class DatagramPoll {
  readonly #libc: Libc;
  readonly #epoll: number;
  readonly #loop: number;
  readonly #now: () => Millis;
  readonly #batch = new Batch();
  readonly #sources = new Sources();
  readonly #destinations = new Destinations();
  readonly #receivers = new Map<number, ReceiveDatagram>();
  readonly #events = new DataView(new ArrayBuffer(EVENTS_MAX * EVENT_BYTES));
  readonly #eventsAt = ptr(this.#events);
  readonly #event = new DataView(new ArrayBuffer(EVENT_BYTES));
  #ready = 0;

  /** Keeps the poll's own descriptor: see `open`. */
  readonly #place: UdpSocket;

  private constructor(libc: Libc, place: UdpSocket, loop: number, now: () => Millis) {
    this.#libc = libc;
    this.#place = place;
    this.#epoll = place.descriptor;
    this.#loop = loop;
    this.#now = now;
    this.#control(this.#epoll, EPOLL_CTL_ADD, loop);
  }

  /**
   * For this thread; undefined where the system has no such way. A worker may be ended in the midst
   * of anything, and then Bun closes its sockets, but no descriptor it doesn't know: the poll's
   * takes the place of a socket's.
   */
  static open(now: () => Millis): DatagramPoll | undefined {
    if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) return undefined;
    let place: UdpSocket | undefined;
    try {
      place = openUdpSocket("127.0.0.1", 0, () => {});
      const loop = eventLoopOf(place.descriptor);
      if (loop === undefined) throw new Error("There is no event loop that watches the socket.");
      const libc = openLibc();
      const epoll = libc.epoll_create1(CLOSE_ON_EXEC);
      const taken = epoll < 0 ? -1 : libc.dup3(epoll, place.descriptor, CLOSE_ON_EXEC);
      if (epoll >= 0) libc.close(epoll);
      if (taken < 0) throw new Error("There is no descriptor left.");
      return new DatagramPoll(libc, place, loop, now);
    } catch {
      place?.close();
      return undefined;
    }
  }

  /** Ends it; the sockets stay their owners'. */
  close(): void {
    this.#place.close();
  }

  /** From now on what comes to this socket of Bun's goes to `receive`, in `receiveAll`. */
  adopt(descriptor: number, receive: ReceiveDatagram): void {
    this.#control(this.#loop, EPOLL_CTL_DEL, descriptor);
    this.#control(this.#epoll, EPOLL_CTL_ADD, descriptor);
    this.#receivers.set(descriptor, receive);
  }

  /** Before the socket is closed, which takes it off the kernel's list by itself. */
  release(descriptor: number): void {
    this.#receivers.delete(descriptor);
  }

  /** Sends now; what the kernel doesn't take is lost, as any datagram may be. */
  send(descriptor: number, buffer: Uint8Array, length: number, destination: Endpoint): void {
    const address = this.#destinations.of(destination);
    if (!address) return;
    const { pointer, sizeBytes } = address;
    this.#libc.sendto(descriptor, ptr(buffer), length, MSG_DONTWAIT, pointer, sizeBytes);
  }

  /**
   * Waits, at most `forMs` whole milliseconds, for a datagram or for work of the event loop's. True
   * where there is such work.
   */
  wait(forMs: number): boolean {
    const { epoll_wait } = this.#libc;
    this.#ready = epoll_wait(this.#epoll, this.#eventsAt, EVENTS_MAX, forMs);
    for (let index = 0; index < this.#ready; index++) {
      if (this.#descriptorAt(index) === this.#loop) return true;
    }
    return false;
  }

  /** Hands out what `wait` was told of. */
  receiveAll(): void {
    for (let index = 0; index < this.#ready; index++) {
      const descriptor = this.#descriptorAt(index);
      const receive = this.#receivers.get(descriptor);
      if (receive) this.#drain(descriptor, receive);
    }
    this.#ready = 0;
  }

  #descriptorAt(index: number): number {
    return this.#events.getInt32(index * EVENT_BYTES + EVENT_DATA_OFFSET, true);
  }

  /** One batch: a socket that has more comes again, after the others. */
  #drain(descriptor: number, receive: ReceiveDatagram): void {
    const batch = this.#batch;
    const { recvmmsg } = this.#libc;
    const count = recvmmsg(descriptor, batch.pointer, DATAGRAM_BATCH_MAX, MSG_DONTWAIT, null);
    if (count <= 0) return;
    const now = this.#now();
    for (let index = 0; index < count; index++) {
      const datagram = batch.take(index);
      // One of them may have closed the socket.
      if (!datagram || this.#receivers.get(descriptor) !== receive) continue;
      receive(datagram, this.#sources.at(batch.names, index * NAME_BYTES), now);
    }
  }

  #control(epoll: number, operation: number, descriptor: number): void {
    this.#event.setUint32(0, EPOLLIN, true);
    this.#event.setInt32(EVENT_DATA_OFFSET, descriptor, true);
    this.#libc.epoll_ctl(epoll, operation, descriptor, ptr(this.#event));
  }
}

/**
 * Room for the datagrams of one `recvmmsg`, and the structures that tell the kernel so. Each over a
 * buffer made for it, for the kernel keeps where they are: JavaScriptCore has an array of up to
 * 1,000 bytes in its own heap and moves it when a view of it or its buffer is first asked for.
 */
class Batch {
  readonly names = new Uint8Array(new ArrayBuffer(DATAGRAM_BATCH_MAX * NAME_BYTES));
  readonly pointer: number;
  readonly #datagrams = new Uint8Array(
    new ArrayBuffer(DATAGRAM_BATCH_MAX * MEDIA_DATAGRAM_BYTES_MAX),
  );
  readonly #vectors = new BigUint64Array(new ArrayBuffer(DATAGRAM_BATCH_MAX * VECTOR_BYTES));
  readonly #headers = new BigUint64Array(new ArrayBuffer(DATAGRAM_BATCH_MAX * HEADER_WORDS * 4));
  readonly #words = new Uint32Array(this.#headers.buffer);
  /** For each place a view of each length that was ever needed: a call has two or three. */
  readonly #views: (Uint8Array | undefined)[][] = [];

  constructor() {
    const [names, datagrams] = [ptr(this.names), ptr(this.#datagrams)];
    const vectors = ptr(this.#vectors);
    for (let index = 0; index < DATAGRAM_BATCH_MAX; index++) {
      this.#vectors[index * 2] = BigInt(datagrams + index * MEDIA_DATAGRAM_BYTES_MAX);
      this.#vectors[index * 2 + 1] = BigInt(MEDIA_DATAGRAM_BYTES_MAX);
      const header = (index * HEADER_WORDS) / 2;
      this.#headers[header] = BigInt(names + index * NAME_BYTES);
      this.#headers[header + 1] = BigInt(SOCKET_ADDRESS_BYTES);
      this.#headers[header + 2] = BigInt(vectors + index * VECTOR_BYTES);
      this.#headers[header + 3] = 1n;
      this.#views.push([]);
    }
    this.pointer = ptr(this.#headers);
  }

  /** The datagram in this place, which is ready for the next one then. Undefined: it was too long. */
  take(index: number): Uint8Array | undefined {
    const words = this.#words;
    const header = index * HEADER_WORDS;
    words[header + NAME_LENGTH_WORD] = SOCKET_ADDRESS_BYTES;
    if ((words[header + FLAGS_WORD] ?? 0) & MSG_TRUNC) return undefined;
    const length = words[header + LENGTH_WORD] ?? 0;
    const views = this.#views[index];
    const known = views?.[length];
    if (known || !views) return known;
    const start = index * MEDIA_DATAGRAM_BYTES_MAX;
    const view = this.#datagrams.subarray(start, start + length);
    views[length] = view;
    return view;
  }
}

/** The epoll descriptor of the event loop that watches `descriptor`: the kernel tells (proc(5)). */
function eventLoopOf(descriptor: number): number | undefined {
  const watches = new RegExp(`^tfd:\\s+${descriptor} `, "m");
  for (const name of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`) !== "anon_inode:[eventpoll]") continue;
      if (watches.test(readFileSync(`/proc/self/fdinfo/${name}`, "utf8"))) return Number(name);
    } catch {
      // Another thread closed it meanwhile.
    }
  }
  return undefined;
}
