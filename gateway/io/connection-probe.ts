/**
 * Test connection at work: the name service and one socket of its own for the machine that decides
 * what to ask. It connects to the address that was resolved, and to no other (W8); what comes from
 * elsewhere is not read. Above: the admin. Below: `b2bua/connection-test`, handed in.
 */
import { connect as connectTcp, isIP, isIPv6, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { TestInput, TestOutput, TestTarget } from "../b2bua/connection-test.ts";
import type { TestStep } from "../b2bua/test-verdicts.ts";
import type { Millis } from "../machine.ts";
import type { Flow, FlowId, Target, TargetTls } from "../sip/flow.ts";
import { objectionTo } from "./certificate.ts";
import { monotonicNow } from "./clock.ts";
import { type LocalHostFor, ownFlow } from "./own-flow.ts";
import { type Dns, Resolver } from "./resolver.ts";
import { factsOf, readTlsFiles } from "./sip-tls.ts";

/** The machine, as far as the shell needs it. */
export interface TestMachine {
  readonly isDone: boolean;
  handle(input: TestInput, now: Millis): TestOutput[];
  deadline(): Millis | undefined;
}

export type TestEvent =
  | { readonly begun: TestStep["step"] }
  | ({ readonly begun?: never } & TestStep);

export interface ProbeOptions {
  readonly machine: TestMachine;
  /** How the PBX's certificate is checked, and by which name. */
  readonly tls: TargetTls;
  readonly name: string;
  readonly dns: Dns;
  readonly chance: () => number;
  readonly localHostFor: LocalHostFor;
  /** What is sent comes from that address of this machine; absent: the system chooses. */
  readonly localAddress?: string;
  readonly tell: (event: TestEvent) => void;
  /** Nobody waits for it any more. */
  readonly signal: AbortSignal;
}

const CONNECT_TIMEOUT_MS = 6_000;
/** More than any PBX says to two questions. */
const BYTES_MAX = 262_144;

/** Resolves when the test is over; never rejects. */
export function probe(options: ProbeOptions): Promise<void> {
  return new Probe(options).done;
}

interface Line {
  send(bytes: Uint8Array): void;
  close(): void;
}

class Probe {
  readonly done: Promise<void>;
  readonly #options: ProbeOptions;
  readonly #finished: () => void;
  #line: Line | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #bytes = 0;
  #isOver = false;

  constructor(options: ProbeOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#finished = resolve;
    options.signal.addEventListener("abort", () => this.#end());
    this.#feed({ type: "start" });
  }

  #feed(input: TestInput): void {
    if (this.#isOver) return;
    for (const output of this.#options.machine.handle(input, monotonicNow())) this.#carry(output);
    clearTimeout(this.#timer);
    const at = this.#options.machine.deadline();
    if (at === undefined || this.#isOver) return;
    const forMs = Math.max(0, at - monotonicNow());
    this.#timer = setTimeout(() => this.#feed({ type: "timeout" }), forMs);
  }

  #carry(output: TestOutput): void {
    switch (output.type) {
      case "resolve":
        void this.#resolve(output.target);
        break;
      case "connect":
        // Without a socket, for want of the address family or of descriptors, nothing is reached.
        this.#connect(output.target).catch(() =>
          this.#feed({ type: "refused", verdict: "unreachable" }),
        );
        break;
      case "send":
        this.#line?.send(output.bytes);
        break;
      case "begun":
        this.#options.tell({ begun: output.step });
        break;
      case "step":
        this.#options.tell(output.step);
        break;
      case "done":
        this.#end();
        break;
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#line?.close();
    this.#finished();
  }

  async #resolve(target: Target): Promise<void> {
    const { dns, chance } = this.#options;
    const asked: string[] = [];
    const resolver = new Resolver({ dns: noted(dns, asked), now: monotonicNow, chance });
    try {
      this.#feed({ type: "resolved", targets: await resolver.resolve(target), asked });
    } catch (error) {
      const isSilent = /name service does not answer/.test((error as Error).message);
      this.#feed({ type: "unresolved", isSilent });
    }
  }

  #received(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > BYTES_MAX) this.#closed();
    else this.#feed({ type: "received", bytes: new Uint8Array(bytes) });
  }

  #closed(): void {
    this.#feed({ type: "closed" });
  }

  #flow({ address, port, transport }: TestTarget, localPort: number): Flow {
    const { localHostFor, localAddress: interfaceAddress } = this.#options;
    const id = "test" as FlowId;
    const ports = { sentByPort: localPort, localPort };
    const place = { localHostFor, interfaceAddress };
    return ownFlow({ id, transport, remote: { address, port }, ...ports, ...place });
  }

  async #connect(target: TestTarget): Promise<void> {
    if (target.transport === "udp") {
      await this.#overUdp(target);
      return;
    }
    const outcome =
      target.transport === "tcp" ? await this.#tcpSocket(target) : await this.#tlsSocket(target);
    if (this.#isOver) {
      if (typeof outcome !== "string") outcome.destroy();
      return;
    }
    if (typeof outcome === "string") {
      this.#feed({ type: "refused", verdict: outcome });
      return;
    }
    outcome.on("data", (bytes: Uint8Array) => this.#received(bytes));
    outcome.on("error", () => {});
    outcome.on("close", () => this.#closed());
    this.#line = { send: (bytes) => outcome.write(bytes), close: () => outcome.destroy() };
    const flow = this.#flow(target, outcome.localPort ?? 0);
    const certificate = outcome instanceof TLSSocket ? certificateLines(outcome) : undefined;
    this.#feed({ type: "connected", flow, ...(certificate ? { certificate } : {}) });
  }

  async #overUdp(target: TestTarget): Promise<void> {
    const { address, port } = target;
    const socket = await Bun.udpSocket({
      hostname: this.#options.localAddress ?? (isIPv6(address) ? "::" : "0.0.0.0"),
      socket: {
        data: (_socket, data, fromPort, from) => {
          if (from.replace(/^::ffff:/, "") === address && fromPort === port) this.#received(data);
        },
        // A refusal by ICMP would tell a closed port from a filtered one.
        error: () => {},
      },
    });
    const send = (bytes: Uint8Array) => {
      try {
        socket.send(bytes, port, address);
      } catch {}
    };
    if (this.#isOver) socket.close();
    else {
      this.#line = { send, close: () => socket.close() };
      this.#feed({ type: "connected", flow: this.#flow(target, socket.port) });
    }
  }

  #tcpSocket({ address, port }: TestTarget): Promise<Socket | "unreachable"> {
    const { localAddress } = this.#options;
    const from = localAddress === undefined ? {} : { localAddress };
    return opened(connectTcp({ host: address, port, ...from }), "connect");
  }

  async #tlsSocket(target: TestTarget) {
    const { tls, name } = this.#options;
    let files: ReturnType<typeof readTlsFiles>;
    try {
      files = readTlsFiles(tls);
    } catch {
      return "tls-files" as const;
    }
    // First the port, then TLS on it: what fails must be told apart.
    const socket = await this.#tcpSocket(target);
    if (typeof socket === "string") return socket;
    const secured = connectTls({
      socket,
      ...(isIP(name) ? {} : { servername: name }),
      ...files,
      minVersion: "TLSv1.2",
      // Every certificate is let in so far that it can be said what is wrong with it.
      rejectUnauthorized: false,
    });
    const shaken = await opened(secured, "secureConnect");
    if (typeof shaken === "string") {
      socket.destroy();
      return "tls-failed" as const;
    }
    const facts = factsOf(shaken);
    if (objectionTo(facts, name, tls) === undefined) return shaken;
    shaken.destroy();
    return objected(facts.error, tls);
  }
}

