/**
 * SIP over TLS (RFC 3261 §26.2, RFC 5922): connections to PBXs with their certificate checked, and,
 * where we have a certificate, from them. TLS 1.2 at least. Framing is the stack's; here are
 * sockets, certificates, and what waits for a slow reader.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import {
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
  type TLSSocket,
} from "node:tls";
import { FLOWS_PER_ADDRESS_MAX, TCP_BACKLOG_BYTES_MAX } from "../limits.ts";
import type { Nat } from "../own-place.ts";
import type { Flow, FlowId, TargetTls } from "../sip/flow.ts";
import { type CertificateFacts, objectionTo } from "./certificate.ts";
import type { OwnCertificate, OwnCertificates } from "./own-certificates.ts";
import { ownFlow } from "./own-flow.ts";
import type { ListenerBase } from "./sip-listeners.ts";

export interface SipTls {
  /** Connects; `opened` is fed on success, else the reason is the result. */
  open(id: FlowId, remote: Flow["remote"], wanted: WantedPeer): Promise<string | undefined>;
  send(id: FlowId, bytes: Uint8Array): boolean;
  close(id: FlowId, reason: string): boolean;
  /** Where it listens; undefined while it doesn't. */
  readonly port: number | undefined;
  /** Why it doesn't though there is a certificate. */
  readonly problem: string | undefined;
  stop(): void;
}

/** Whose certificate it must be, and how it is checked. */
export interface WantedPeer extends TargetTls {
  readonly name: string;
  readonly nat: Nat | undefined;
}

export interface SipTlsOptions extends ListenerBase {
  /** Where to listen as long as there is a certificate; absent: we only connect. */
  listen?: {
    hostname: string;
    port: number;
    certificates: OwnCertificates;
    /** Is told why it can't be opened. */
    tell: (problem: string) => void;
  };
}

const CONNECT_TIMEOUT_MS = 4_000;
const CLOSE_TIMEOUT_MS = 2_000;
const MIN_VERSION = "TLSv1.2";
const DEFAULT_PORT = 5_061;

/** Resolves when it listens, or when it is known why it doesn't. */
export async function openTls(options: SipTlsOptions): Promise<SipTls> {
  const { feed, localHostFor, interfaceAddress } = options;
  const sockets = new Map<FlowId, TLSSocket>();
  const reasons = new Map<FlowId, string>();
  const perAddress = new Map<string, number>();
  let accepted = 0;

  let listener: Listener | undefined;
  const keep = (id: FlowId, socket: TLSSocket, nat?: Nat): boolean => {
    const address = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    if (address === "") return false;
    const flow = ownFlow({
      id,
      transport: "tls",
      remote: { address, port: socket.remotePort ?? 0 },
      sentByPort: listener?.port ?? (options.listen?.port || DEFAULT_PORT),
      localPort: socket.localPort ?? 0,
      ...{ localHostFor, interfaceAddress, nat },
    });
    sockets.set(id, socket);
    socket.on("data", (data: Uint8Array) =>
      feed({ type: "received", flow, bytes: new Uint8Array(data) }),
    );
    socket.on("close", () => {
      if (!sockets.delete(id)) return;
      const reason = reasons.get(id) ?? "the peer closed it";
      reasons.delete(id);
      feed({ type: "closed", flow: id, reason });
    });
    feed({ type: "opened", flow });
    return true;
  };

  listener =
    options.listen &&
    new Listener(options.listen, (socket) => {
      accepted += 1;
      const id = `${options.idPrefix}tls ${accepted}` as FlowId;
      if (!hasRoom(perAddress, socket) || !keep(id, socket)) socket.destroy();
    });
  await listener?.settled;

  return {
    open: async (id, remote, wanted) => {
      const outcome = await reach(remote, interfaceAddress, wanted);
      if (typeof outcome === "string") return outcome;
      if (keep(id, outcome, wanted.nat)) return undefined;
      outcome.destroy();
      return "the peer closed it at once";
    },
    send: (id, bytes) => {
      const socket = sockets.get(id);
      if (!socket) return false;
      socket.write(bytes);
      if (socket.writableLength > TCP_BACKLOG_BYTES_MAX) {
        reasons.set(id, "the peer reads too slowly");
        socket.destroy();
      }
      return true;
    },
    close: (id, reason) => {
      const socket = sockets.get(id);
      if (!socket) return false;
      reasons.set(id, reason);
      socket.end();
      // A peer that reads nothing would keep it open for ever.
      setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS).unref();
      return true;
    },
    get port() {
      return listener?.port;
    },
    get problem() {
      return listener?.problem;
    },
    stop: () => {
      listener?.stop();
      for (const socket of sockets.values()) socket.destroy();
    },
  };
}

/**
 * Counts an accepted connection while it is open; false where its address has too many. Our own are
 * not counted: a PBX may have many accounts of ours.
 */
function hasRoom(perAddress: Map<string, number>, socket: TLSSocket): boolean {
  const { remoteAddress: address = "" } = socket;
  const others = perAddress.get(address) ?? 0;
  if (others >= FLOWS_PER_ADDRESS_MAX) return false;
  perAddress.set(address, others + 1);
  socket.on("close", () => {
    const left = (perAddress.get(address) ?? 1) - 1;
    if (left > 0) perAddress.set(address, left);
    else perAddress.delete(address);
  });
  return true;
}

