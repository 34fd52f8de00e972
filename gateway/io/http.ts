/** The HTTP port: the SIP WebSocket on its paths, the admin on all others. */
import type { Server } from "bun";
import { type HostPort, OperatorError } from "../options.ts";
import type { OwnCertificates } from "./own-certificates.ts";
import type { SipWebSocket, SocketData } from "./sip-websocket.ts";

export interface Http {
  /** How a person reaches it from this machine. */
  readonly url: string;
  stop(): Promise<void>;
}

export type Fetch = (request: Request, remoteAddress: string) => Response | Promise<Response>;

export interface HttpOptions {
  http: HostPort;
  /** Absent: without TLS. */
  certificates?: OwnCertificates;
  sockets: SipWebSocket;
  fetch: Fetch;
}

/** The largest body there is, an import; the admin allows less elsewhere. */
const BODY_BYTES_MAX = 17 * 1_024 * 1_024;

/** Throws an `OperatorError` when the port is taken. */
export function openHttp({ http, certificates, sockets, fetch }: HttpOptions): Http {
  const serveOptions = (port: number): Bun.Serve.Options<SocketData> => ({
    hostname: http.host,
    port,
    ...(certificates ? { tls: tlsOptions(certificates) } : {}),
    maxRequestBodySize: BODY_BYTES_MAX,
    // Live events stay open; they carry their own keep-alive.
    idleTimeout: 120,
    websocket: sockets.handlers,
    fetch: (request: Request, server: Server<SocketData>) =>
      sockets.serves(new URL(request.url).pathname)
        ? sockets.upgrade(request, server)
        : fetch(request, server.requestIP(request)?.address ?? ""),
  });
  let server = listen(() => serveOptions(http.port), `${http.host}:${http.port}`);
  const { port = http.port } = server;
  /** Servers before a renewal, while connections of theirs are open. */
  const former = new Set<Server<SocketData>>();
  // Bun's `reload` keeps the certificate: a new server takes the port over, and open sockets go on
  // at the one they began with.
  const unsubscribe = certificates?.subscribe(() => {
    const before = server;
    former.add(before);
    void before.stop().then(() => former.delete(before));
    server = Bun.serve(serveOptions(port));
  });
  return {
    url: `${certificates ? "https" : "http"}://${reachableHost(http.host)}:${port}`,
    stop: async () => {
      unsubscribe?.();
      sockets.closeAll();
      await Promise.all([server, ...former].map((it) => it.stop(true)));
    },
  };
}

/** The first certificate is for whoever asks for no name, or for none of the others'. */
function tlsOptions({ all: [first, ...others] }: OwnCertificates): Bun.TLSOptions[] {
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

function listen(
  serveOptions: () => Bun.Serve.Options<SocketData>,
  where: string,
): Server<SocketData> {
  try {
    return Bun.serve<SocketData>(serveOptions());
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      `--http ${where} can't be opened (${(error as Error).message}): choose another port with --http`,
    );
  }
}
