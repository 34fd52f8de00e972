/**
 * Our DTLS endpoint on a real socket with a real clock, over a network that may lose, and programs
 * of others to shake hands with.
 */
import { type Subprocess, spawn } from "bun";
import {
  DtlsEndpoint,
  type DtlsOptions,
  type DtlsOutput,
} from "../../gateway/media/dtls/dtls-endpoint.ts";
import type { SrtpKeys } from "../../gateway/media/dtls/key-schedule.ts";

export type Connected = Extract<DtlsOutput, { type: "connected" }>;

/** Our endpoint on a socket with a real clock: what the webrtc leg and the worker do otherwise. */
export class DtlsPeer {
  /** Processor time spent in our endpoint, milliseconds. */
  cpuMs = 0;
  /** Decides whether a datagram is lost, either way. */
  readonly #loses: () => boolean;
  readonly port: number;
  readonly connected: Promise<Connected>;
  readonly #dtls: DtlsEndpoint;
  readonly #socket: Bun.udp.Socket<"buffer">;
  readonly #settle: { resolve: (value: Connected) => void; reject: (error: Error) => void };
  #remotePort: number;
  #timer: Timer | undefined;

  private constructor(
    socket: Bun.udp.Socket<"buffer">,
    dtls: DtlsEndpoint,
    port: number,
    loses: () => boolean,
  ) {
    this.#loses = loses;
    this.#socket = socket;
    this.#dtls = dtls;
    this.#remotePort = port;
    this.port = socket.port;
    const { promise, resolve, reject } = Promise.withResolvers<Connected>();
    this.connected = promise;
    this.#settle = { resolve, reject };
    // Whoever waits hears of a failure; nobody may be waiting yet.
    promise.catch(() => {});
  }

  /** A client starts at once towards `remotePort`; a server answers whoever speaks. */
  static async open(
    options: DtlsOptions,
    remotePort = 0,
    loses: () => boolean = () => false,
  ): Promise<DtlsPeer> {
    let endpoint: DtlsPeer | undefined;
    const socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: {
        data: (_, datagram, port) => {
          if (!loses()) endpoint?.receive(datagram, port);
        },
        // The peer's port may be closed already when our goodbye arrives.
        error: () => {},
      },
    });
    const dtls = new DtlsEndpoint(options);
    endpoint = new DtlsPeer(socket, dtls, remotePort, loses);
    if (options.role === "client") endpoint.act((now) => dtls.start(now));
    return endpoint;
  }

  receive(datagram: Uint8Array, port: number): void {
    this.#remotePort = port;
    this.act((now) => this.#dtls.receive(new Uint8Array(datagram), now));
  }

  act(take: (now: number) => DtlsOutput[]): void {
    const before = process.cpuUsage();
    const outputs = take(performance.now());
    const { user, system } = process.cpuUsage(before);
    this.cpuMs += (user + system) / 1_000;
    for (const output of outputs) {
      if (output.type === "send") {
        if (!this.#loses()) this.#socket.send(output.datagram, this.#remotePort, "127.0.0.1");
      } else if (output.type === "connected") this.#settle.resolve(output);
      else if (output.type === "failed") this.#settle.reject(new Error(output.detail));
      else this.#settle.reject(new Error("closed"));
    }
    clearTimeout(this.#timer);
    const deadline = this.#dtls.deadline();
    if (deadline === undefined) return;
    const wait = Math.max(0, deadline - performance.now());
    this.#timer = setTimeout(() => this.act((now) => this.#dtls.timeout(now)), wait);
  }

  close(): void {
    this.act((now) => this.#dtls.close(now));
    clearTimeout(this.#timer);
    this.#socket.close();
  }
}

/** A program whose output grows while it runs. Its input stays open, or it would end by itself. */
export class Program {
  output = "";
  readonly #process: Subprocess<"pipe", "pipe", "pipe">;
  readonly #read: Promise<unknown>;

  constructor(command: string[]) {
    this.#process = spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
    const { stdout, stderr } = this.#process;
    this.#read = Promise.all([stdout, stderr].map((stream) => this.#collect(stream)));
  }

  /** Waits until the output matches at least `times` times. */
  async prints(pattern: RegExp, times = 1, withinMs = 10_000): Promise<RegExpMatchArray[]> {
    const until = performance.now() + withinMs;
    for (;;) {
      const matches = [...this.output.matchAll(pattern)];
      if (matches.length >= times) return matches;
      if (performance.now() > until) throw new Error(`no ${pattern} in:\n${this.output}`);
      await Bun.sleep(2);
    }
  }

  async stop(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
    await this.#read;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true });
  }
}

/** The exported block as both ends would print it: RFC 5764 §4.2's order. */
export function material({ keys }: Connected, role: "client" | "server"): string {
  const { localKey, localSalt, remoteKey, remoteSalt }: SrtpKeys = keys;
  const parts =
    role === "client"
      ? [localKey, remoteKey, localSalt, remoteSalt]
      : [remoteKey, localKey, remoteSalt, localSalt];
  return parts.map((part) => part.toHex()).join("");
}