function objected(error: string | undefined, { verify }: TargetTls) {
  if (verify === "pin") return "tls-pin" as const;
  if (/EXPIRED|NOT_YET_VALID/.test(error ?? "")) return "tls-expired" as const;
  if (/ALTNAME|HOSTNAME/.test(error ?? "")) return "tls-name" as const;
  return "tls-untrusted" as const;
}

/** The socket once it says `event`; else that nothing takes it. */
function opened<Kind extends Socket>(socket: Kind, event: string): Promise<Kind | "unreachable"> {
  const { promise, resolve } = Promise.withResolvers<Kind | "unreachable">();
  const fail = () => {
    socket.destroy();
    resolve("unreachable");
  };
  const timer = setTimeout(fail, CONNECT_TIMEOUT_MS);
  socket.once("error", fail);
  socket.once("close", fail);
  socket.once(event, () => {
    clearTimeout(timer);
    socket.off("error", fail);
    socket.off("close", fail);
    resolve(socket);
  });
  void promise.then(() => clearTimeout(timer));
  return promise;
}

/** Dates and hashes; of names what can be part of a host's name. */
function certificateLines(socket: TLSSocket): string[] {
  const { fingerprint, names, validTo } = factsOf(socket);
  const until = Date.parse(validTo);
  const hosts = names.split(",").map((it) => it.replace(/^\s*(?:DNS|IP Address):/, "").trim());
  const readable = hosts.filter((it) => /^[A-Za-z0-9.*:_-]{1,253}$/.test(it)).slice(0, 5);
  return [
    `made for: ${readable.join(", ") || "no host"}`,
    `valid until: ${Number.isNaN(until) ? "unknown" : new Date(until).toISOString().slice(0, 10)}`,
    `SHA-256: ${/^[0-9A-F:]*$/.test(fingerprint) ? fingerprint : ""}`,
    `protocol: ${socket.getProtocol() ?? "TLS"}`,
  ];
}

/** The name service, with a note of what was asked and how much was found. */
function noted(dns: Dns, asked: string[]): Dns {
  const note = async <Record>(kind: string, name: string, answer: Promise<Record[]>) => {
    const records = await answer.catch((error: unknown) => {
      asked.push(`${kind} ${name}: none`);
      throw error;
    });
    asked.push(`${kind} ${name}: ${records.length}`);
    return records;
  };
  return {
    naptr: (name) => note("NAPTR", name, dns.naptr(name)),
    srv: (name) => note("SRV", name, dns.srv(name)),
    addresses: (name) => note("A and AAAA", name, dns.addresses(name)),
  };
}