/** A connection whose certificate is as the connection wants it, or why there is none. */
function reach(
  { address, port }: Flow["remote"],
  localAddress: string | undefined,
  { name, ...tls }: WantedPeer,
): Promise<TLSSocket | string> {
  const { promise, resolve } = Promise.withResolvers<TLSSocket | string>();
  const where = `${name}:${port}`;
  let files: { ca?: string; cert?: string; key?: string };
  try {
    files = readTlsFiles(tls);
  } catch (error) {
    return Promise.resolve((error as Error).message);
  }
  const socket = connect({
    host: address,
    port,
    ...(localAddress === undefined ? {} : { localAddress }),
    // RFC 6066 §3: an address is no server name.
    ...(isIP(name) ? {} : { servername: name }),
    ...files,
    minVersion: MIN_VERSION,
    // Every certificate is let in so far that it can be said what is wrong with it.
    rejectUnauthorized: false,
  });
  const timer = setTimeout(() => fail("no answer in time"), CONNECT_TIMEOUT_MS);
  const fail = (reason: string) => {
    clearTimeout(timer);
    socket.destroy();
    resolve(`${where} takes no TLS connection: ${reason}`);
  };
  socket.on("error", (error) => fail(error.message));
  socket.on("secureConnect", () => {
    clearTimeout(timer);
    const objection = objectionTo(factsOf(socket), name, tls);
    if (objection === undefined) resolve(socket);
    else {
      socket.destroy();
      resolve(objection);
    }
  });
  return promise;
}

/** What the TLS library found out about the peer's certificate. */
export function factsOf(socket: TLSSocket): CertificateFacts {
  const certificate = socket.getPeerCertificate();
  const error = socket.authorizationError as unknown;
  const code =
    error instanceof Error ? ((error as { code?: string }).code ?? error.message) : error;
  return {
    error: socket.authorized ? undefined : String(code ?? "UNKNOWN"),
    fingerprint: certificate?.fingerprint256 ?? "",
    names: certificate?.subjectaltname ?? String(certificate?.subject?.CN ?? "nobody"),
    validTo: certificate?.valid_to ?? "",
  };
}

/** Throws a sentence where a file can't be read. */
export function readTlsFiles({ caFile, certificateFile, keyFile }: TargetTls) {
  const read = (file: string) => {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      throw new Error(`the TLS file ${file} can't be read: ${(error as Error).message}`);
    }
  };
  return {
    ...(caFile === undefined ? {} : { ca: read(caFile) }),
    ...(certificateFile === undefined ? {} : { cert: read(certificateFile) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile) }),
  };
}

/** Where PBXs connect by TLS: open as long as there is a certificate. */
class Listener {
  readonly #at: NonNullable<SipTlsOptions["listen"]>;
  readonly #accept: (socket: TLSSocket) => void;
  readonly #unsubscribe: () => void;
  #server: Server | undefined;
  #contexts = new Map<OwnCertificate, SecureContext>();
  problem: string | undefined;
  /** When the last attempt to open it has an outcome. */
  settled: Promise<void> = Promise.resolve();

  constructor(at: NonNullable<SipTlsOptions["listen"]>, accept: (socket: TLSSocket) => void) {
    this.#at = at;
    this.#accept = accept;
    this.#unsubscribe = at.certificates.subscribe(() => this.#follow());
    this.#follow();
  }

  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  stop(): void {
    this.#unsubscribe();
    this.#close();
  }

  /** Open connections keep the certificate they began with, or none at all. */
  #follow(): void {
    const { all } = this.#at.certificates;
    this.#contexts = new Map(all.map((own) => [own, createSecureContext(contextOf(own))]));
    const [first] = all;
    if (!first) this.#close();
    else if (this.#server) this.#server.setSecureContext(contextOf(first));
    else this.#open(first);
  }

  #open(first: OwnCertificate): void {
    const { hostname, port, certificates, tell } = this.#at;
    const contextFor = (name: string) => {
      const own = certificates.for(name);
      return own && this.#contexts.get(own);
    };
    const server = createServer(
      {
        ...contextOf(first),
        SNICallback: (name, done) => done(null, contextFor(name)),
      },
      (socket) => {
        socket.on("error", () => socket.destroy());
        this.#accept(socket);
      },
    );
    // A handshake that fails is the peer's business; the next one is not touched by it (S13).
    server.on("tlsClientError", () => {});
    const { promise, resolve } = Promise.withResolvers<void>();
    server.on("error", ({ message }) => {
      this.problem = `--sip-tls ${hostname}:${port} can't be opened (${message}): choose another port with --sip-tls`;
      tell(this.problem);
      this.#server = undefined;
      resolve();
    });
    this.problem = undefined;
    this.#server = server;
    this.settled = promise;
    server.listen(port, hostname, () => resolve());
  }

  #close(): void {
    this.problem = undefined;
    this.#server?.close();
    this.#server = undefined;
  }
}

function contextOf({ cert, key }: OwnCertificate) {
  return { cert, key, minVersion: MIN_VERSION } as const;
}
