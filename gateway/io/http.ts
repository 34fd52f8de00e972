/** The HTTP port: the SIP WebSocket on its paths, the admin on all others. */
import type { Server } from "bun";
import { type HostPort, OperatorError } from "../options.ts";
import type { OwnCertificates } from "./own-certificates.ts";
import type { OwnTls } from "./own-tls.ts";
import type { SipWebSocket, SocketData } from "./sip-websocket.ts";

export type Fetch = (request: Request, remoteAddress: string) => Response | Promise<Response>;

type Parts = Pick<WebOptions, "sockets" | "fetch">;

export interface Web {
  /** How a person reaches it from this machine. */
  readonly url: string;
  /** Where it is served over TLS; undefined while it isn't. */
  readonly httpsPort: number | undefined;
  /** Why it isn't though there is a certificate. */
  readonly problem: string | undefined;
  stop(): Promise<void>;
}

export interface WebOptions {
  /** Over TLS where the command line gives a certificate. */
  http: HostPort;
  /** Open as long as the settings give one. */
  https: HostPort;
  tls: Pick<OwnTls, "certificates" | "isFixed">;
  sockets: SipWebSocket;
  fetch: Fetch;
  /** Is told each problem. */
  tell: (problem: string) => void;
}

/** The largest body there is, an import; the admin allows less elsewhere. */
const BODY_BYTES_MAX = 17 * 1_024 * 1_024;

/** Throws an `OperatorError` when `http` is taken; whether `https` is, `problem` says. */
export function openWeb(options: WebOptions): Web {
  const { http, https, tls } = options;
  const { certificates, isFixed } = tls;
  const first = new Listener("--http", http, options);
  try {
    first.open(isFixed ? certificates : undefined);
  } catch (error) {
    throw new OperatorError((error as Error).message);
  }
  const secure = isFixed ? first : new Listener("--https", https, options);
  let problem: string | undefined;
  const follow = () => {
    problem = undefined;
    try {
      if (certificates.all.length > 0) secure.open(certificates);
      else secure.close();
    } catch (error) {
      problem = (error as Error).message;
      options.tell(problem);
    }
  };
  if (secure !== first) follow();
  const unsubscribe = certificates.subscribe(follow);
  return {
    url: `${isFixed ? "https" : "http"}://${reachableHost(http.host)}:${first.port}`,
    get httpsPort() {
      return secure.port;
    },
    get problem() {
      return problem;
    },
    stop: async () => {
      unsubscribe();
      await Promise.all([first.stop(), secure.stop()]);
    },
  };
}

/** A port that can be opened again with another certificate, or closed, under open connections. */
class Listener {
  readonly #flag: string;
  readonly #at: HostPort;
  readonly #parts: Parts;
  #server: Server<SocketData> | undefined;
  /** Servers before, while connections of theirs are open. */
  readonly #former = new Set<Server<SocketData>>();

  constructor(flag: string, at: HostPort, parts: Parts) {
    this.#flag = flag;
    this.#at = at;
    this.#parts = parts;
  }

  get port(): number | undefined {
    return this.#server?.port;
  }

  /**
   * Without certificates it is served without TLS. Throws where it can't be. Bun's `reload` keeps
   * the certificate: a new server takes the port over, and open sockets go on at the one they
   * began with.
   */
  open(certificates: OwnCertificates | undefined): void {
    const { host, port } = this.#at;
    const current = this.port;
    this.close();
    try {
      const tls = certificates && tlsOptions(certificates);
      this.#server = Bun.serve(this.#options(current ?? port, tls));
    } catch (error) {
      const { message } = error as Error;
      throw new Error(
        `${this.#flag} ${host}:${port} can't be opened (${message}): choose another port with ${this.#flag}`,
      );
    }
  }

  close(): void {
    const before = this.#server;
    this.#server = undefined;
    if (!before) return;
    this.#former.add(before);
    void before.stop().then(() => this.#former.delete(before));
  }

  async stop(): Promise<void> {
    this.close();
    await Promise.all([...this.#former].map((it) => it.stop(true)));
  }

  #options(port: number, tls: Bun.TLSOptions[] | undefined): Bun.Serve.Options<SocketData> {
    const { sockets, fetch } = this.#parts;
    return {
      hostname: this.#at.host,
      port,
      ...(tls ? { tls } : {}),
      maxRequestBodySize: BODY_BYTES_MAX,
      // Live events stay open; they carry their own keep-alive.
      idleTimeout: 120,
      websocket: sockets.handlers,
      fetch: (request: Request, server: Server<SocketData>) =>
        sockets.serves(new URL(request.url).pathname)
          ? sockets.upgrade(request, server)
          : fetch(request, server.requestIP(request)?.address ?? ""),
    };
  }
}

/** The first certificate is for whoever asks for no name, or for none of the others'. */
function tlsOptions({ all: [first, ...others] }: OwnCertificates): Bun.TLSOptions[] {
  if (!first) throw new Error("there is no certificate");
  const { cert, key } = first;
  const named = others.flatMap((own) =>
    own.names.map((serverName) => ({ serverName, cert: own.cert, key: own.key })),
  );
  return [{ serverName: "", cert, key }, ...named];
}

/** An address that means "every address" leads nowhere in a browser; this machine's name does. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
